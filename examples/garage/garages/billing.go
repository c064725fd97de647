package garages

import (
	"refold/eventsourcing"
	"refold/processors"
	"refold/processors/accounts"
)

// Billing charges the account of each car that leaves, and tells the garage what came of it.
var Billing = processors.Process[Event]{
	Name:     "garage-billing",
	Of:       Definition,
	React:    charge,
	Conclude: settle,
	Commands: []processors.AggregateDefinition{accounts.Definition, Definition},
	Results:  []processors.AggregateDefinition{accounts.Definition},
}

// charge reacts to an event. The event's ID is the reference, so that nothing is charged twice.
func charge(e eventsourcing.Envelope[Event]) []eventsourcing.Instruction {
	left, is := e.Data.(CarLeft)
	if !is || left.Fee == 0 {
		return nil
	}
	return []eventsourcing.Instruction{{
		Aggregate: accounts.Definition.Name, Subject: left.AccountID,
		Command: accounts.ChargeAccount{Amount: left.Fee, Currency: left.Currency, Reference: e.ID},
	}}
}

// settle is told what came of a charge. Origin is the event that led to it.
func settle(r eventsourcing.Reply) []eventsourcing.Instruction {
	return []eventsourcing.Instruction{{
		Aggregate: Definition.Name, Subject: r.Origin.Subject,
		Command: SettleFee{Sequence: r.Origin.Sequence, Paid: r.Result.Accepted},
	}}
}
