package eventsourcing_test

import (
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/eventsourcing"
)

// told is a first outcome as the naive model remembers it.
type told struct {
	id    string
	entry eventsourcing.Entry
}

// model drives one aggregate through Handle and knows, without a ring, what must come of it: it
// keeps every first outcome there ever was.
type model struct {
	size     int // of the ring, from now on
	kept     int // how many outcomes the ring must hold
	snapshot snapshot
	events   []tallyEvent
	outcomes []told
	sent     []command
}

// A random client sends new commands, old ones again, with and without an expected sequence.
func TestHandle_property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{size: rapid.IntRange(0, 5).Draw(t, "recentSize")}
		t.Repeat(map[string]func(*rapid.T){
			"send": func(t *rapid.T) { m.handle(t, m.newCommand(t)) },
			"send again": func(t *rapid.T) {
				if len(m.sent) > 0 {
					m.handle(t, rapid.SampledFrom(m.sent).Draw(t, "command"))
				}
			},
			"change the ring's size": func(t *rapid.T) {
				m.size = rapid.IntRange(0, 5).Draw(t, "recentSize")
			},
			"": m.check,
		})
	})
}

func (m *model) newCommand(t *rapid.T) command {
	data := rapid.OneOf(
		rapid.Map(rapid.Int64Range(-9, 9), func(n int64) tallyCommand { return add{n} }),
		rapid.Map(rapid.SliceOfN(rapid.Int64Range(-3, 9), 0, 3),
			func(n []int64) tallyCommand { return addEach{n} }),
	).Draw(t, "data")
	c := commandOf("command "+strconv.Itoa(len(m.sent)), data)
	c.Time = time.Unix(int64(len(m.sent)), 0).UTC()
	c.CorrelationID = rapid.SampledFrom([]string{"", "first"}).Draw(t, "correlation")
	if rapid.Bool().Draw(t, "expects") {
		n := m.snapshot.Sequence + rapid.Int64Range(-1, 1).Draw(t, "off by")
		c.ExpectedSequence = &n
	}
	m.sent = append(m.sent, c)
	return c
}

func (m *model) handle(t *rapid.T, c command) {
	before := slices.Clone(m.snapshot.Recent.Bytes())
	got := handle(t, m.size, m.snapshot, c)
	if again := handle(t, m.size, m.snapshot, c); !reflect.DeepEqual(got, again) {
		t.Fatalf("the same command on the same snapshot came to %+v, and to %+v", got, again)
	}
	if !slices.Equal(before, m.snapshot.Recent.Bytes()) {
		t.Fatalf("handling changed the ring of the snapshot that was given")
	}
	entry := eventsourcing.Entry{
		FirstSequence: got.Result.FirstSequence, LastSequence: got.Result.LastSequence,
		Code: got.Result.Code,
	}
	// G1: within the ring, the first outcome comes again, and nothing happens.
	if first, known := m.remembered(c.ID); known {
		if !got.Result.Repeated || entry != first || len(got.Events) > 0 ||
			!reflect.DeepEqual(got.Snapshot, m.snapshot) {
			t.Fatalf("%s came again, its first outcome was %+v, now it is %+v", c.ID, first, got)
		}
		return
	}
	m.checkFirst(t, c, got)
	for _, e := range got.Events {
		m.events = append(m.events, e.Data)
	}
	m.outcomes = append(m.outcomes, told{c.ID, entry})
	m.kept = min(m.kept+1, m.size)
	m.snapshot = got.Snapshot
}

// checkFirst holds an outcome against what the aggregate itself says.
func (m *model) checkFirst(t *rapid.T, c command, got outcome) {
	result := got.Result
	if result.Repeated || result.Accepted != (result.Code == "") || result.CommandID != c.ID {
		t.Fatalf("the result of %s is %+v", c.ID, result)
	}
	want, err := tallyDecider.Decide(eventsourcing.Context{}, m.snapshot.State, c.Data)
	switch {
	case c.ExpectedSequence != nil && *c.ExpectedSequence != m.snapshot.Sequence:
		if result.Code != eventsourcing.CodeSequenceMismatch {
			t.Fatalf("expected was sequence %d instead of %d; got %+v",
				*c.ExpectedSequence, m.snapshot.Sequence, result)
		}
		want = nil
	case (err == nil) != result.Accepted:
		t.Fatalf("the aggregate says %v, the result %+v", err, result)
	}
	if len(got.Events) != len(want) {
		t.Fatalf("the aggregate decided %v, out came %+v", want, got.Events)
	}
	for i, e := range got.Events {
		sequence := m.snapshot.Sequence + 1 + int64(i) // G2
		if e.Sequence != sequence || e.ID != "alice/"+strconv.FormatInt(sequence, 10) ||
			e.Data != want[i] || e.CausationID != c.ID || !e.Time.Equal(c.Time) {
			t.Fatalf("event %d of %+v is %+v", i, c, e)
		}
	}
	if result.Accepted && (result.FirstSequence != m.snapshot.Sequence+1 ||
		result.LastSequence != got.Snapshot.Sequence) {
		t.Fatalf("from %d to %d, but the result is %+v",
			m.snapshot.Sequence, got.Snapshot.Sequence, result)
	}
}

// remembered returns the first outcome of a command that the ring must still know.
func (m *model) remembered(id string) (eventsourcing.Entry, bool) {
	for _, o := range m.tail() {
		if o.id == id {
			return o.entry, true
		}
	}
	return eventsourcing.Entry{}, false
}

// tail is what the ring must hold.
func (m *model) tail() []told { return m.outcomes[len(m.outcomes)-m.kept:] }

// check holds the snapshot against all that happened: G4.
func (m *model) check(t *rapid.T) {
	if n := int64(len(m.events)); m.snapshot.Sequence != n {
		t.Fatalf("the snapshot is at sequence %d after %d events", m.snapshot.Sequence, n)
	}
	if want := tallyDecider.Fold(tallyDecider.Initial,
		eventsourcing.Record(1, time.Time{}, m.events...)...); m.snapshot.State != want {
		t.Fatalf("the state is %+v, the fold of all events %+v", m.snapshot.State, want)
	}
	var ring eventsourcing.Recent
	for _, o := range m.tail() {
		ring = ring.Add(o.id, o.entry, eventsourcing.MaxRecentSize)
	}
	if !ring.Equal(m.snapshot.Recent) {
		t.Fatalf("the ring is %x, made from the outcomes' tail %x",
			m.snapshot.Recent.Bytes(), ring.Bytes())
	}
}
