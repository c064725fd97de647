package simulate_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rcrowley/go-metrics"
)

var (
	firstSeed = flag.Uint64("seed", 1, "where seeds begin")
	seeds     = flag.Uint64("seeds", 100, "how many `seeds`; of one, the schedule is run several times")
	limit     = flag.Duration("for", 20*time.Second, "begin no schedule after this `time`; 0: no limit")
	only      = flag.String("faults", "", "let only these of the schedule's `faults` happen: 0,3")
)

func TestMain(m *testing.M) {
	// What Sarama measures is ticked by a goroutine outside of all bubbles, for which time in them
	// would wait.
	metrics.UseNilMetrics = true
	os.Exit(m.Run())
}

// attempts is how often a schedule may be run to see it fail again: it says what goes wrong when, but
// not how goroutines interleave.
const attempts = 10

// G1–G6: whatever goes wrong when, each record has one outcome, in order, rows are what the outcomes
// say, on the disks too, and the work is done in the end.
func TestSimulate(t *testing.T) {
	began := time.Now()
	var (
		next  atomic.Uint64
		total tally
	)
	t.Run("lanes", func(t *testing.T) {
		for range runtime.GOMAXPROCS(0) {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				for i := next.Add(1) - 1; i < *seeds && !t.Failed(); i = next.Add(1) - 1 {
					if *limit > 0 && time.Since(began) > *limit {
						return // the machine has other things to do
					}
					trySeed(t, *firstSeed+i, &total)
				}
			})
		}
	})
	total.print(time.Since(began))
	const many = 50
	if total.schedules >= many && (total.mended == 0 || total.rewrites == 0) {
		t.Error("no row was rewritten, or put right by a refold: nothing was tried")
	}
	if total.schedules >= many && (total.reads.forwarded == 0 || total.reads.takenOver == 0) {
		t.Error("no read was forwarded, or no partition taken over by a standby: nothing was tried")
	}
}

// trySeed runs the schedule of a seed, and looks for the least that fails when it does.
func trySeed(t *testing.T, seed uint64, total *tally) {
	t.Helper()
	s := newSchedule(seed)
	if *only != "" {
		s = s.with(t, *only)
	}
	times := 1
	if *seeds == 1 {
		times = attempts
	}
	for range times {
		v := run(t, s)
		total.add(s, v)
		if len(v.breaches) > 0 {
			t.Errorf("%v%s", s, v)
			least, v := shrink(t, s, v)
			t.Errorf("the least that fails: %v%s\nto replay it: make simulate SEED=%d FAULTS=%s", least, v,
				seed, least.numbers())
			return
		}
	}
}

// stuck is how long a schedule may take in real time; it takes a fraction of a second.
const stuck = 3 * time.Minute

// run runs a schedule in a bubble of its own.
func run(t *testing.T, s *schedule) verdict {
	t.Helper()
	result := make(chan verdict, 1)
	go synctest.Test(t, func(*testing.T) { result <- simulate(s) })
	select {
	case v := <-result:
		return v
	case <-time.After(stuck):
	}
	stacks := make([]byte, 8<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if standsStill(string(stacks)) {
		return verdict{stopped: true}
	}
	fmt.Fprintf(os.Stderr, "no end after %v: %v\n%s", stuck, s, stacks)
	os.Exit(2)
	return verdict{}
}

// standsStill reports whether some bubble's time can't go on, for no fault of ours: see simulation.lead.
// Nothing can end such a bubble; it is left behind.
func standsStill(stacks string) bool {
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		if strings.Contains(stack, "[sync.Mutex.Lock") && strings.Contains(stack, "synctest bubble") &&
			strings.Contains(stack, "kgo.(*Client).producerID") {
			return true
		}
	}
	return false
}

// shrink leaves out one fault after the other for as long as the rest fails.
func shrink(t *testing.T, s *schedule, v verdict) (*schedule, verdict) {
	t.Helper()
	for i := 0; i < len(s.faults); {
		fewer := *s
		fewer.faults = slices.Delete(slices.Clone(s.faults), i, i+1)
		again := verdict{}
		for range attempts {
			if again = run(t, &fewer); len(again.breaches) > 0 {
				break
			}
		}
		if len(again.breaches) > 0 {
			s, v = &fewer, again
		} else {
			i++
		}
	}
	return s, v
}

// with leaves only some of the faults.
func (s *schedule) with(t *testing.T, numbers string) *schedule {
	t.Helper()
	fewer := *s
	fewer.faults = nil
	for n := range strings.SplitSeq(numbers, ",") {
		i, err := strconv.Atoi(n)
		if err != nil || i < 0 || i >= len(s.faults) {
			t.Fatalf("seed %d has no fault %s", s.seed, n)
		}
		fewer.faults = append(fewer.faults, s.faults[i])
	}
	return &fewer
}

// numbers are those of the faults, as -faults takes them.
func (s *schedule) numbers() string {
	var all []string
	for _, f := range s.faults {
		all = append(all, strconv.Itoa(f.number))
	}
	return strings.Join(all, ",")
}

// String lists the breaches, the first of many.
func (v verdict) String() string {
	const most = 8
	list := v.breaches
	if len(list) > most {
		list = append(list[:most:most], fmt.Sprintf("… and %d more", len(v.breaches)-most))
	}
	return "  " + strings.Join(list, "\n  ")
}

// tally counts what was run.
type tally struct {
	mu        sync.Mutex
	schedules int
	stores    int
	rewrites  int
	refolded  int
	mended    int
	reads     reads
	standbys  int
	lasted    time.Duration
	planned   int
	happened  [kinds]int
	stopped   int
}

func (n *tally) add(s *schedule, v verdict) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.schedules++
	if v.stopped {
		n.stopped++
	}
	n.stores += v.stores
	n.rewrites += v.rewrites
	n.refolded += v.refolded
	n.mended += v.mended
	n.reads.answered += v.reads.answered
	n.reads.refused += v.reads.refused
	n.reads.failed += v.reads.failed
	n.reads.forwarded += v.reads.forwarded
	n.reads.takenOver += v.reads.takenOver
	if s.standbys {
		n.standbys++
	}
	n.lasted += v.lasted
	n.planned += len(s.faults)
	for i, did := range v.happened {
		if did {
			n.happened[s.faults[i].kind]++
		}
	}
}

func (n *tally) print(took time.Duration) {
	fmt.Fprintf(os.Stdout, "%d schedules in %.1f s (%.0f a minute), %v simulated, %d stores compared, "+
		"%d times rows rewritten, %d partitions refolded, %d rows put right by that\n",
		n.schedules, took.Seconds(), float64(n.schedules)/took.Minutes(),
		n.lasted.Round(time.Second), n.stores, n.rewrites, n.refolded, n.mended)
	fmt.Fprintf(os.Stdout, "%d reads answered, %d refused, %d without an answer, %d forwarded; "+
		"%d schedules with standbys, which took over %d partitions\n",
		n.reads.answered, n.reads.refused, n.reads.failed, n.reads.forwarded, n.standbys, n.reads.takenOver)
	if n.stopped > 0 {
		fmt.Fprintf(os.Stdout, "%d schedules were given up: a client held a mutex, and time stood still\n",
			n.stopped)
	}
	sum := 0
	for k, count := range n.happened {
		sum += count
		fmt.Fprintf(os.Stdout, "%6d %v\n", count, kind(k))
	}
	fmt.Fprintf(os.Stdout, "%6d of %d faults of the schedules happened\n", sum, n.planned)
}
