// Command generations is a program of one aggregate, a box of money, as it was released three times, and as
// it would be with each of the changes that must not be released. GENERATION says which one it is.
//
// The packages one, two and three are frozen: they are what a team has deployed.
package main

import (
	"fmt"
	"os"

	"refold/processors"
	"refold/program"
	"refold/system/testdata/generations/one"
	"refold/system/testdata/generations/three"
	"refold/system/testdata/generations/two"
	"refold/system/testdata/generations/wrong"
)

func main() {
	all := map[string]func() processors.Definition{
		"one": one.Box, "two": two.Box, "three": three.Box,
		"rename": wrong.Rename, "record": wrong.Record, "split": wrong.Split, "dropped": wrong.Dropped,
		"state": wrong.State,
	}
	name := os.Getenv("GENERATION")
	box, known := all[name]
	if !known {
		fmt.Fprintf(os.Stderr, "GENERATION is %q, which is none\n", name)
		os.Exit(2)
	}
	program.Program{
		Name: "boxes", Version: name, Definitions: []processors.Definition{box()},
	}.Main()
}
