package audit

import (
	"bytes"
	"fmt"
	"strings"
)

// maxShown limits how many breaches of one promise a report spells out.
const maxShown = 10

// Breach is one broken promise.
type Breach struct {
	Promise string // G1 to G6, or "money"
	What    string
}

// String returns the breach as a line of a report.
func (b Breach) String() string { return b.Promise + ": " + b.What }

// Check returns all broken promises; none for a world that is whole.
func (w *World) Check() []Breach {
	c := &checker{world: w, first: make(map[string]Result, len(w.Commands))}
	c.outcomes()
	c.events()
	c.table()
	c.offsets()
	return c.breaches
}

// Report returns breaches as lines, the first ones of each promise and how many there are.
func Report(breaches []Breach) string {
	counts := make(map[string]int)
	var text strings.Builder
	for _, breach := range breaches {
		counts[breach.Promise]++
		if counts[breach.Promise] <= maxShown {
			fmt.Fprintln(&text, breach)
		}
	}
	for promise, n := range counts {
		if n > maxShown {
			fmt.Fprintf(&text, "%s: %d in all\n", promise, n)
		}
	}
	return text.String()
}

// checker goes through a world once, and carries what a later check needs of an earlier one.
type checker struct {
	world    *World
	first    map[string]Result   // by command ID, the result that is no repeat
	byKey    map[string][]Result // those, in order
	money    map[string]int64    // by key, what accepted commands did to the balance
	folded   map[string]State
	last     map[string]int64 // sequence
	breaches []Breach
}

func (c *checker) breach(promise, format string, args ...any) {
	c.breaches = append(c.breaches, Breach{promise, fmt.Sprintf(format, args...)})
}

// outcomes lays the results of a partition beside its commands: the nth result answers the nth
// command that is not among the dead letters, and says the same as the first time if the command
// came before (G1). So nothing is missing, doubled, invented or overtaken.
func (c *checker) outcomes() {
	c.byKey, c.money = make(map[string][]Result), make(map[string]int64)
	dead := make(map[Place]bool)
	for _, letter := range c.world.DeadLetters {
		dead[Place{Partition: letter.Partition, Offset: letter.Offset}] = true
	}
	results := make(map[int32][]Result)
	for _, result := range c.world.Results {
		results[result.Partition] = append(results[result.Partition], result)
	}
	for _, command := range c.world.Commands {
		if dead[Place{Partition: command.Partition, Offset: command.Offset}] {
			continue
		}
		rest := results[command.Partition]
		if len(rest) == 0 {
			c.breach("G1", "command %s (%d/%d) has no result", command.ID, command.Partition,
				command.Offset)
			continue
		}
		results[command.Partition] = rest[1:]
		c.outcome(command, rest[0])
	}
	for partition, rest := range results {
		for _, result := range rest {
			c.breach("G1", "result %s (%d/%d) answers no command", result.ID, partition,
				result.Offset)
		}
	}
}

// outcome checks the result that stands where that of the command should.
func (c *checker) outcome(command Command, result Result) {
	name := fmt.Sprintf("result %s (%d/%d)", result.ID, result.Partition, result.Offset)
	if result.Causation != command.ID || result.ID != command.ID+"/result" ||
		result.Key != command.Key || result.Type != command.Type {
		c.breach("G1", "%s of %s on %s stands where that of command %s, %s on %s should", name,
			result.Type, result.Key, command.ID, command.Type, command.Key)
		return
	}
	before, again := c.first[command.ID]
	switch {
	case again != result.Repeated:
		c.breach("G1", "%s: the command came before: %t, marked as a repeat: %t", name, again,
			result.Repeated)
	case again && (before.Accepted != result.Accepted || before.Code != result.Code ||
		before.First != result.First || before.Last != result.Last):
		c.breach("G1", "%s says another thing than the first result of the command", name)
	case result.Accepted && (result.First < 1 || result.Last < result.First-1 || result.Code != ""),
		!result.Accepted && (result.First != 0 || result.Last != 0 || result.Code == ""):
		c.breach("G1", "%s: accepted %t, events %d to %d, code %q don't go together", name,
			result.Accepted, result.First, result.Last, result.Code)
	}
	if again {
		return
	}
	c.first[command.ID] = result
	c.byKey[command.Key] = append(c.byKey[command.Key], result)
	if effect := c.world.Kind.effect; effect != nil && result.Accepted {
		c.money[command.Key] += effect(command)
	}
}

// events checks that each aggregate's are 1, 2, 3 … (G2), that each was announced by the result of
// the command that caused it and each announced one is there (G3), and folds them.
func (c *checker) events() {
	c.folded, c.last = make(map[string]State), make(map[string]int64)
	caused := make(map[string]int64) // by command ID
	for _, event := range c.world.Events {
		name := fmt.Sprintf("event %s (%d/%d)", event.ID, event.Partition, event.Offset)
		if want := c.last[event.Key] + 1; event.Sequence != want {
			c.breach("G2", "%s has sequence %d, expected %d", name, event.Sequence, want)
		}
		c.last[event.Key] = event.Sequence
		id := fmt.Sprintf("%s/%d", event.Key, event.Sequence)
		if event.ID != id || event.Subject != event.Key {
			c.breach("G2", "%s has the subject %s, expected ID %s", name, event.Subject, id)
		}
		result, known := c.first[event.Causation]
		if !known || !result.Accepted || event.Key != result.Key ||
			event.Partition != result.Partition ||
			event.Sequence < result.First || event.Sequence > result.Last {
			c.breach("G3", "%s is not among the events of the command that it says caused it, %s",
				name, event.Causation)
		}
		caused[event.Causation]++
		state := c.folded[event.Key]
		if state == nil {
			state = c.world.Kind.initial()
			c.folded[event.Key] = state
		}
		if err := state.apply(event); err != nil {
			c.breach("money", "%s: %v", name, err)
		}
	}
	for id, result := range c.first {
		want := result.Last - result.First + 1
		if !result.Accepted {
			want = 0
		}
		if caused[id] != want {
			c.breach("G3", "command %s has %d events, its result says %d", id, caused[id], want)
		}
	}
}

// table checks that rows are the fold of their events, and their rings the tail of the results
// (G4), and that balances are what the accepted commands make them.
func (c *checker) table() {
	for key, results := range c.byKey {
		row, has := c.world.Rows[key]
		if !has {
			c.breach("G4", "%s %s has %d results and no row", c.world.Kind.Name, key,
				len(results))
			continue
		}
		if row.Partition != results[0].Partition {
			c.breach("G4", "row %s is in partition %d, its results in %d", key, row.Partition,
				results[0].Partition)
		}
		if ring := ringOf(results, c.world.RingSize); !bytes.Equal(ring, row.Recent) {
			c.breach("G4", "row %s has the ring %x, its results make %x", key, row.Recent, ring)
		}
		want := c.folded[key]
		if want == nil {
			want = c.world.Kind.initial()
		}
		if row.Sequence != c.last[key] || row.State == nil || !want.same(row.State) {
			c.breach("G4", "row %s is %+v at %d, its events make %+v at %d", key, row.State,
				row.Sequence, want, c.last[key])
		}
		if a, is := row.State.(*Account); is && c.money[key] != a.Balance {
			c.breach("money", "account %s has %d, its accepted commands make %d", key, a.Balance,
				c.money[key])
		}
	}
	for key := range c.world.Rows {
		if _, known := c.byKey[key]; !known {
			c.breach("G4", "row %s belongs to no command", key)
		}
	}
}

// offsets checks that the group has passed every command, and that no transaction is open (G3).
func (c *checker) offsets() {
	for partition, end := range c.world.Ends {
		if committed := c.world.Committed[partition]; committed != end {
			c.breach("G3", "partition %d of the commands ends at %d, the group committed %d",
				partition, end, committed)
		}
	}
	for _, name := range c.world.Undecided {
		c.breach("G3", "%s has an open transaction", name)
	}
}
