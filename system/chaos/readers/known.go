package readers

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
)

// aggregate is one aggregate: its kind as it stands in paths ("accounts"), and its ID.
type aggregate struct{ kind, id string }

// command is a command to an aggregate.
type command struct {
	to aggregate
	id string
}

const (
	// maxCommands limits the commands that a client remembers.
	maxCommands = 300
	// maxMoved is how many aggregates count as those that have moved last.
	maxMoved = 50
)

// known is what one client has seen. Its methods are safe for concurrent use.
type known struct {
	mu        sync.Mutex
	ids       map[string][]string // by kind, in order
	rows      map[aggregate]int64
	moved     []aggregate // whose sequence has grown last, in that order
	histories map[aggregate]int64
	commands  []command          // that the client asks for
	decided   map[command]string // their outcomes, when the client has seen them
}

func newKnown() *known {
	return &known{
		ids: map[string][]string{}, rows: map[aggregate]int64{}, histories: map[aggregate]int64{},
		decided: map[command]string{},
	}
}

// saw notes that an aggregate has been at a sequence.
func (k *known) saw(a aggregate, sequence int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	last, has := k.rows[a]
	if !has {
		at, _ := slices.BinarySearch(k.ids[a.kind], a.id)
		k.ids[a.kind] = slices.Insert(k.ids[a.kind], at, a.id)
	}
	k.rows[a] = max(last, sequence)
	if has && sequence > last {
		if k.moved = append(k.moved, a); len(k.moved) > maxMoved {
			k.moved = slices.Delete(k.moved, 0, 1)
		}
	}
}

// sawHistory notes that the history of an aggregate has ended at a sequence.
func (k *known) sawHistory(a aggregate, sequence int64) {
	k.saw(a, sequence)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.histories[a] = max(k.histories[a], sequence)
}

// heard notes a command to ask for. The oldest one makes room.
func (k *known) heard(c command) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if c.id == "" || slices.Contains(k.commands, c) {
		return
	}
	if len(k.commands) == maxCommands {
		delete(k.decided, k.commands[0])
		k.commands = slices.Delete(k.commands, 0, 1)
	}
	k.commands = append(k.commands, c)
}

// sawOutcome notes the outcome of a command that is asked for.
func (k *known) sawOutcome(c command, outcome string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if slices.Contains(k.commands, c) {
		k.decided[c] = outcome
	}
}

// row returns the newest sequence of an aggregate that the client has seen; 0: none.
func (k *known) row(a aggregate) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.rows[a]
}

// history returns where the client has seen the history of an aggregate end; 0: it has not.
func (k *known) history(a aggregate) int64 {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.histories[a]
}

// outcome returns that of a command, if the client has seen it.
func (k *known) outcome(c command) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.decided[c]
}

// any returns an aggregate that the client has seen.
func (k *known) any(dice *rand.Rand) (a aggregate, has bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	total := 0
	for _, ids := range k.ids {
		total += len(ids)
	}
	if total == 0 {
		return a, false
	}
	n := dice.IntN(total)
	for kind, ids := range k.ids {
		if n < len(ids) {
			return aggregate{kind, ids[n]}, true
		}
		n -= len(ids)
	}
	return a, false
}

// lately returns an aggregate that has moved lately, or any.
func (k *known) lately(dice *rand.Rand) (a aggregate, has bool) {
	k.mu.Lock()
	if n := len(k.moved); n > 0 {
		defer k.mu.Unlock()
		return k.moved[dice.IntN(n)], true
	}
	k.mu.Unlock()
	return k.any(dice)
}

// anyCommand returns a command to ask for.
func (k *known) anyCommand(dice *rand.Rand) (c command, has bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.commands) == 0 {
		return c, false
	}
	return k.commands[dice.IntN(len(k.commands))], true
}

// sighted is an aggregate and how far the client has seen it.
type sighted struct {
	id       string
	sequence int64
}

// behind returns what the client knows of a kind behind an ID, at most so many, in order.
func (k *known) behind(kind, after string, most int) []sighted {
	k.mu.Lock()
	defer k.mu.Unlock()
	ids := k.ids[kind]
	from, is := slices.BinarySearch(ids, after)
	if is {
		from++
	}
	var all []sighted
	for _, id := range ids[from:min(from+most, len(ids))] {
		all = append(all, sighted{id, k.rows[aggregate{kind, id}]})
	}
	return all
}

// all returns the IDs of a kind that the client knows.
func (k *known) all(kind string) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.ids[kind])
}

// misses says what a page of a list lacks of what the client knew when it asked for the page. last says that
// the page is the end of the list.
func misses(page []sighted, last bool, knew []sighted) string {
	shown := make(map[string]int64, len(page))
	for _, row := range page {
		shown[row.id] = row.sequence
	}
	for _, want := range knew {
		if !last && (len(page) == 0 || want.id > page[len(page)-1].id) {
			break // it is on another page
		}
		switch sequence, is := shown[want.id]; {
		case !is:
			return fmt.Sprintf("%s is missing, it has been at %d", want.id, want.sequence)
		case sequence < want.sequence:
			return fmt.Sprintf("%s is at %d, it has been at %d", want.id, sequence, want.sequence)
		}
	}
	return ""
}
