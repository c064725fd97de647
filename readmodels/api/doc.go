// Package api answers HTTP requests from the read models of package readmodels:
//
//	GET /read-models/accounts                     accounts, by owner, status or currency
//	GET /read-models/accounts/{id}/statement      a statement of a month: JSON, CSV or HTML
//	GET /read-models/accounts/{id}/card           what a front end shows of an account
//	GET /read-models/orders                       orders by status, what waits longest first
//	GET /read-models/orders/search                orders by words
//	GET /read-models/customers/{account}          an account with its orders, the newest first
//
// Lists come in pages. A page ends with the path of the next one, whose cursor names the last row: rows that
// come or go meanwhile neither repeat nor hide others. Every answer has an entity tag of its content. A
// request may name a position that the answer must show, such as that of the client's own command: see
// [Fresh]. A position that is not shown yet, a read model that is not live yet, and a store that does not
// answer, are 503 with Retry-After.
//
// Add the endpoints to a worker by [Extension].
package api
