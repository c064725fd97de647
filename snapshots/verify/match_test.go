package verify

import (
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"
)

// plain reads events and results that are JSON.
type plain struct{}

type plainEvent struct {
	Command  string
	Sequence int64
}

func (plain) Event(r *kgo.Record) (string, int64, error) {
	var e plainEvent
	err := json.Unmarshal(r.Value, &e)
	return e.Command, e.Sequence, err
}

func (plain) Result(r *kgo.Record) (result CommandResult, err error) {
	err = json.Unmarshal(r.Value, &result)
	return result, err
}

func recordOf(key string, offset int64, value any) *kgo.Record {
	b, _ := json.Marshal(value)
	return &kgo.Record{Key: []byte(key), Value: b, Offset: offset}
}

// match has a matcher take events and results, in the order in which it asks for them, and returns what it
// finds and how much it held at most.
func match(t interface{ Fatal(...any) }, events, results []*kgo.Record) (found []Difference, most int) {
	r := &run{Options: Options{
		Messages: plain{}, Results: "results",
		Report: func(d Difference) error { found = append(found, d); return nil },
	}}
	m := &matcher{run: r, events: map[string][]unclaimed{}, claims: map[string][]claim{}}
	e := &stream{chunk: events, chunks: make(chan []*kgo.Record), open: true}
	o := &stream{chunk: results, chunks: make(chan []*kgo.Record), open: true}
	close(e.chunks)
	close(o.chunks)
	for o.open || e.open {
		if err := m.step(o, e); err != nil {
			t.Fatal(err)
		}
		most = max(most, m.held+m.open)
	}
	if err := m.finish(math.MaxInt64); err != nil {
		t.Fatal(err)
	}
	return found, most
}

// G1, G2: a result that names any number of events is one thing to remember, and one difference for each gap
// of what it names in vain. It does not have all events held that come after it either.
func TestAResultThatNamesAnything(t *testing.T) {
	const n = 10_000
	for name, test := range map[string]struct {
		first, last int64
		want        []string
	}{
		"20 million events": {3, 20_000_000, []string{"result-without-event 4-20000000"}},
		"all there are": {1, math.MaxInt64, []string{
			"result-without-event 1-2", "result-without-event 4-9223372036854775807",
		}},
		"below zero": {math.MinInt64, 3, []string{"result-without-event -9223372036854775808-2"}},
		"none":       {3, 2, []string{"event-without-result 3-0"}},
	} {
		t.Run(name, func(t *testing.T) {
			var events, results []*kgo.Record
			for i := range int64(3) {
				c := fmt.Sprint("c", i)
				events = append(events, recordOf("broken", i, plainEvent{c, i + 1}))
				r := CommandResult{Command: c, Accepted: true, First: i + 1, Last: i + 1}
				if i == 2 {
					r.First, r.Last = test.first, test.last
				}
				results = append(results, recordOf("broken", i, r))
			}
			for i := range int64(n) {
				events = append(events, recordOf("whole", 3+i, plainEvent{"c", i + 1}))
				results = append(results, recordOf("whole", 3+i, CommandResult{
					Command: "c", Accepted: true, First: i + 1, Last: i + 1,
				}))
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			found, most := match(t, events, results)
			runtime.ReadMemStats(&after)
			var got []string
			for _, d := range found {
				if d.Key != "broken" {
					t.Errorf("found %+v", d)
				}
				got = append(got, fmt.Sprintf("%s %d-%d", d.What, d.Sequence, d.Last))
			}
			if fmt.Sprint(got) != fmt.Sprint(test.want) {
				t.Errorf("found %q, want %q", got, test.want)
			}
			if most > 2*lookAhead {
				t.Errorf("it held %d events and claims", most)
			}
			if used := after.TotalAlloc - before.TotalAlloc; used > 500<<20 {
				t.Errorf("it allocated %d MiB", used>>20)
			}
		})
	}
}

// Whatever is lost, doubled or exchanged: the matcher finds what comparing sets finds.
func TestMatcherFindsWhatSetsFind(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var events, results []*kgo.Record
		have, claimed := map[string]bool{}, map[string]bool{}
		next := map[string]int64{}
		for i := range rapid.IntRange(1, 40).Draw(t, "commands") {
			key := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "key")
			count := rapid.Int64Range(0, 3).Draw(t, "events")
			first := next[key] + 1
			next[key] += count
			command := fmt.Sprint("c", i)
			lostResult := i > 0 && rapid.IntRange(0, 9).Draw(t, "result lost") == 0
			if !lostResult {
				results = append(results, recordOf(key, int64(i), CommandResult{
					Command: command, Accepted: true, First: first, Last: first + count - 1,
				}))
			}
			for sequence := first; sequence < first+count; sequence++ {
				at := fmt.Sprintf("%s/%d", key, sequence)
				claimed[at] = !lostResult
				if have[at] = rapid.IntRange(0, 9).Draw(t, "event lost") > 0; have[at] {
					events = append(events, recordOf(key, int64(len(events)), plainEvent{command, sequence}))
				}
			}
		}
		found, _ := match(t, events, results)
		got := map[string]Kind{}
		for _, d := range found {
			for sequence := d.Sequence; sequence <= max(d.Sequence, d.Last); sequence++ {
				got[fmt.Sprintf("%s/%d", d.Key, sequence)] = d.What
			}
		}
		for at := range claimed {
			want := Kind("")
			switch {
			case claimed[at] && !have[at]:
				want = ResultWithoutEvent
			case !claimed[at] && have[at]:
				want = EventWithoutResult
			}
			// What is before the first pair is older than the results, for all that is known.
			older := want == EventWithoutResult && got[at] == ""
			if got[at] != want && !older {
				t.Fatalf("%s: found %q, want %q", at, got[at], want)
			}
		}
	})
}
