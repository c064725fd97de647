package garages

import (
	"fmt"
	"slices"
	"time"

	"refold/eventsourcing"
)

func decide(ctx eventsourcing.Context, g Garage, command Command) ([]Event, error) {
	if _, is := command.(OpenGarage); !is && g.Spaces == 0 {
		return nil, eventsourcing.Reject("garage-not-open", "there is no garage %s", ctx.Subject)
	}
	switch c := command.(type) {
	case OpenGarage:
		if g.Spaces > 0 || c.Spaces < 1 || c.PricePerHour < 0 {
			return nil, eventsourcing.Reject("garage-not-opened",
				"the garage must be new, with 1 space or more and a price of 0 or more")
		}
		return []Event{GarageOpened(c)}, nil
	case EnterGarage:
		switch {
		case g.find(c.Plate) >= 0:
			return nil, eventsourcing.Reject("car-inside", "%s is inside already", c.Plate)
		case g.Free() == 0:
			return nil, eventsourcing.Reject("garage-full", "all %d spaces are taken", g.Spaces)
		case slices.ContainsFunc(g.Fees, func(f Fee) bool { return f.Refused && f.Plate == c.Plate }):
			return nil, eventsourcing.Reject("fee-unpaid", "%s has not paid a fee", c.Plate)
		}
		return []Event{CarEntered(c)}, nil
	case LeaveGarage:
		i := g.find(c.Plate)
		if i < 0 {
			return nil, eventsourcing.Reject("car-outside", "%s is not inside", c.Plate)
		}
		inside := max(0, ctx.Time.Sub(g.Cars[i].Since)) // clocks of senders differ
		hours := int64((inside + time.Hour - 1) / time.Hour)
		return []Event{CarLeft{
			Plate: c.Plate, AccountID: g.Cars[i].AccountID, Minutes: int64(inside / time.Minute),
			Fee: hours * g.PricePerHour, Currency: g.Currency,
		}}, nil
	case SettleFee:
		if !slices.ContainsFunc(g.Fees, func(f Fee) bool { return f.Sequence == c.Sequence }) {
			return nil, nil // settled before
		}
		return []Event{FeeSettled(c)}, nil
	}
	return nil, fmt.Errorf("no decision for a %T", command)
}

func evolve(g Garage, recorded eventsourcing.Recorded[Event]) Garage {
	switch e := recorded.Event.(type) {
	case GarageOpened:
		g.Spaces, g.PricePerHour, g.Currency = e.Spaces, e.PricePerHour, e.Currency
	case CarEntered:
		g.Cars = append(slices.Clip(g.Cars), Car{e.Plate, e.AccountID, recorded.Time})
	case CarLeft:
		g.Cars = slices.DeleteFunc(slices.Clone(g.Cars), func(c Car) bool { return c.Plate == e.Plate })
		if e.Fee > 0 {
			g.Fees = append(slices.Clip(g.Fees), Fee{Sequence: recorded.Sequence, Plate: e.Plate})
		}
	case FeeSettled:
		fees := slices.Clone(g.Fees)
		i := slices.IndexFunc(fees, func(f Fee) bool { return f.Sequence == e.Sequence })
		if fees[i].Refused = true; e.Paid {
			fees = slices.Delete(fees, i, i+1)
		}
		g.Fees = fees
	default:
		panic(fmt.Sprintf("no fold for a %T", e))
	}
	return g
}

// Free returns how many spaces are free.
func (g Garage) Free() int64 { return g.Spaces - int64(len(g.Cars)) }

func (g Garage) find(plate string) int {
	return slices.IndexFunc(g.Cars, func(c Car) bool { return c.Plate == plate })
}
