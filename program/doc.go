// Package program is the command line of a program that is made of aggregates and processes. Somebody who has
// defined them has a whole program with one call:
//
//	func main() { program.Main(garages.Definition, garages.Billing) }
//
// It has commands to run a worker, to try everything in one process (dev), to send commands and to read
// states, and to operate an installation. A command here is flags and printing; what it does is done by other
// packages: worker, installation, client, bench and load, and those of the things it is about.
package program
