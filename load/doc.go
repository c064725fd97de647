// Package load makes believable traffic against a running system and tells what it was told.
//
// [Customers] think up what a shop's customers do: they open accounts, move money, place orders;
// some ask for what can't be, some send twice. The same seed gives the same commands. A [Driver]
// sends them at a rate that doesn't depend on the answers, follows every order to its end, and
// asks again under the same ID until it has an answer. How commands travel is a [System]'s matter:
// [HTTP] asks any of several workers, [Topic] writes records and reads results.
//
// It knows the contracts of accounts and orders by their names in JSON, as any client would.
package load
