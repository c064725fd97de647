package audit

import (
	"fmt"
	"maps"
	"slices"
)

// maxEvents is more than any command has: a result that announces more is taken for none.
const maxEvents = 1000

// Check returns all broken promises; none for a world that is whole.
func (w *World) Check() []Breach {
	var found breaches
	for _, part := range w.parts() {
		found.found = append(found.found, part.check()...)
	}
	offsets(&found, w.Kind.Plural, w.Kind.commands(), w.Committed, w.Ends)
	for _, name := range w.Undecided {
		found.breach("G3", Open, "%s has an open transaction", name)
	}
	return found.found
}

// offsets checks that a group has passed everything (G3).
func offsets(found *breaches, group, topic string, committed, ends map[int32]int64) {
	for partition, end := range ends {
		if committed[partition] != end {
			found.breach("G3", Behind, "%s/%d ends at %d, %s committed %d", topic, partition, end,
				group, committed[partition])
		}
	}
}

// part is a world's part in one partition: there, everything has an order.
type part struct {
	*World
	number  int32
	command []Command // not among the dead letters
	result  []Result
	event   []Event
	row     map[string]Row
}

// parts returns the world by partition.
func (w *World) parts() []part {
	parts := make(map[int32]*part)
	of := func(partition int32) *part {
		if parts[partition] == nil {
			parts[partition] = &part{World: w, number: partition, row: make(map[string]Row)}
		}
		return parts[partition]
	}
	dead := make(map[Place]bool)
	for _, letter := range w.DeadLetters {
		dead[Place{Partition: letter.Partition, Offset: letter.Offset}] = true
	}
	for _, c := range w.Commands {
		if !dead[Place{Partition: c.Partition, Offset: c.Offset}] {
			p := of(c.Partition)
			p.command = append(p.command, c)
		}
	}
	for _, r := range w.Results {
		p := of(r.Partition)
		p.result = append(p.result, r)
	}
	for _, e := range w.Events {
		p := of(e.Partition)
		p.event = append(p.event, e)
	}
	for key, row := range w.Rows {
		of(row.Partition).row[key] = row
	}
	var list []part
	for _, partition := range slices.Sorted(maps.Keys(parts)) {
		list = append(list, *parts[partition])
	}
	return list
}

// checker goes through a part once, and carries what a later check needs of an earlier one.
type checker struct {
	part
	breaches
	first   map[string]Result   // by the command's identity, the result that is no repeat
	byKey   map[string][]Result // those, in order
	wanted  []wanted            // the events that the results announce, in order
	effects map[string]int64    // by key, what accepted commands did to the balance
	last    map[string]int64    // sequence, by key; -1: not known
	folded  map[string]map[string]any
	holes   map[string]bool // by key: an event is lost, and what comes after it looks wrong
}

// wanted is an event that should be there.
type wanted struct {
	key      string
	sequence int64
	cause    string
}

func (p part) check() []Breach {
	c := &checker{
		part: p, first: make(map[string]Result, len(p.command)),
		byKey: make(map[string][]Result), effects: make(map[string]int64),
		last: make(map[string]int64), folded: make(map[string]map[string]any), holes: make(map[string]bool),
	}
	c.outcomes()
	c.events()
	c.table()
	return c.found
}

// identity names a command: its ID is unique among the commands to one key.
func identity(key, id string) string { return key + "\x00" + id }

// outcomes lays the results of the partition beside its commands: each command that is not among
// the dead letters has one, in their order, and it says the same as the first time if the command
// came before (G1). So nothing is missing, doubled, invented or overtaken.
func (c *checker) outcomes() {
	commands, results := make([]string, len(c.command)), make([]string, len(c.result))
	for i := range c.command {
		commands[i] = identity(c.command[i].Key, c.command[i].ID)
	}
	for i := range c.result {
		results[i] = identity(c.result[i].Key, c.result[i].Causation)
	}
	a := align(commands, results)
	for _, i := range a.doubled {
		r := c.result[i]
		c.breach("G1", Doubled, "result %s (%d/%d) answers no command, or one that was answered", r.ID,
			r.Partition, r.Offset)
	}
	for _, i := range a.reordered {
		r := c.result[i]
		c.breach("G1", Reordered, "result %s (%d/%d) stands in front of one whose command came first",
			r.ID, r.Partition, r.Offset)
	}
	answer := make([]int, len(c.command))
	for _, i := range a.lost {
		answer[i] = -1
	}
	for _, pair := range a.pairs {
		answer[pair[0]] = pair[1]
	}
	unanswered := c.causedBy(a.lost)
	for i, command := range c.command {
		if answer[i] >= 0 {
			c.outcome(command, c.result[answer[i]])
			continue
		}
		c.breach("G1", Lost, "command %s (%d/%d) has no result", command.ID, command.Partition,
			command.Offset)
		c.last[command.Key] = -1
		// Its events may be there; they are not lost, too, nor are they too much.
		id := identity(command.Key, command.ID)
		c.wanted = append(c.wanted, unanswered[id]...)
		delete(unanswered, id)
	}
}

// causedBy returns the events of commands by their causes, as the events themselves tell.
func (c *checker) causedBy(commands []int) map[string][]wanted {
	causes := make(map[string][]wanted, len(commands))
	for _, i := range commands {
		causes[identity(c.command[i].Key, c.command[i].ID)] = nil
	}
	if len(causes) == 0 {
		return causes
	}
	for _, e := range c.event {
		id := identity(e.Key, e.Causation)
		if events, is := causes[id]; is {
			causes[id] = append(events, wanted{e.Key, e.Sequence, e.Causation})
		}
	}
	return causes
}

// outcome checks the result of a command.
func (c *checker) outcome(command Command, result Result) {
	name := fmt.Sprintf("result %s (%d/%d)", result.ID, result.Partition, result.Offset)
	if result.ID != command.ID+"/result" || result.Key != command.Key || result.Type != command.Type {
		c.breach("G1", Outcomes, "%s is of %s on %s, its command %s of %s on %s", name, result.Type,
			result.Key, command.ID, command.Type, command.Key)
	}
	id := identity(command.Key, command.ID)
	before, again := c.first[id]
	switch {
	case again && !result.Repeated:
		c.breach("G1", Doubled, "%s is not marked as a repeat: the command was handled again", name)
	case !again && result.Repeated:
		c.breach("G1", Outcomes, "%s is marked as a repeat, and is the first", name)
	case again && (before.Accepted != result.Accepted || before.Code != result.Code ||
		before.First != result.First || before.Last != result.Last):
		c.breach("G1", Outcomes, "%s says another thing than the first result of the command", name)
	case result.Accepted && (result.First < 1 || result.Last < result.First-1 || result.Code != "" ||
		result.Last-result.First >= maxEvents),
		!result.Accepted && (result.First != 0 || result.Last != 0 || result.Code == ""):
		c.breach("G1", Outcomes, "%s: accepted %t, events %d to %d, code %q don't go together", name,
			result.Accepted, result.First, result.Last, result.Code)
		c.last[command.Key] = -1
		return
	}
	if again {
		return
	}
	c.first[id] = result
	c.byKey[command.Key] = append(c.byKey[command.Key], result)
	if !result.Accepted {
		return
	}
	c.announce(name, result)
	if shop := c.Kind.shop; shop != nil && shop.effect != nil {
		c.effects[command.Key] += shop.effect(command)
	}
}

// announce notes the events of a result, which must follow on those before (G2).
func (c *checker) announce(name string, result Result) {
	switch last := c.last[result.Key]; {
	case last < 0 || result.First == last+1:
	case result.First > last+1:
		c.breach("G2", Lost, "%s begins at sequence %d, expected %d", name, result.First, last+1)
	default:
		c.breach("G2", Doubled, "%s begins at sequence %d, expected %d", name, result.First, last+1)
	}
	for sequence := result.First; sequence <= result.Last; sequence++ {
		c.wanted = append(c.wanted, wanted{result.Key, sequence, result.Causation})
	}
	c.last[result.Key] = result.Last
}

// events checks that those of the partition are the ones that its results announce, in that order
// (G2, G3), and folds them.
func (c *checker) events() {
	names, got := make([]string, len(c.wanted)), make([]string, len(c.event))
	for i, w := range c.wanted {
		names[i] = fmt.Sprintf("%s/%d", w.key, w.sequence)
	}
	for i := range c.event {
		got[i] = fmt.Sprintf("%s/%d", c.event[i].Key, c.event[i].Sequence)
	}
	a := align(names, got)
	for _, i := range a.lost {
		c.breach("G2", Lost, "event %s of the command %s is not there", names[i], c.wanted[i].cause)
		c.holes[c.wanted[i].key] = true
	}
	for _, i := range a.doubled {
		e := &c.event[i]
		c.breach("G2", Doubled, "event %s (%d/%d, sequence %d) is there already, or none of the events "+
			"of the command that it says caused it, %s", e.ID, e.Partition, e.Offset, e.Sequence, e.Causation)
	}
	for _, i := range a.reordered {
		e := &c.event[i]
		c.breach("G2", Reordered, "event %s (%d/%d) stands in front of one whose result came first", e.ID,
			e.Partition, e.Offset)
	}
	clear(c.last)
	for _, pair := range a.pairs {
		c.fold(c.wanted[pair[0]], &c.event[pair[1]], names[pair[0]])
	}
}

// fold checks an event that is in its place, and applies it.
func (c *checker) fold(w wanted, event *Event, id string) {
	name := fmt.Sprintf("event %s (%d/%d)", event.ID, event.Partition, event.Offset)
	if event.ID != id || event.Subject != event.Key {
		c.breach("G2", Outcomes, "%s has the subject %s, expected ID %s", name, event.Subject, id)
	}
	if event.Causation != w.cause {
		c.breach("G3", Outcomes, "%s says that %s caused it, its result is that of %s", name,
			event.Causation, w.cause)
	}
	c.last[event.Key] = event.Sequence
	state, known := c.folded[event.Key]
	if !known {
		state = c.Kind.initial()
	}
	var err error
	c.folded[event.Key], err = c.Kind.after(state, *event)
	switch {
	case err == nil || c.holes[event.Key]:
	case isMoney(err):
		c.money(1, "%s: %v", name, err)
	default:
		c.breach("state", States, "%s: %v", name, err)
	}
}
