package machine

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// world is a naive model of everything around the machine: a group, a broker, Goka and the clock,
// each doing what it may do next in random order. It keeps its own books of every record and
// checks each action of the machine against them.
type world struct {
	t *rapid.T
	m *Machine[partition]

	// The broker's truth.
	committed map[partition]int64

	// The clients'.
	position map[partition]int64 // where the next poll reads
	polled   []partition         // records of the poll that came back, by partition
	offsets  []int64             // and their offsets
	polling  bool
	waiting  bool // a consumer callback waits
	joined   bool // there is an assignment that was not taken away
	member   bool // the present session's generation is the group's

	// Goka's.
	settingUp, running, ending bool
	handling                   bool
	open, air                  map[partition][]int64
	flying, orphan             bool
	orphanMayCommit            bool // its offsets may have been taken before the group went on
	aborted                    bool
	turn                       int
	gap, rest, bound           bool
	ended                      bool

	// Callers of Between.
	asking    int
	between   bool // one of them has its turn
	rewriting bool // what it wrote is in the air
	taking    bool // the poll that is out takes what is there
	unserved  bool // no poll has come back since the last turn
}

const worldProducers = 2

// TestRandomSchedules: whatever happens in whatever order, every record is in exactly one
// committed batch, in order, or still to come (G3), and nothing is committed by a worker whose
// partitions are gone (G5).
func TestRandomSchedules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{t: t, committed: make(map[partition]int64)}
		w.begin()
		for range rapid.IntRange(1, 300).Draw(t, "steps") {
			w.step()
			if w.ended {
				w.begin()
			}
		}
	})
}

// begin starts a worker, or its next life.
func (w *world) begin() {
	*w = world{t: w.t, committed: w.committed, m: New[partition](Limits{
		Records: 20, Bytes: 1 << 20, Producers: worldProducers, HandleTime: time.Second,
	})}
}

func (w *world) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf(format, args...)
}

// step lets one of the things happen that may happen now.
func (w *world) step() {
	may := make(map[string]func())
	add := func(enabled bool, name string, fn func()) {
		if enabled {
			may[name] = fn
		}
	}
	add(!w.joined && !w.waiting, "assigned", func() {
		w.joined = true
		w.do(w.m.Assigned())
	})
	add(w.joined && !w.waiting, "revoked", func() { w.leave(w.m.Revoked) })
	add(w.joined && !w.waiting, "lost", func() {
		w.member = false
		w.leave(w.m.Lost)
	})
	add(w.settingUp && (!w.flying || !w.orphanMayCommit), "set up", w.setUp)
	add(w.settingUp, "set-up failed", func() {
		w.do(w.m.SetUp(errors.New("no")))
	})
	add(w.polling, "poll returns", w.pollReturns)
	add(w.handling, "handled", func() {
		w.handling = false
		took := time.Duration(rapid.IntRange(1, 3000).Draw(w.t, "ms")) * time.Millisecond
		w.do(w.m.Handled(max(1, w.count(w.open)), 0, took))
	})
	add(w.flying, "landed", w.land)
	add(w.gap, "gap", func() { w.gap = false; w.do(w.m.GapElapsed()) })
	add(w.rest, "rest", func() { w.rest = false; w.do(w.m.RestElapsed()) })
	add(w.bound, "bound", func() { w.bound = false; w.do(w.m.BoundElapsed()) })
	add(w.ending, "cleaned up", func() {
		w.ending = false
		w.do(w.m.CleanedUp(nil))
	})
	rare := rapid.IntRange(0, 30).Draw(w.t, "rare") == 0
	add(rare, "stop", func() { w.do(w.m.Stop()) })
	add(rare, "fault", func() { w.do(w.m.Fault(errors.New("fault"))) })
	add(rare && w.running, "input lost", func() {
		w.do(w.m.InputLost(errors.New("out of range")))
	})
	add(rare && w.running, "callback failed", func() {
		w.do(w.m.CallbackFailed(errors.New("no")))
	})
	add(rare && w.running && !w.between && !w.rewriting, "interrupt", func() {
		w.aborted = w.aborted || w.polling || w.handling || w.count(w.open) > 0
		w.do(w.m.Interrupt())
	})
	names := make([]string, 0, len(may))
	add(w.running && w.asking < 3, "ask", func() {
		w.asking++
		w.do(w.m.AskBetween())
	})
	add(w.asking > 0, "withdraw", func() {
		w.asking--
		w.do(w.m.WithdrawBetween())
	})
	add(w.between, "between done", func() {
		w.between = false
		w.do(w.m.BetweenDone(rapid.Bool().Draw(w.t, "wrote")))
	})
	for _, name := range []string{
		"assigned", "revoked", "lost", "set up", "set-up failed", "poll returns", "handled",
		"landed", "gap", "rest", "bound", "cleaned up", "stop", "fault", "input lost", "callback failed",
		"ask", "withdraw", "between done", "interrupt",
	} {
		if may[name] != nil {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		w.fail("nothing can happen any more: %+v", *w.m)
	}
	may[rapid.SampledFrom(names).Draw(w.t, "happens")]()
	if w.running && w.m.leave == Stay && !w.polling && !w.handling && !w.flying && !w.gap &&
		!w.rest && !w.between {
		w.fail("the worker waits for nothing: %+v", *w.m)
	}
}

func (w *world) leave(tell func() []Action[partition]) {
	w.joined, w.waiting = false, true
	w.do(tell())
}

// setUp: offsets are stable, so that no transaction of an earlier session is undecided.
func (w *world) setUp() {
	w.settingUp, w.running, w.member = false, true, true
	w.position = make(map[partition]int64)
	for p := range int32(3) {
		tp := partition{"t", p}
		w.position[tp] = w.committed[tp]
	}
	w.do(w.m.SetUp(nil))
}

func (w *world) pollReturns() {
	taking := w.taking
	w.polling, w.taking = false, false
	var spans []Span[partition]
	w.polled, w.offsets = nil, nil
	if w.running {
		for p := range int32(3) {
			n := rapid.IntRange(0, 3).Draw(w.t, "records")
			if n == 0 {
				continue
			}
			tp := partition{"t", p}
			from := w.position[tp]
			spans = append(spans, Span[partition]{tp, from, from + int64(n), n, n})
			for i := range int64(n) {
				w.polled, w.offsets = append(w.polled, tp), append(w.offsets, from+i)
			}
			w.position[tp] += int64(n)
		}
	}
	w.unserved = w.unserved && !taking && len(spans) == 0
	w.do(w.m.Polled(spans))
	w.polled = nil
}

// land ends the transaction in the air, in any way that the broker may end it.
func (w *world) land() {
	commits := rapid.Bool().Draw(w.t, "commits")
	if w.orphan && !w.orphanMayCommit {
		commits = false // the broker refuses a generation that is over (KIP-447)
	}
	if commits {
		for tp, offsets := range w.air {
			for _, o := range offsets {
				if o != w.committed[tp] {
					w.fail("%v: committed offset %d after %d", tp, o, w.committed[tp])
				}
				w.committed[tp] = o + 1
			}
		}
	}
	orphan, rewriting := w.orphan, w.rewriting
	w.flying, w.orphan, w.orphanMayCommit, w.air, w.rewriting = false, false, false, nil, false
	switch {
	case rapid.IntRange(0, 5).Draw(w.t, "unknown") == 0:
		w.aborted = true
		w.do(w.m.TransactionUnknown(errors.New("unknown")))
	case commits && rapid.IntRange(0, 5).Draw(w.t, "last") == 0:
		w.do(w.m.TransactionCommittedLast(errors.New("late")))
	case commits:
		w.do(w.m.TransactionCommitted())
	case rewriting && rapid.Bool().Draw(w.t, "refused"):
		w.aborted = w.aborted || !orphan
		w.do(w.m.TransactionRefused(errors.New("too large")))
	default:
		w.aborted = w.aborted || !orphan
		w.do(w.m.TransactionAborted())
	}
}

func (w *world) count(batch map[partition][]int64) (n int) {
	for _, offsets := range batch {
		n += len(offsets)
	}
	return n
}

// do checks and carries out what the machine says.
func (w *world) do(actions []Action[partition]) {
	for _, a := range actions {
		if w.ended {
			w.fail("%v after the end", a)
		}
		w.carryOut(a)
	}
}

func (w *world) carryOut(a Action[partition]) {
	check := func(ok bool, what string) {
		w.t.Helper()
		if !ok {
			w.fail("%v: %s; machine %+v", a, what, *w.m)
		}
	}
	if w.between || w.rewriting && !w.orphan {
		check(a.Do != Poll && a.Do != Take && a.Do != Dispatch && a.Do != CloseBatch &&
			a.Do != CommitRows && a.Do != Rewind && a.Do != GiveTurn, "while a caller has its turn")
	}
	switch a.Do {
	case SetUp:
		check(!w.settingUp && !w.running && !w.ending, "a session is there already")
		check(w.joined, "without an assignment")
		w.settingUp, w.aborted = true, false
	case Begin:
		check(w.running && !w.handling && !w.polling, "no session that has just been set up")
	case Poll, Take:
		check(!w.polling && w.running && a.Limit > 0, "no poll is allowed now")
		check(!w.handling && !w.aborted, "before what was polled is done with")
		w.polling, w.taking = true, a.Do == Take
	case CancelPoll:
		check(w.polling && !w.taking, "no poll is out")
	case GiveTurn, CommitRows, DismissCallers:
		w.carryOutBetween(a, check)
	case Dispatch:
		check(w.running && !w.handling && len(w.polled) > 0 && !w.aborted, "nothing to dispatch")
		w.handling = true
		if w.open == nil {
			w.open = make(map[partition][]int64)
		}
		for i, tp := range w.polled {
			w.open[tp] = append(w.open[tp], w.offsets[i])
		}
	case CloseBatch:
		w.close(a, check)
	case Rewind:
		check(!w.polling && !w.handling && !w.flying && w.running, "something is in hand")
		for tp, o := range a.Offsets {
			check(o == w.committed[tp], fmt.Sprintf("%v is committed to %d", tp, w.committed[tp]))
			w.position[tp] = o
		}
		for tp, o := range w.position {
			check(o == w.committed[tp], fmt.Sprintf("%v stays at %d", tp, o))
		}
		w.open, w.aborted = nil, false
	case Release:
		check(w.running || w.settingUp, "no session to release")
		w.running, w.settingUp, w.ending = false, false, true
		check(w.asking == 0 && !w.between, "callers are left")
		w.handling, w.open, w.aborted = false, nil, false
		w.orphan = w.flying
		w.orphanMayCommit = w.flying && w.member
	case LetGo:
		check(w.waiting && !w.polling && !w.running && !w.settingUp, "not yet")
		w.waiting = false
	case End:
		check(!w.running && !w.settingUp, "a session is left")
		w.ended = true
	case StartGap:
		w.gap = true
	case StartRest:
		w.rest = true
	case StartBound:
		w.bound = true
	case Forsake:
		check(w.flying, "nothing is in the air")
		w.orphanMayCommit = w.orphanMayCommit && rapid.Bool().Draw(w.t, "too late")
	}
}

// carryOutBetween: who writes between two transactions finds nothing in hand, and records have their
// turn before the next does.
func (w *world) carryOutBetween(a Action[partition], check func(bool, string)) {
	switch a.Do {
	case GiveTurn:
		check(w.running && w.asking > 0 && !w.between, "nobody's turn")
		check(!w.polling && !w.handling && !w.flying && !w.aborted && w.count(w.open) == 0,
			"something is in hand")
		check(!w.unserved, "records have not had their turn")
		w.asking--
		w.between, w.unserved = true, true
	case CommitRows:
		check(w.running && w.member, "no session that may commit")
		check(!w.flying && !w.handling && !w.aborted && w.count(w.open) == 0, "something is in hand")
		w.takeTurn(a, check)
		w.flying, w.rewriting = true, true
	default:
		w.asking, w.between = 0, false
	}
}

// takeTurn: producers take turns.
func (w *world) takeTurn(a Action[partition], check func(bool, string)) {
	check(a.Producer == w.turn, "not this producer's turn")
	w.turn = (w.turn + 1) % worldProducers
}

func (w *world) close(a Action[partition], check func(bool, string)) {
	check(w.running && w.member, "no session that may commit")
	check(!w.flying && !w.handling && !w.aborted, "another batch is in hand")
	w.takeTurn(a, check)
	check(w.count(w.open) > 0, "the batch is empty")
	for tp, offsets := range w.open {
		check(offsets[0] == w.committed[tp], fmt.Sprintf("%v is committed to %d, not %d", tp,
			w.committed[tp], offsets[0]))
		check(a.Offsets[tp] == offsets[len(offsets)-1]+1, "offsets do not end where the batch does")
	}
	check(len(a.Offsets) == len(w.open), "offsets of other partitions")
	w.air, w.open, w.flying = w.open, nil, true
}
