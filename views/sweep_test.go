package views

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/snapshots"
)

// swept is an index of results of one partition, and what sweeps it.
type swept struct {
	part follower
	sweep
	live   *live
	base   int64 // the first offset
	end    int64 // the next offset
	now    time.Time
	wanted int64 // traces want entries from that offset on
}

// restart is what the end of a process does to a sweep.
func (s *swept) restart() {
	s.passes = make(map[int32]*pass)
}

// newSwept empties the index. Offsets go on where they were.
func newSwept(tb rapid.TB, c *copies, limits Limits) *swept {
	tb.Helper()
	const results = 1
	s := &swept{part: c.parts[results], live: c.lives[results], now: time.Unix(1, 0)}
	if err := s.part.Write(func(w snapshots.Writer) error { return w.DeleteRange(nil, nil) }); err != nil {
		tb.Fatal(err)
	}
	last, err := s.part.GetOffset(-1)
	if err != nil {
		tb.Fatal(err)
	}
	s.base, s.end, s.wanted = last+1, last+1, last+1<<40
	s.limits = limits
	s.sweep.wanted = func(e *entry) bool { return e.plain && e.offset >= s.wanted }
	s.restart()
	return s
}

// file files a plain result of a command to a subject of that ID.
func (s *swept) file(tb rapid.TB, id string) {
	tb.Helper()
	r := &kgo.Record{Key: []byte(id), Timestamp: time.Now(), Offset: s.end, Value: []byte("result")}
	for name, value := range codecs.Headers(eventsourcing.Metadata{
		ID: eventsourcing.ResultID(id), Type: resultType, CausationID: id, CorrelationID: id,
	}) {
		r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	if err := s.part.Apply(r); err != nil {
		tb.Fatal(err)
	}
	s.end++
}

// lookAt is look with a known beginning of the log, after some time.
func (s *swept) lookAt(tb rapid.TB, start int64, after time.Duration) (due bool) {
	tb.Helper()
	s.now = s.now.Add(after)
	due, err := s.begin(s.part, 0, start, s.now)
	if err != nil {
		tb.Fatal(err)
	}
	return due
}

// steps makes all steps of a pass, and returns how many they were.
func (s *swept) steps(tb rapid.TB, limit int) (n int) {
	tb.Helper()
	for more := true; more; n++ {
		var err error
		if more, err = s.step(s.part, 0, limit); err != nil {
			tb.Fatal(err)
		}
	}
	return n
}

// offsets are those of the entries that are there, in order.
func (s *swept) offsets(tb rapid.TB) (offsets []int64) {
	tb.Helper()
	err := eachEntry(s.part, []byte{byCommand}, 0, func(e *entry) step {
		offsets = append(offsets, e.offset)
		return another
	})
	if err != nil {
		tb.Fatal(err)
	}
	slices.Sort(offsets)
	return offsets
}

func upTo(from, to int64) (all []int64) {
	for ; from < to; from++ {
		all = append(all, from)
	}
	return all
}

// What the topic has dropped is not found any more, and is removed when it is worth a pass: at a share of
// the entries, or after a time; what a trace still shows stays until it does not.
func TestSweep(t *testing.T) {
	c := openCopies(t)
	limits := Limits{SweepShare: 25, SweepInterval: time.Hour}
	for name, test := range map[string]struct {
		dropped int64 // of 100 entries
		after   time.Duration
		wanted  int64 // from that entry on
		due     bool
		left    []int64
	}{
		"nothing is dropped":         {0, 2 * time.Hour, 100, false, upTo(0, 100)},
		"too little is dropped":      {24, time.Minute, 100, false, upTo(0, 100)},
		"little is dropped for long": {24, time.Hour, 100, true, upTo(24, 100)},
		"much is dropped":            {25, time.Minute, 100, true, upTo(25, 100)},
		"all is dropped":             {100, time.Minute, 100, true, nil},
		"a trace needs some of it":   {50, time.Minute, 10, true, upTo(10, 100)},
		"a trace needs all of it":    {50, time.Minute, 0, true, upTo(0, 100)},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSwept(t, c, limits)
			for i := range 100 {
				s.file(t, fmt.Sprint("c-", i%40))
			}
			if s.lookAt(t, s.base, 0) {
				t.Fatal("a pass began, and nothing was dropped")
			}
			s.wanted = s.base + test.wanted
			start := s.base + test.dropped
			if due := s.lookAt(t, start, test.after); due != test.due {
				t.Fatalf("a pass is due: %v", due)
			}
			n := s.steps(t, 7)
			if want := 1 + (100-1)/7; test.due && n != want {
				t.Errorf("it took %d steps, want %d", n, want)
			}
			got := s.offsets(t)
			for i := range got {
				got[i] -= s.base
			}
			if !slices.Equal(got, test.left) {
				t.Errorf("there are %v", got)
			}
			if s.lookAt(t, start, time.Minute) {
				t.Error("another pass is due at once")
			}
			s.wanted = s.end
			kept := test.wanted < test.dropped
			if due := s.lookAt(t, start, time.Hour); due != kept && test.due {
				t.Errorf("later another pass is due: %v", due)
			}
			s.steps(t, 1000)
			if first := s.offsets(t); kept && (len(first) == 0 || first[0] != start) {
				t.Errorf("what traces don't need any more is still there: %v", first)
			}
		})
	}
}

// However commands, drops, steps and restarts mix, readers find of each command the oldest result that the
// topic still has, nothing else; and in the end nothing is there in vain.
func TestSweepNeverChangesWhatIsFound(t *testing.T) {
	c := openCopies(t)
	rapid.Check(t, func(t *rapid.T) {
		s := newSwept(t, c, Limits{
			SweepShare: rapid.IntRange(1, 100).Draw(t, "share"), SweepInterval: time.Hour,
		})
		start, ids := s.base, []string{}
		s.lookAt(t, start, 0)
		t.Repeat(map[string]func(*rapid.T){
			"command": func(t *rapid.T) {
				id := fmt.Sprint("c-", rapid.IntRange(0, 5).Draw(t, "id"))
				s.file(t, id)
				ids = append(ids, id)
			},
			"drop": func(t *rapid.T) {
				start += rapid.Int64Range(0, s.end-start).Draw(t, "dropped")
				s.lookAt(t, start, time.Minute)
			},
			"an old answer": func(t *rapid.T) {
				s.lookAt(t, start-rapid.Int64Range(0, start-s.base).Draw(t, "before"), time.Minute)
			},
			"steps": func(t *rapid.T) {
				limit := rapid.IntRange(1, 9).Draw(t, "limit")
				for range rapid.IntRange(1, 3).Draw(t, "steps") {
					if _, err := s.step(s.part, 0, limit); err != nil {
						t.Fatal(err)
					}
				}
			},
			"restart": func(*rapid.T) { s.restart() },
			"": func(t *rapid.T) {
				for id := range 6 {
					id := fmt.Sprint("c-", id)
					want := slices.Index(ids[start-s.base:], id)
					found, has, err := findIn(s.part, id, id)
					if err != nil || has != (want >= 0) || has && found.offset != start+int64(want) {
						t.Fatalf("%s: found %v at %d, %v; want %d behind %d", id, has, found.offset, err,
							want, start)
					}
					if subjects, err := subjectsIn(s.part, id, 9); err != nil || len(subjects) > 0 != has {
						t.Fatalf("%s: subjects are %v, %v", id, subjects, err)
					}
				}
			},
		})
		s.lookAt(t, start, time.Hour)
		s.steps(t, 3)
		s.lookAt(t, start, time.Hour) // the first pass may have begun before the latest drop
		s.steps(t, 3)
		if got := s.offsets(t); !slices.Equal(got, upTo(start, s.end)) {
			t.Fatalf("there are %v; want those from %d to %d", got, start, s.end)
		}
	})
}

// While a partition is not open here, or the beginning of its log is not known, nothing is looked at.
func TestSweepOfNothing(t *testing.T) {
	s := newSweep(Limits{}.WithDefaults(), func(*entry) bool { return false })
	for name, l := range map[string]*live{
		"no copy": {}, "another partition": {parts: []follower{nil}, restored: true},
	} {
		for _, start := range []int64{notKnown, 0, 5} {
			if due, err := s.look(l, 0, start); due || err != nil {
				t.Errorf("%s: %v, %v", name, due, err)
			}
		}
	}
	if more, err := s.step(nil, 0, 1); more || err != nil {
		t.Errorf("a step without a pass: %v, %v", more, err)
	}
}

// A damaged entry is an error: it is not removed, nor is anything behind it.
func TestSweepOfDamage(t *testing.T) {
	s := newSwept(t, openCopies(t), Limits{SweepShare: 1, SweepInterval: time.Hour})
	s.lookAt(t, s.base, 0)
	s.file(t, "c-1")
	must(t, s.part.Write(func(w snapshots.Writer) error {
		return w.Set(append(commandPrefix("a", "a"), make([]byte, offsetBytes)...), []byte{0xff})
	}))
	if !s.lookAt(t, s.end, time.Minute) {
		t.Fatal("no pass is due")
	}
	if _, err := s.step(s.part, 0, 9); !errors.Is(err, errEntry) {
		t.Errorf("the error is %v", err)
	}
}
