// Command audit checks an installation with accounts and orders, by what can be read when the work is
// done: its topics, the local stores of its workers, their views, its read models, and what its clients were
// told.
// An installation with other aggregates has a main like this one, see docs/your-own-audit.md.
package main

import "refold/audit"

func main() {
	audit.Main(audit.Accounts, audit.Orders,
		audit.AccountsCurrent, audit.AccountStatement, audit.OrdersByStatus, audit.CustomerOrders,
		audit.OrderSearch, audit.AccountCard)
}
