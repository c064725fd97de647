package views_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/views"
)

// sumFold folds counters: the sequence, and the sum of what was added, times its version.
type sumFold struct {
	version int64
	events  *codecs.Set
	decoded *int // how many events
}

type sum struct{ sequence, total int64 }

func (f sumFold) Version() int { return int(f.version) }

func (sumFold) Headers() []string { return nil }

func (f sumFold) Decode(r *kgo.Record) (any, error) {
	*f.decoded++
	return f.events.Decode(context.Background(), r.Value)
}

func (f sumFold) Apply(state, event any) (any, error) {
	s, _ := state.(sum)
	added, is := event.(Added)
	if !is {
		return nil, fmt.Errorf("%T", event)
	}
	return sum{s.sequence + 1, s.total + added.Amount*f.version}, nil
}

func (f sumFold) EncodeState(state any) ([]byte, error) {
	s, _ := state.(sum)
	return binary.BigEndian.AppendUint64(row(uint64(s.sequence)), uint64(s.total)), nil
}

func (f sumFold) DecodeState(b []byte) (any, error) {
	sequence, total, err := readSum(b)
	if err != nil {
		return nil, err
	}
	return sum{sequence, total.(int64)}, nil
}

func readSum(b []byte) (int64, any, error) {
	if len(b) != 16 {
		return 0, nil, errors.New("no sum")
	}
	return int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), nil
}

// remembers lets counters be read of the past; it returns how many events have been decoded.
func (f *fixture) remembers(version int64, every int) (func(*views.Options), *int) {
	decoded := new(int)
	return func(o *views.Options) {
		o.Limits.StateEvery = every
		o.Aggregates[0].Row = readSum
		o.Aggregates[0].Fold = sumFold{version, f.events, decoded}
	}, decoded
}

// records are events of a counter, n adds n, at these seconds.
func (f *fixture) records(tb testing.TB, id string, seconds []int64) []*kgo.Record {
	tb.Helper()
	records := make([]*kgo.Record, 0, len(seconds))
	for i, second := range seconds {
		value, err := f.events.Encode(Added{Amount: int64(i + 1)})
		if err != nil {
			tb.Fatal(err)
		}
		records = append(records, &kgo.Record{
			Topic: topics.Events, Key: []byte(id), Value: value,
			Headers: metadataHeaders(eventsourcing.Metadata{
				ID: fmt.Sprintf("%s/%d", id, i+1), Source: "counters", Type: "Added", Subject: id,
				Time: time.Unix(second, 0), Sequence: int64(i + 1), CausationID: "c", CorrelationID: "c",
			}),
		})
	}
	return records
}

// G4: the state at any sequence and any time is the fold of the events up to there, whatever the
// distance of intermediate states, whether they are there already, whichever moments were asked for
// before, and however clocks went.
func TestPast(t *testing.T) {
	f := newFixture(t)
	names := 0
	for _, every := range []int{1, 2, 7, 100} {
		change, _ := f.remembers(1, every)
		v := f.run(t, change)
		rapid.Check(t, func(rt *rapid.T) {
			names++
			id := fmt.Sprintf("c%d", names)
			seconds := rapid.SliceOfN(rapid.Int64Range(1, 12), 1, 25).Draw(rt, "seconds")
			must(t, f.client.ProduceSync(t.Context(), f.records(t, id, seconds)...).FirstErr())
			_, err := v.counters.WaitEvents(patient(t), id,
				views.EventQuery{After: int64(len(seconds)) - 1, Limit: 1})
			must(t, err)
			for range 20 {
				m := views.Moment{Sequence: rapid.Int64Range(0, int64(len(seconds))).Draw(rt, "sequence")}
				want := m.Sequence
				if want == 0 {
					m.Time = time.Unix(rapid.Int64Range(0, 13).Draw(rt, "time"), 0)
					for int(want) < len(seconds) && seconds[want] <= m.Time.Unix() {
						want++
					}
				}
				got, err := v.counters.At(t.Context(), id, m)
				if want == 0 {
					if !errors.Is(err, views.ErrNotFound) {
						rt.Fatalf("%+v: %+v, %v", m, got, err)
					}
					continue
				}
				if err != nil || got.Sequence != want || got.State != want*(want+1)/2 ||
					got.Time.Unix() != seconds[want-1] {
					rt.Fatalf("%+v: got %+v, %v; want sequence %d", m, got, err, want)
				}
			}
		})
		v.stop()
	}
}

// Intermediate states are used, survive a restart, and are not used by another version of the fold.
func TestIntermediateStates(t *testing.T) {
	f := newFixture(t)
	must(t, f.client.ProduceSync(t.Context(), f.records(t, "a", make([]int64, 25))...).FirstErr())
	for _, test := range []struct {
		version        int64
		sequence       int64
		total, decoded int64
	}{
		{1, 25, 325, 25},
		{1, 25, 325, 5},
		{1, 9, 45, 9},
		{1, 10, 55, 0},
		{2, 25, 650, 25},
		{2, 25, 650, 5},
		{1, 12, 78, 12},
	} {
		change, decoded := f.remembers(test.version, 10)
		v := f.run(t, change)
		got, err := v.counters.At(t.Context(), "a", views.Moment{Sequence: test.sequence})
		if err != nil || got.State != test.total || int64(*decoded) != test.decoded {
			t.Errorf("%+v: %+v of %d events, %v", test, got, *decoded, err)
		}
		v.stop()
	}
}

// A refold folds everything anew, under the same version, too: a fold may have been mended without raising
// its version, and the states that it had made are as wrong as the rows were.
func TestIntermediateStates_refolded(t *testing.T) {
	f := newFixture(t)
	must(t, f.client.ProduceSync(t.Context(), f.records(t, "a", make([]int64, 25))...).FirstErr())
	change, decoded := f.remembers(1, 10)
	var last atomic.Value
	last.Store("")
	v := f.run(t, change, func(o *views.Options) {
		o.Aggregates[0].Refolded = func(partition int32) string {
			if partition != kafka.Partition([]byte("a"), 3) {
				t.Errorf("asked for partition %d", partition)
			}
			return last.Load().(string)
		}
	})
	for _, test := range []struct {
		refold string
		folded int
	}{{"", 25}, {"", 5}, {"first", 25}, {"first", 5}, {"second", 25}} {
		last.Store(test.refold)
		*decoded = 0
		got, err := v.counters.At(t.Context(), "a", views.Moment{Sequence: 25})
		if err != nil || got.State != int64(325) || *decoded != test.folded {
			t.Errorf("after the refold %q: %+v of %d events, %v", test.refold, got, *decoded, err)
		}
	}
}

// A moment that can't be answered says why.
func TestPast_errors(t *testing.T) {
	f := newFixture(t)
	records := f.records(t, "gap", []int64{1, 2, 3, 4})
	must(t, f.client.ProduceSync(t.Context(), records[0], records[1], records[3]).FirstErr())
	change, _ := f.remembers(1, 10)
	v := f.run(t, change)
	got, err := v.counters.At(t.Context(), "gap", views.Moment{Sequence: 5})
	if !errors.Is(err, views.ErrNotYet) || got.Sequence != 4 {
		t.Errorf("beyond the newest: %+v, %v", got, err)
	}
	if _, err = v.counters.At(t.Context(), "gap", views.Moment{Sequence: 4}); !errors.Is(
		err, views.ErrUnfoldable) {
		t.Errorf("behind a gap: %v", err)
	}
	if _, err = v.counters.At(t.Context(), "nobody", views.Moment{Sequence: 1}); !errors.Is(
		err, views.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	v.stop()
	if _, err = f.run(t).counters.At(t.Context(), "gap", views.Moment{Sequence: 1}); !errors.Is(
		err, views.ErrNoHistory) {
		t.Errorf("without a fold: %v", err)
	}
}

// The states that Each gives are those that At gives, wherever intermediate states are.
func TestEachStateOfThePast(t *testing.T) {
	f := newFixture(t)
	must(t, f.client.ProduceSync(t.Context(), f.records(t, "a", make([]int64, 25))...).FirstErr())
	change, _ := f.remembers(1, 10)
	v := f.run(t, change)
	defer v.stop()
	_, err := v.counters.WaitEvents(patient(t), "a", views.EventQuery{After: 24, Limit: 1})
	must(t, err)
	for _, span := range [][2]int64{
		{1, 25}, {1, 1}, {25, 25}, {9, 12}, {10, 10}, {10, 11}, {20, 25}, {11, 20},
	} {
		next := span[0]
		err := v.counters.Each(t.Context(), "a", span[0], span[1], func(row views.PastRow) error {
			if row.Sequence != next || row.State != next*(next+1)/2 {
				t.Errorf("%v: got %+v, want sequence %d", span, row, next)
			}
			next++
			return nil
		})
		if err != nil || next != span[1]+1 {
			t.Errorf("%v: it ended before %d, %v", span, next, err)
		}
	}
	enough := errors.New("enough")
	calls := 0
	err = v.counters.Each(t.Context(), "a", 1, 25, func(views.PastRow) error {
		calls++
		return enough
	})
	if !errors.Is(err, enough) || calls != 1 {
		t.Errorf("got %v after %d states", err, calls)
	}
	nothing := func(views.PastRow) error { return nil }
	if err := v.counters.Each(t.Context(), "a", 24, 26, nothing); !errors.Is(err, views.ErrNotYet) {
		t.Errorf("got %v", err)
	}
	if err := v.counters.Each(t.Context(), "nobody", 1, 1, nothing); !errors.Is(err, views.ErrNotYet) {
		t.Errorf("got %v", err)
	}
}
