// Command garage is a program of one's own: garages, the accounts that pay, and the billing between them.
package main

import (
	"example.com/garage/garages"

	"refold/processors"
	"refold/processors/accounts"
	"refold/program"
	"refold/worker"
)

var garage = program.Program{
	Name:        "garage",
	Definitions: []processors.Definition{garages.Definition, garages.Billing, accounts.Definition},
	Extensions:  []worker.Extension{freeSpaces},
}

func main() { garage.Main() }
