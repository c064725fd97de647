// Package orders is an order book, event-sourced: one order is one aggregate, from its placing over
// its payment to its delivery, or to its end before.
//
// Read the files in this order: commands.go (what one may wish), events.go (what can have
// happened; the stored format), state.go (what events amount to), decide.go (which wish becomes
// which fact, or why not), record.go (the same for what the payment process records), payment.go (the
// process between orders and accounts), former.go (what earlier releases have written), and then
// definition.go (all of it as one value, of which a program makes topics, the Goka graph and the API). The
// Avro schemas are made from the structs.
//
// # The life of an order
//
//	            PlaceOrder              ShipOrder           DeliverOrder
//	(nothing) ────────────▶ placed ────────────────▶ shipped ────────────▶ delivered
//	                          │  │      once paid
//	              CancelOrder │  │ the account declined
//	                          ▼  ▼
//	                   cancelled declined
//
// and of its money, which only the payment process moves:
//
//	pending ──▶ paid ──▶ refund-pending ──▶ refunded, or refund-declined
//	   └──────▶ declined
//
// # Rules
//
//   - Money is a whole number of minor units (cents) of one active ISO 4217 currency, which each line
//     names again. The total is computed when the order is placed, and never again. A line, or a sum
//     of lines, of more than an int64 counts is refused.
//   - A quantity is at least 1. A unit price may be 0, for what is given with something else; an
//     order of gifts alone is refused, because accounts refuse a charge of 0.
//   - Lines are limited in number, texts in length (rejections.go): they are in the row, and the row
//     is written with every command. A text is one line of UTF-8, and kept as it came.
//   - An order is shipped at once, in one parcel or several, by one carrier or several. Each parcel is an
//     event, and the last event says that this was all.
//   - What is wrong with a command itself (no lines, two currencies) is told before what is wrong
//     with it on this order.
//   - Whether the account exists, is open, has that currency and enough money is the account's to
//     say. Until it has, the payment is pending, and the order can't be shipped. What it refuses
//     with is the order's code. For a charge that is account-not-open, account-frozen,
//     account-closed, currency-mismatch, insufficient-funds or reference-already-charged (somebody
//     else has charged it for the order's ID); for a refund account-not-open, account-closed,
//     currency-mismatch, balance-overflow, reference-unknown or reference-exceeded. Either may be
//     text-too-long or text-invalid, if the order's ID is no reference that accounts take, and
//     whatever a later release of accounts refuses with.
//   - A cancelled order is refunded. If the payment was still under way when it was cancelled, the
//     order asks for the refund when it hears of the payment; if the account declines, there is
//     nothing to refund. So it makes no difference which comes first.
//   - A refund that the account does not take (it was closed meanwhile, or has forgotten the
//     charge) leaves the order at refund-declined: the money is the customer's, and a person has to
//     pay it out in another way.
//   - What the process records may come again, long after the ring has forgotten it. Payments and
//     refunds are recognized by the IDs of the account's events, accepted, and lead to no event. A
//     decline says nothing new once the payment, or the refund, is answered.
//   - A payment that is not due (the process was made to do everything again, and the account had
//     forgotten the charge, or had declined it) is a surplus. The order notes it, whatever its
//     state, which stays as it is, and asks for its refund.
package orders
