// Package readmodels has the projections of accounts and orders that come with the program:
//
//	projection         for                                  tables
//	AccountsCurrent    every account as it is               accounts_current
//	AccountStatement   statements by month                  account_statement, account_months,
//	                                                        account_holders
//	OrdersByStatus     an operations desk: what waits       orders_by_status
//	CustomerOrders     an account with all its orders       customers, customer_orders
//	OrderSearch        orders by words                      order_search
//	AccountCard        a front end that asks all the time   account_card
//
// Amounts are in minor units of their currency. Times are those of commands, in UTC. docs/read-models.md has
// the tables, and queries over them; package api answers HTTP requests from them.
package readmodels
