// Command processor is Refold's worker, and the tools around it, for accounts and orders: see
// `processor help`.
package main

import (
	"refold/load/shop"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/program"
	"refold/readmodels"
	"refold/readmodels/api"
	"refold/worker"
)

// version is set by the build (see the Makefile).
var version string

func main() {
	program.Program{
		Version: version,
		Definitions: []processors.Definition{
			accounts.Definition, orders.Definition, orders.Payments,
			readmodels.AccountsCurrent, readmodels.AccountStatement, readmodels.OrdersByStatus,
			readmodels.CustomerOrders, readmodels.OrderSearch, readmodels.AccountCard,
		},
		Extensions: []worker.Extension{api.Extend},
		Traffic:    shop.Traffic{},
	}.Main()
}
