// Package accounts is a ledger of accounts, event-sourced: one account is one aggregate, its
// balance the fold of what was paid in and out.
//
// Read the files in this order: commands.go (what one may wish), events.go (what can have
// happened; the stored format), state.go (what events amount to), decide.go (which wish becomes
// which fact, or why not), former.go (what earlier releases have written), and then
// definition.go (all of it as one value, of which a program makes topics, the Goka graph and the API). The
// Avro schemas are made from the structs.
//
// # Rules
//
//   - Money is a whole number of minor units (cents) of one ISO 4217 currency, chosen when the
//     account is opened. The balance is never negative, and never more than an int64 holds.
//   - What is wrong with a command itself (no owner, an amount of 0) is told before what is wrong
//     with it on this account, so that the answer does not depend on the account.
//   - Frozen means that nothing goes out: no withdrawal, no charge, no closing. Deposits and
//     refunds come in: the ledger can't make the outside world keep money that is the owner's, and
//     a refund refused would be lost between two books. Why an account is frozen is in the event,
//     its kind in the state, and neither in an answer to a command: the sender of a payment has no
//     right to learn it.
//   - A closed account is closed for good, and its ID is not used again. Its balance is zero. A
//     refund to it is refused: pay it out in another way.
//   - A refund gives back what a charge with the same reference took, all or a part of it, never
//     more. For that an account remembers [MaxCharges] references; a further one forgets the one
//     charged longest ago, one that is refunded before one that isn't. This bounds the row. A
//     refund of a forgotten charge is refused as reference-unknown, and is made as a deposit, by a
//     person who has looked the charge up in the account's events.
//   - A reference is charged once, so that whoever asks for the same payment again, by whatever
//     command ID, does not take the money again. An account that has forgotten the reference can't
//     tell: a caller that may ask so late has to notice the second payment itself, as orders do.
package accounts
