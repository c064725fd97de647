// Package projectiontest tests a projection without a store: given events, then rows.
//
//	projectiontest.Of(t, readmodels.Statement).
//		Given("alice", accounts.AccountOpened{Owner: "Alice", Currency: "EUR"}).
//		Given("alice", accounts.MoneyDeposited{Amount: 500, Currency: "EUR"}).
//		Then(readmodels.Line{AccountID: "alice", Sequence: 2, Amount: 500, Balance: 500})
//
// Events of several aggregates may be given in turns: the aggregate is found by the event's type. Each event
// is a batch of its own, and then all of them together are one: both must make the same rows. An event that
// looks up a state must come after the one that it refers to.
package projectiontest
