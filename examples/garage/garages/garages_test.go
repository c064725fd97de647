package garages_test

import (
	"testing"
	"time"

	"example.com/garage/garages"

	"refold/eventsourcing"
	"refold/eventsourcing/scenario"
	"refold/processors/accounts"
	"refold/processors/foldtest"
)

var (
	nine = time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	eur  = garages.GarageOpened{Spaces: 1, PricePerHour: 250, Currency: "EUR"}
	in   = garages.CarEntered{Plate: "B-1", AccountID: "alice"}
	out  = garages.CarLeft{Plate: "B-1", AccountID: "alice", Minutes: 61, Fee: 500, Currency: "EUR"}
)

// Nobody sends a time stamp: how long a car was inside is told by the times of the commands.
func TestFeeIsForHoursBegun(t *testing.T) {
	scenario.Of(t, garages.Definition.Decider()).At(nine).
		Given(eur, in).At(nine.Add(61 * time.Minute)).
		When(garages.LeaveGarage{Plate: "B-1"}).Then(out).
		HasState(garages.Garage{
			Spaces: 1, PricePerHour: 250, Currency: "EUR", Cars: []garages.Car{},
			Fees: []garages.Fee{{Sequence: 3, Plate: "B-1"}},
		})
}

func TestFullGarageLetsNobodyIn(t *testing.T) {
	scenario.Of(t, garages.Definition.Decider()).
		Given(eur, in).
		When(garages.EnterGarage{Plate: "B-2", AccountID: "bob"}).ThenRejected("garage-full")
}

// A condition of a command alone is a rule of its schema, and the garage is not asked.
func TestCarNeedsAPlate(t *testing.T) {
	scenario.Of(t, garages.Definition.Decider()).
		Given(eur).
		When(garages.EnterGarage{AccountID: "alice"}).ThenRejected(eventsourcing.CodeRuleViolated)
}

func TestCarWhoseFeeWasRefusedStaysOutside(t *testing.T) {
	scenario.Of(t, garages.Definition.Decider()).
		Given(eur, in, out, garages.FeeSettled{Sequence: 3}).
		When(garages.EnterGarage(in)).ThenRejected("fee-unpaid").
		Given(garages.FeeSettled{Sequence: 3, Paid: true}).
		When(garages.EnterGarage(in)).Then(in)
}

func TestBilling(t *testing.T) {
	left := eventsourcing.EventRef{Subject: "g-1", Sequence: 1}
	charge := accounts.ChargeAccount{Amount: 500, Currency: "EUR", Reference: left.ID()}
	scenario.OfProcess(t, garages.Billing.Reaction()).
		When("g-1", in).Then().
		When("g-1", out).Then(eventsourcing.Instruction{
		Aggregate: "account", Subject: "alice", Command: charge,
	}).
		WhenRejected(left, "alice", charge, "insufficient-funds").Then(eventsourcing.Instruction{
		Aggregate: "garage", Subject: "g-1", Command: garages.SettleFee{Sequence: 1},
	})
}

// The table can be made again from the events, byte for byte.
func TestFoldMakesTheRows(t *testing.T) {
	foldtest.MakesTheRows(t, garages.Definition, []garages.Command{
		garages.OpenGarage(eur), garages.EnterGarage(in), garages.EnterGarage(in), // the second is rejected
		garages.LeaveGarage{Plate: "B-1"},
		garages.SettleFee{Sequence: 3},
		garages.SettleFee{Sequence: 3, Paid: true},
		garages.EnterGarage(in),
	})
}
