package views_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refold/eventsourcing"
	"refold/processors"
	"refold/views"
)

// told is all that a trace says, its places and times too.
func told(t *testing.T, v *running, id string) map[string]views.Message {
	t.Helper()
	trace, err := v.Trace(t.Context(), id)
	must(t, err)
	all := make(map[string]views.Message)
	var add func(nodes []*views.Node)
	add = func(nodes []*views.Node) {
		for _, n := range nodes {
			all[fmt.Sprint(n.Place)] = n.Message
			add(n.Children)
		}
	}
	add(trace.Roots)
	return all
}

// A trace says the same, whether its events are found by the results that name them or by rows of their own.
func TestTraceIsTheSameHoweverItIsFound(t *testing.T) {
	f := newFixture(t)
	f.writeRecords(t, chain()...)
	f.writeRecords(t, several()...)
	ids := []string{"c-1", "c-2", "c-5"}
	var want []map[string]views.Message
	for name, change := range map[string]func(*views.Options){
		"by results": func(*views.Options) {},
		"results are kept for less": func(o *views.Options) {
			o.Aggregates[0].ResultsRetention = time.Hour - time.Millisecond
		},
		"results are kept for as long": func(o *views.Options) {
			o.Aggregates[0].ResultsRetention = time.Hour
		},
		"no history": func(o *views.Options) { o.NoHistory = true },
	} {
		v := f.run(t, traces(time.Hour), change)
		var got []map[string]views.Message
		for _, id := range ids {
			got = append(got, told(t, v, id))
		}
		v.stop()
		if want == nil {
			want = got
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: it differs from another way (-):\n%s", name, diff)
		}
	}
	for i, n := range []int{7, 1, 8} {
		if len(want[i]) != n {
			t.Errorf("the trace %s has %d messages, want %d: %v", ids[i], len(want[i]), n, want[i])
		}
	}
}

// several are a command with two events, the same command again, to another counter too, and a result that
// claims events which are not its own.
func several() []record {
	message := func(topic, id, cause, subject string, sequence int64) record {
		return record{topic: topic, Metadata: eventsourcing.Metadata{
			ID: id, Type: "T", CausationID: cause, CorrelationID: "c-5", Subject: subject, Sequence: sequence,
		}}
	}
	result := func(subject string, first, last int64) record {
		r := message(topics.Results, "c-5/result", "c-5", subject, 0)
		r.result = processors.Result{
			CommandType: "Add", Accepted: true, FirstSequence: first, LastSequence: last,
		}
		return r
	}
	again := result("a", 2, 3)
	again.extra = map[string]string{processors.HeaderRepeated: "true"}
	return []record{
		message(topics.Commands, "c-5", "", "a", 0),
		message(topics.Events, "a/2", "c-5", "a", 2), message(topics.Events, "a/3", "c-5", "a", 3),
		result("a", 2, 3), again,
		message(topics.Commands, "c-5", "", "b", 0),
		result("b", 1, 1), message(topics.Events, "b/1", "c-5", "b", 1),
		{topic: topics.Events, Metadata: eventsourcing.Metadata{ // of another command
			ID: "b/2", Type: "T", CausationID: "c-6", CorrelationID: "c-6", Subject: "b", Sequence: 2,
		}},
	}
}

// What results claim costs no more than Limits.ScanRows look-ups, and makes no event the trace's that is not.
func TestTraceOfWrongClaims(t *testing.T) {
	f := newFixture(t)
	records := several()
	for _, last := range []int64{-7, 3, 2_000, 1<<63 - 1} {
		wrong := records[6]
		wrong.result.LastSequence = last
		records = append(records, wrong)
	}
	f.writeRecords(t, records...)
	for _, looks := range []int{0, 4} {
		v := f.run(t, traces(time.Hour), func(o *views.Options) { o.Limits.ScanRows = looks })
		messages := told(t, v, "c-5")
		if n := len(messages); looks == 0 && n != 12 {
			t.Errorf("there are %d messages: %v", n, messages)
		}
		for _, m := range messages {
			if m.ID == "b/2" {
				t.Errorf("an event of another command is in the trace: %+v", m)
			}
		}
		v.stop()
	}
}
