// Package proxy stands between a client and a server, and breaks the network between them: one
// way, both ways, slowly, or so that answers are lost after the request was done.
//
// Each [Proxy] is one path, so that one of several workers can be cut off from one of several
// brokers alone. The moving of bytes is Shopify's toxiproxy, used as a library: version 2.12.0 of
// March 2025, the newest that the module proxy offers; it is maintained (2.13.0 is of October 2026).
// It has no way to change a live connection that is safe when a peer reads nothing (adding a toxic
// waits for the one before it, which waits for the peer; removing one may hang, its issue 760). So
// there is one toxic of our own in each direction from the beginning, the gate, and what it does is
// a variable.
package proxy
