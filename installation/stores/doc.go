// Package stores opens the stores that a configuration gives to read models, and says which projection goes
// to which of them.
package stores
