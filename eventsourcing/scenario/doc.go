// Package scenario tests an aggregate by stories that read like its specification:
//
//	story := scenario.Of(t, accounts.Decider)
//	story.Given(accounts.AccountOpened{Owner: "alice", Currency: "EUR"}).
//		When(accounts.DepositMoney{Amount: 100, Currency: "EUR"}).
//		Then(accounts.MoneyDeposited{Amount: 100, Currency: "EUR"}).
//		When(accounts.CloseAccount{}).
//		ThenRejected(accounts.CodeBalanceNotZero)
//
// A story that ends otherwise fails its test at once, and tells what was given, when what
// happened, what was expected and what came instead.
package scenario
