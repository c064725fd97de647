// Package httpapi serves the read side over HTTP, and takes commands. It has no authentication and must not
// face the internet.
//
//	POST /accounts/{id}/commands       send a command, and wait for its result if asked to
//	GET  /accounts/{id}/commands/{id}  how far a command has come
//	GET  /commands/{id}                the same, by the command's ID alone
//	GET  /accounts/{id}                an aggregate's state, now or in the past
//	GET  /accounts                     the list of aggregates
//	GET  /accounts/{id}/events         an aggregate's history
//	GET  /accounts/{id}/why            which events last set its fields
//	GET  /traces/{id}                  everything that a command has led to
//	GET  /events/live                  what happens now, of all aggregates, as server-sent events
//	GET  /rebuilds /views              for operators, with POST /admin/…: see package admin
//	GET  /healthz /readyz /metrics /openapi.json /
//
// "accounts" stands for any aggregate: its name, its commands and their JSON come from [Resource]. A program
// may add endpoints of its own, see [Route].
//
// HTTP's own standards carry the meaning: ETag and If-Match the sequence, Idempotency-Key the command ID,
// Prefer: wait=SECONDS (RFC 7240) the wish to wait, problem+json (RFC 9457) every error. A problem's member
// code is stable and made for programs; detail is made for people. Package client is a client of it all.
//
// Statuses of errors: 400 the request is malformed; 404 there is no such thing (here, yet); 412 the aggregate
// isn't at the sequence of If-Match; 422 the command was understood and rejected; 503 with Retry-After not
// now, try again (a view is being restored, a state as new as asked for has not arrived, the server stops);
// 504 it is not known whether the command was sent: send it again under the same Idempotency-Key, that is
// safe (promise G1).
//
// # Adding an endpoint
//
// An endpoint is one file. It has a struct of the parameters, each a type that reads and describes itself; a
// function that registers the operation, and adds itself to ofServer or ofAggregates; and the handler. See
// traces.go for a small one, and package endpoint.
package httpapi
