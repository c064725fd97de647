package orders

import (
	"fmt"

	"refold/eventsourcing"
	"refold/processors"
	"refold/processors/accounts"
)

// Payments is the process that has accounts pay for orders:
//
//	OrderPlaced     → ChargeAccount → accepted: RecordPayment, rejected: RecordPaymentDeclined
//	RefundRequested → RefundAccount → accepted: RecordRefund,  rejected: RecordRefundDeclined
//	SurplusReceived → RefundAccount → the same
//
// The order's ID is the charge's reference, so that the account knows what it may refund. An order
// that is cancelled while its payment is under way asks for the refund itself, when it hears of the
// payment: nothing here has to know.
var Payments = processors.Process[Event]{
	Name:     "order-payments",
	Of:       Definition,
	React:    pay,
	Conclude: tell,
	Commands: []processors.AggregateDefinition{accounts.Definition, Definition},
	Results:  []processors.AggregateDefinition{accounts.Definition},
}

func pay(e eventsourcing.Envelope[Event]) []eventsourcing.Instruction {
	account := func(id string, command accounts.Command) []eventsourcing.Instruction {
		return []eventsourcing.Instruction{
			{Aggregate: accounts.Definition.Name, Subject: id, Command: command},
		}
	}
	switch event := e.Data.(type) {
	case OrderPlaced:
		return account(event.AccountID, accounts.ChargeAccount{
			Amount: event.Total, Currency: event.Currency, Reference: e.Subject,
		})
	case RefundRequested:
		return account(event.AccountID, accounts.RefundAccount{
			Amount: event.Amount, Currency: event.Currency, Reference: e.Subject,
		})
	case SurplusReceived:
		return account(event.AccountID, accounts.RefundAccount{
			Amount: event.Amount, Currency: event.Currency, Reference: e.Subject,
		})
	default:
		return nil
	}
}

func tell(r eventsourcing.Reply) []eventsourcing.Instruction {
	order := func(command Command) []eventsourcing.Instruction {
		return []eventsourcing.Instruction{
			{Aggregate: Definition.Name, Subject: r.Origin.Subject, Command: command},
		}
	}
	// A charge or a refund is one event of the account; its ID is the payment's.
	id := eventsourcing.EventRef{Subject: r.Subject, Sequence: r.Result.FirstSequence}.ID()
	switch result := r.Result; result.CommandType {
	case charge:
		if result.Accepted {
			return order(RecordPayment{PaymentID: id})
		}
		return order(RecordPaymentDeclined{Code: result.Code, Message: result.Message})
	case refund:
		if result.Accepted {
			return order(RecordRefund{RefundID: id})
		}
		return order(RecordRefundDeclined{Code: result.Code, Message: result.Message})
	default:
		panic(fmt.Sprintf("orders: the result of a %s, which the process never sends",
			result.CommandType))
	}
}

var (
	charge = eventsourcing.TypeName(accounts.ChargeAccount{})
	refund = eventsourcing.TypeName(accounts.RefundAccount{})
)
