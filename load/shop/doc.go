// Package shop is the traffic of a shop: customers open accounts, move money and place orders; some ask for
// what can't be, some send twice. The same seed gives the same commands. Every order goes on to its end:
// shipped and delivered, cancelled, or declined.
//
// It knows the contracts of accounts and orders by their names in JSON, as any client would.
package shop
