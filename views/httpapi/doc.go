// Package httpapi shows the read side, and a door for commands, to the inside of the house: it has
// no authentication and must not face the internet.
//
//	POST /accounts/{id}/commands   send a command, and wait for its result if asked to
//	GET  /commands/{id}            how far a command has come
//	GET  /accounts/{id}            an aggregate's state
//	GET  /accounts                 the list of aggregates
//	GET  /accounts/{id}/events     an aggregate's history
//	GET  /traces/{id}              everything that a command has led to
//	GET  /events/live              what happens now, of all aggregates, as server-sent events
//	GET  /healthz /readyz /metrics /openapi.json /
//
// "accounts" stands for any aggregate: its name, its commands and their JSON come from [Resource].
// HTTP's own standards carry the meaning: ETag and If-Match the sequence, Idempotency-Key the
// command ID, Prefer: wait=SECONDS (RFC 7240) the wish to wait, problem+json (RFC 9457) every
// error. A problem's member code is stable and made for programs; detail is made for people.
//
// Statuses of errors: 400 the request is malformed; 404 there is no such thing (here, yet); 412 the
// aggregate isn't at the sequence of If-Match; 422 the command was understood and rejected; 503
// with Retry-After not now, try again (a view is being restored, a state as new as asked for has
// not arrived, the server stops); 504 it is not known whether the command was sent: send it again
// under the same Idempotency-Key, that is safe (promise G1).
package httpapi
