package refold_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/snapshots/rebuild/refold"
)

// A shadow is the fold of all events, whether its states fit in memory or not, and goes on where it was.
func TestBuildFoldsWhatDoesNotFitInMemory(t *testing.T) {
	const keys = 20_000
	w := newWorld(t)
	random := rand.New(rand.NewPCG(1, 2))
	some := func(n int) {
		records := make([]*kgo.Record, n)
		for i := range records {
			// A few aggregates have half of all events.
			key := random.IntN(keys)
			if random.IntN(2) == 0 {
				key %= 10
			}
			records[i] = w.event(fmt.Sprintf("key-%d", key), int64(random.IntN(100)))
		}
		w.produce(records...)
	}
	some(60_000)
	o := w.options()
	o.Dir, o.CacheBytes = shadowDir(t), 1<<20
	seen := int64(0)
	o.Observe = func(event *kgo.Record) error {
		if event.Offset != seen {
			t.Fatalf("event %d was observed after %d", event.Offset, seen-1)
		}
		seen++
		return nil
	}
	var told refold.PhaseProgress
	o.Progress = func(p refold.PhaseProgress) { told = p }
	o.ProgressInterval = 1
	s, err := refold.Build(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		gone(t, o.Dir)
	}()
	some(5_000)
	if n, err := s.CatchUp(t.Context()); n != 5_000 || err != nil {
		t.Errorf("caught up with %d events, error %v", n, err)
	}
	if s.Next() != 65_000 || s.Events() != 65_000 || seen != 65_000 || s.Keys() != int64(len(w.truth)) ||
		told.Events != 65_000 || told.Next != 65_000 || told.End != 65_000 {
		t.Errorf("next %d, events %d, seen %d, keys %d, progress %+v",
			s.Next(), s.Events(), seen, s.Keys(), told)
	}
	walked := map[string]sum{}
	last := ""
	err = s.Walk(t.Context(), nil, func(p *refold.Pair) error {
		state, err := p.State()
		if string(p.Key) <= last {
			t.Errorf("%s comes after %s", p.Key, last)
		}
		last = string(p.Key)
		walked[last], _ = state.(sum)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w.truth, walked, cmp.AllowUnexported(sum{})); diff != "" {
		t.Error(diff)
	}
	for i := range 100 {
		key := fmt.Sprintf("key-%d", i)
		state, err := s.State(key)
		if have, _ := state.(sum); err != nil || have != w.truth[key] {
			t.Errorf("state of %s is %v, error %v; it should be %v", key, state, err, w.truth[key])
		}
	}
	if state, err := s.State("nobody"); state != nil || err != nil {
		t.Errorf("state of nobody: %v, %v", state, err)
	}
}

// The rate limits what waited on the disk, too. It can take longer than that, but never less.
func TestBuildKeepsToItsRate(t *testing.T) {
	const keys, events, rate = 10_000, 60_000, 100_000
	w := newWorld(t)
	records := make([]*kgo.Record, events)
	for i := range records {
		records[i] = w.event(fmt.Sprintf("key-%d", i%keys), 1)
	}
	w.produce(records...)
	o := w.options()
	o.Dir, o.CacheBytes, o.EventsPerSecond = shadowDir(t), 1<<20, rate
	begin := time.Now()
	s, err := refold.Build(t.Context(), o)
	took := time.Since(begin)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	// All events are read, and at least two thirds of them are folded later.
	if least := events * 5 / 3 * time.Second / rate; took < least*9/10 {
		t.Errorf("%d events were read, and most of them folded later, in %v", events, took)
	}
}

func TestWalkJudgesRows(t *testing.T) {
	w := newWorld(t)
	w.fill(4, 2)
	w.table["key-00001"] = rowOf(sum{2, 0, 0}, "")
	w.table["key-00002"] = rowOf(sum{1, 0, 0}, "")
	delete(w.table, "key-00003")
	w.table["a"] = rowOf(sum{}, "ring")
	w.table["z"] = rowOf(sum{1, 1, 1}, "")
	w.table["zz"] = []byte("?")
	s, err := refold.Build(t.Context(), w.options())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	rows, err := w.Rows(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]refold.Verdict{}
	err = s.Walk(t.Context(), rows, func(p *refold.Pair) error {
		verdict, err := p.Judge()
		verdicts[string(p.Key)] = verdict
		if unreadable := verdict == refold.Unreadable; errors.Is(err, refold.ErrRow) != unreadable {
			return fmt.Errorf("%s is %s: %w", p.Key, verdict, err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]refold.Verdict{
		"a": refold.RingOnly, "key-00000": refold.Equal, "key-00001": refold.Changed,
		"key-00002": refold.Moved, "key-00003": refold.Added, "z": refold.Removed, "zz": refold.Unreadable,
	}
	if !maps.Equal(want, verdicts) {
		t.Error(cmp.Diff(want, verdicts))
	}
}

func TestOptionsSayWhatIsWrong(t *testing.T) {
	w := newWorld(t)
	for name, spoil := range map[string]func(*refold.Options){
		"no fold":     func(o *refold.Options) { o.Fold = nil },
		"no topic":    func(o *refold.Options) { o.EventsTopic = "" },
		"small cache": func(o *refold.Options) { o.CacheBytes = 1 },
		"share":       func(o *refold.Options) { o.CPUShare = 1.5 },
		"rate":        func(o *refold.Options) { o.EventsPerSecond = -1 },
		"no brokers":  func(o *refold.Options) { o.Kafka.Brokers = nil },
		"no table":    func(o *refold.Options) { o.Live = nil },
	} {
		o := w.options()
		spoil(&o)
		if _, err := refold.Run(t.Context(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
