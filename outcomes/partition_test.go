package outcomes

import (
	"fmt"
	"hash/maphash"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/eventsourcing"
)

// told is a decided command as the model remembers it.
type told struct {
	id      string
	outcome eventsourcing.Entry
}

// model knows, without a hash table, what an index must remember of one partition.
type model struct {
	*Index
	memory    *Memory
	ids       int
	all       []told // that were added, in their order
	committed []told
	sealed    [][]told
	open      []told
	discarded []told
}

func newModel(limit int) *model {
	memory := NewMemory(int64(limit) * EntryBytes)
	x := &Index{
		options: Options{Remember: time.Minute, Memory: memory},
		seeds:   [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()},
	}
	x.partitions.Store(&map[int32]*partition{})
	x.meet([]int32{0})
	return &model{Index: x, memory: memory}
}

// decide decides a new command.
func (m *model) decide(t *rapid.T) {
	m.ids++
	c := told{fmt.Sprintf("command %d", m.ids), eventsourcing.Entry{Code: "no"}}
	if rapid.Bool().Draw(t, "accepted") {
		first := rapid.Int64Range(1, 1<<40).Draw(t, "first")
		c.outcome = eventsourcing.Entry{
			FirstSequence: first, LastSequence: first - 1 + rapid.Int64Range(0, 3).Draw(t, "events"),
		}
	}
	m.Add(0, "alice", c.id, time.Unix(int64(len(m.all)), 0), c.outcome)
	m.all, m.open = append(m.all, c), append(m.open, c)
}

// redecide decides a command anew whose transaction was aborted.
func (m *model) redecide(t *rapid.T) {
	if len(m.discarded) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.discarded)-1).Draw(t, "redecided")
	c := m.discarded[i]
	m.discarded = slices.Delete(m.discarded, i, i+1)
	m.Add(0, "alice", c.id, time.Unix(int64(len(m.all)), 0), c.outcome)
	m.all, m.open = append(m.all, c), append(m.open, c)
}

// again sends a command again: its first outcome stays, also when it is added with another one.
func (m *model) again(t *rapid.T) {
	if live := m.live(); len(live) > 0 {
		c := rapid.SampledFrom(live).Draw(t, "again")
		if _, found := m.Find("alice", c.id); found {
			m.Add(0, "alice", c.id, time.Unix(0, 0), eventsourcing.Entry{Code: "other"})
		}
	}
}

func (m *model) actions() map[string]func(*rapid.T) {
	return map[string]func(*rapid.T){
		"decide":   m.decide,
		"again":    m.again,
		"redecide": m.redecide,
		"seal": func(*rapid.T) {
			m.Seal(0)
			m.sealed, m.open = append(m.sealed, m.open), nil
		},
		"commit": func(*rapid.T) {
			if len(m.sealed) > 0 {
				m.Commit(0)
				m.committed, m.sealed = append(m.committed, m.sealed[0]...), m.sealed[1:]
			}
		},
		"discard": func(*rapid.T) {
			m.Discard(0)
			m.discarded = append(m.discarded, m.live()[len(m.committed):]...)
			m.sealed, m.open = nil, nil
		},
	}
}

// live returns all commands that were decided and not discarded, in their order.
func (m *model) live() []told {
	all := append([]told(nil), m.committed...)
	for _, layer := range m.sealed {
		all = append(all, layer...)
	}
	return append(all, m.open...)
}

func (m *model) knows(t *rapid.T, c told) {
	if got, found := m.Find("alice", c.id); !found || got != c.outcome {
		t.Fatalf("%s: found is %+v, %t; want %+v", c.id, got, found, c.outcome)
	}
	if _, found := m.Find("bob", c.id); found {
		t.Fatalf("%s to alice is known as one to bob", c.id)
	}
}

// G1: while memory suffices, a command that comes again gets its first outcome, whatever came between; and
// what an aborted transaction decided is not remembered.
func TestIndex_property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(10_000)
		actions := m.actions()
		actions[""] = func(t *rapid.T) {
			live := m.live()
			for _, c := range live {
				m.knows(t, c)
			}
			for _, c := range m.discarded {
				if _, found := m.Find("alice", c.id); found {
					t.Fatalf("%s was discarded, and is remembered", c.id)
				}
			}
			if n, _ := m.memory.Outcomes(); n != len(live) {
				t.Fatalf("%d outcomes are counted, %d are there", n, len(live))
			}
		}
		t.Repeat(actions)
	})
}

// The memory is kept to, and exactly the latest commands are remembered.
func TestIndex_bound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 12).Draw(t, "limit")
		m := newModel(limit)
		actions := m.actions()
		delete(actions, "again")
		actions[""] = func(t *rapid.T) {
			gone := map[string]bool{}
			for _, c := range m.discarded {
				gone[c.id] = true
			}
			seen := map[string]bool{} // behind it
			for i := len(m.all) - 1; i >= max(0, len(m.all)-3*limit); i-- {
				c := m.all[i]
				if seen[c.id] {
					continue
				}
				seen[c.id] = true
				_, found := m.Find("alice", c.id)
				if want := i >= len(m.all)-limit && !gone[c.id]; found != want {
					t.Fatalf("%s of %d is remembered: %t, want %t", c.id, len(m.all), found, want)
				}
			}
		}
		t.Repeat(actions)
	})
}

// An outcome that an entry can't hold is left out. It is not kept in part.
func TestMemory_unfit(t *testing.T) {
	m := NewMemory(1 << 20)
	outcome := eventsourcing.Entry{FirstSequence: 1, LastSequence: 1 << 40}
	if added, _ := m.add(key{1}, outcome, 1, 1); added {
		t.Error("2^40 events are remembered")
	}
	for n := range maxCodes + 1 {
		added, _ := m.add(key{2, uint64(n)}, eventsourcing.Entry{Code: fmt.Sprint(n)}, 1, 1)
		if added != (n < maxCodes) {
			t.Fatalf("code %d is remembered: %t", n, added)
		}
	}
}

// An outcome that has to go before its time is told.
func TestMemory_early(t *testing.T) {
	m := NewMemory(EntryBytes)
	for n, test := range []struct {
		at    uint32
		early bool
	}{{100, false}, {159, true}, {219, false}} {
		_, early := m.add(key{uint64(n)}, eventsourcing.Entry{Code: "no"}, test.at, test.at+60)
		if early != test.early {
			t.Errorf("after %d s an outcome had to go early: %t", test.at, early)
		}
	}
}

// BenchmarkIndex looks for a command and adds it, with a memory that is full.
func BenchmarkIndex(b *testing.B) {
	m := newModel(1_000_000)
	outcome, at := eventsourcing.Entry{FirstSequence: 7, LastSequence: 7}, time.Unix(1, 0)
	ids := make([]string, 3_000_000)
	for i := range ids {
		ids[i] = fmt.Sprintf("0190f3f0-6f2c-7c3e-9a53-%012d", i)
	}
	decide := func(i int) {
		id := ids[i%len(ids)]
		if _, found := m.Find("account-000001", id); found {
			b.Fatal("found what is forgotten")
		}
		m.Add(0, "account-000001", id, at, outcome)
		if i%100 == 0 {
			m.Seal(0)
			m.Commit(0)
		}
	}
	for i := range 1_500_000 {
		decide(i)
	}
	b.ReportAllocs()
	i := 1_500_000
	for b.Loop() {
		decide(i)
		i++
	}
}
