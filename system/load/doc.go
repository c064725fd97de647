// Package load makes commands for the accounts and writes them straight to their topic, as a
// sender in another language would: it shares no code with the program, and takes the schemas from
// the registry.
package load
