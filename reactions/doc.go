// Package reactions sends events to the world outside: an e-mail, a webhook, a call of another service.
//
//	var Receipts = reactions.Reaction{
//		Name: "receipts",
//		From: reactions.To(accounts.Definition, receipt),
//	}
//
//	func receipt(ctx context.Context, e reactions.Event[accounts.Event]) error {
//		if deposited, is := e.Data.(accounts.MoneyDeposited); is {
//			return mail(ctx, e.Key, deposited)
//		}
//		return nil
//	}
//
// A reaction is a consumer group of its own, whose offsets are in Kafka. No rebuild of a table or of a read
// model has anything sent again. It begins with what happens after it was first started.
//
// # How often
//
// Each event is sent until it was sent, and then its offset is committed, at once. No more can be promised to
// a receiver that takes no part in Kafka's transactions: a process that dies between the two leaves an event
// that the next one sends again. It does so under the same key, [Event.Key], which is the reaction's name and
// the event's ID. A receiver that remembers keys takes each event once.
//
// # Order and faults
//
// The events of a partition are sent one after the other, and so are those of an aggregate. An error is a
// fault: the event is tried again, with growing pauses, and its partition waits; all others go on. [Refuse]
// says that trying again can't help. Then the event becomes a dead letter, or the partition stops, by
// [Options].Poison. A dead letter that is replayed goes to this reaction alone, by a topic of its own, and is
// sent under the key that it had; it then comes after events that have happened later.
package reactions
