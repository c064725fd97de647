// Package wire is the JSON of the HTTP API: plain structs, which the server (package views/httpapi) writes
// and the client (package client) reads. Both use the same ones, so they can't disagree.
//
// The tags doc, enum, example and nullable are for the API's description, which is made of these types.
// Members may be added to answers at any time; readers must pass over members that they don't know.
package wire
