// Command formats is a program with an aggregate that is written in Protobuf, and one that is written as
// JSON.
package main

import (
	"example.com/formats/memberships"
	"example.com/formats/meters"

	"refold/processors"
	"refold/program"
)

var formats = program.Program{
	Name:        "formats",
	Definitions: []processors.Definition{meters.Definition, memberships.Definition},
}

func main() { formats.Main() }
