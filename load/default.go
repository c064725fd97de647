package load

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"refold/eventsourcing"
	"refold/processors"
)

// Default is the traffic of any program: that of its definitions. The aggregates take turns, and the keys of
// each; a key gets one command after the other, as the definition's Traffic says.
type Default struct{}

// What there may be of each, so that a slip of the finger doesn't fill the memory.
const (
	maxKeys = 10_000_000
	// MaxPerLane is the most commands that a row remembers.
	MaxPerLane = processors.MaxRecentSize
	// demoPerLane is well below what a row remembers by default.
	demoPerLane = 4
)

// About says what the traffic is.
func (Default) About() string {
	return `The aggregates take turns, and the keys of each. A key gets one command after the other: the
traffic of the aggregate's definition, or its examples.`
}

// Flags adds --keys and --per-key.
func (Default) Flags(flags *pflag.FlagSet) Plan {
	p := &defaultPlan{}
	flags.IntVar(&p.keys, "keys", 100, "how many keys of each aggregate take part")
	flags.IntVar(&p.perKey, "per-key", demoPerLane, "how far apart a key's commands may be that are under "+
		"way; beyond the 16 or so that a row remembers, what is sent again counts twice")
	return p
}

// Demo returns the plan of so many keys of each aggregate.
func (Default) Demo(keys int) Plan { return &defaultPlan{keys: keys, perKey: demoPerLane} }

type defaultPlan struct{ keys, perKey int }

// Check lists the flags whose values can't be.
func (p *defaultPlan) Check() error {
	return errors.Join(Within("keys", p.keys, 1, maxKeys), Within("per-key", p.perKey, 1, MaxPerLane))
}

// Within returns an error that names the flag if its value is not within the limits.
func Within[T cmp.Ordered](flag string, value, least, most T) error {
	if value >= least && value <= most {
		return nil
	}
	return fmt.Errorf("--%s: allowed: %v to %v", flag, least, most)
}

// PerLane is --per-key.
func (p *defaultPlan) PerLane() int { return p.perKey }

// Stories is empty: nothing follows from a command.
func (p *defaultPlan) Stories() string { return "" }

// Follows is empty.
func (p *defaultPlan) Follows() []string { return nil }

// First names the first key of each aggregate.
func (p *defaultPlan) First(r Run) string {
	var first []string
	for _, a := range r.Aggregates {
		if a.Traffic != nil {
			first = append(first, fmt.Sprintf("the first %s is %s", a.Name, keyOf(r, a, 0)))
		}
	}
	return strings.Join(first, ", ")
}

// keyOf returns the ID of an aggregate's k-th key.
func keyOf(r Run, a *processors.OpenAggregate, k int) string {
	return r.ID(a.Name + "-" + strconv.Itoa(k))
}

// Begin begins the traffic.
func (p *defaultPlan) Begin(r Run) Traffic {
	t := &defaultTraffic{run: r, keys: p.keys, random: rand.New(rand.NewPCG(r.Seed, 0))}
	for _, a := range r.Aggregates {
		if a.Traffic != nil {
			t.aggregates = append(t.aggregates, a)
		}
	}
	return t
}

type defaultTraffic struct {
	run        Run
	aggregates []*processors.OpenAggregate // those that have traffic
	keys, next int
	random     *rand.Rand
}

// Next returns the next command; there is one unless no aggregate has traffic.
func (t *defaultTraffic) Next() (Act, bool) {
	if len(t.aggregates) == 0 {
		return Act{}, false
	}
	a := t.aggregates[t.next%len(t.aggregates)]
	turn := t.next / len(t.aggregates)
	t.next++
	key, n := keyOf(t.run, a, turn%t.keys), turn/t.keys
	command := a.Traffic(n, t.random)
	data, err := a.Commands.ExampleJSON(command)
	if err != nil { // Open has checked the examples; a Traffic of one's own can be wrong
		panic(fmt.Sprintf("load: the traffic of %s makes a %T that has no JSON: %v", a.Plural, command, err))
	}
	return Act{
		Lane: key, Opens: n == 0,
		Command: Command{
			ID: key + ":" + strconv.Itoa(n), Aggregate: a.Name, Plural: a.Plural, Subject: key,
			Type: eventsourcing.TypeName(command), Data: data, Sending: t.run.Sending(t.random),
		},
	}, true
}

// tried is how many example commands a greeting shows.
const tried = 2

// Try reads a row of the traffic, sends example commands to the first aggregate, and shows the live feed.
func (p *defaultPlan) Try(r Run, server string) string {
	var b strings.Builder
	for _, a := range r.Aggregates {
		if a.Traffic != nil {
			fmt.Fprintf(&b, "  curl -s %s/%s/%s\n", server, a.Plural, keyOf(r, a, 0))
		}
	}
	fmt.Fprintf(&b, "  curl -N '%s/events/live?kind=event'\n", server)
	if len(r.Aggregates) == 0 {
		return b.String()
	}
	a := r.Aggregates[0]
	fmt.Fprintf(&b, "\n  # send commands to %s of your own\n", a.Plural)
	shown := 0
	for _, name := range a.Commands.Types() {
		if shown == tried || slices.Contains(a.Internal, name) {
			continue
		}
		shown++
		body := fmt.Sprintf(`{"type": %q, "data": %s}`, name, a.CommandExamples[name])
		fmt.Fprintf(&b, "  curl -s %s/%s/yours/commands -H 'Content-Type: application/json' \\\n"+
			"    -H 'Prefer: wait=5' -d '%s'\n", server, a.Plural, quoted(body))
	}
	return b.String()
}

// quoted is a text within single quotes of a shell.
func quoted(text string) string { return strings.ReplaceAll(text, "'", `'\''`) }
