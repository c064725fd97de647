package deadletters_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/processors"
	"refold/processors/deadletters"
)

func ptr[T any](v T) *T { return &v }

func TestSelections(t *testing.T) {
	d := newFixture(t, 2)
	d.put(
		letter(0, 1, "a"),
		letter(1, 2, "b", processors.HeaderReason, "bug"),
		letter(2, 3, "a", processors.HeaderTopic, "account-results", processors.HeaderPartition, "2"),
		letter(0, 4, "c", processors.HeaderGroup, "payments"),
		letter(0, 5, "a"),
		letter(1, 6, "d"),
	)
	d.settled(deadletters.Selection{Refs: refs("0/2", "1/1")}, deadletters.Action{
		Disposition: deadletters.Discarded,
	})
	type selection = deadletters.Selection
	for name, test := range map[string]struct {
		selection selection
		want      []string
	}{
		"all, in order of time": {selection{}, []string{"0/0", "1/0", "2/0", "0/1", "0/2", "1/1"}},
		"open":                  {selection{Open: true}, []string{"0/0", "1/0", "2/0", "0/1"}},
		"settled":               {selection{Settled: true}, []string{"0/2", "1/1"}},
		"open and settled": {
			selection{Open: true, Settled: true, Key: ptr("a")}, []string{"0/0", "2/0", "0/2"},
		},
		"a topic":          {selection{Topic: "account-results"}, []string{"2/0"}},
		"a partition":      {selection{Partition: ptr(int32(2))}, []string{"2/0"}},
		"a reason":         {selection{Reason: "bug"}, []string{"1/0"}},
		"a group":          {selection{Group: "payments"}, []string{"0/1"}},
		"a key":            {selection{Key: ptr("a")}, []string{"0/0", "2/0", "0/2"}},
		"an empty key":     {selection{Key: ptr("")}, []string{}},
		"since":            {selection{Since: noon.Add(4 * time.Minute)}, []string{"0/1", "0/2", "1/1"}},
		"until":            {selection{Until: noon.Add(3 * time.Minute)}, []string{"0/0", "1/0"}},
		"since the future": {selection{Since: noon.Add(time.Hour)}, []string{}},
		"places":           {selection{Refs: refs("0/1", "1/0", "0/1")}, []string{"1/0", "0/1"}},
		"all at once": {
			selection{Open: true, Key: ptr("a"), Topic: "order-commands"}, []string{"0/0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			here := *d
			here.T = t
			got, reading := here.each(test.selection)
			here.equal("places", got, test.want)
			if reading.More || reading.Foreign != 0 || len(reading.Missing) != 0 {
				t.Errorf("got %+v", reading)
			}
		})
	}
}

func TestLimit(t *testing.T) {
	d := newFixture(t, 2)
	d.put(letter(0, 1, "a"), letter(1, 2, "b"), letter(2, 3, "c"))
	for limit, more := range map[int]bool{1: true, 2: true, 3: false, 4: false} {
		got, reading := d.each(deadletters.Selection{Limit: limit})
		if len(got) != min(limit, 3) || reading.More != more {
			t.Errorf("limit %d: got %v, more %v", limit, got, reading.More)
		}
	}
}

// Many letters in many partitions come in order of time, also when they are more than fit into one
// answer of a broker, and in groups when there are many partitions.
func TestOrderOfTime(t *testing.T) {
	d := newFixture(t, 2)
	d.must(d.cluster.Kafka().CreateTopic("many-dead-letters", 20, nil))
	const letters = 25_000
	for i := range letters {
		r := letter(int32(i%20), 0, "k")
		r.Topic, r.Timestamp = "many-dead-letters", noon.Add(time.Duration(i)*time.Millisecond)
		d.plain.Produce(d.ctx, r, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	d.must(d.plain.Flush(d.ctx))
	settings := d.settings()
	settings.Names.DeadLetters = "many-dead-letters"
	var last time.Time
	seen, turns := 0, 0
	_, err := d.open(settings).Each(d.ctx, deadletters.Selection{}, func(l *deadletters.Letter) error {
		if l.Time.Before(last) {
			turns++
		}
		last = l.Time
		seen++
		return nil
	})
	d.must(err)
	if seen != letters || turns != 1 {
		t.Errorf("%d letters, back in time %d times", seen, turns)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	d := newFixture(t, 2)
	foreign := letter(1, 3, "x", processors.HeaderReason, "")
	d.put(letter(0, 1, "a"), letter(0, 2, "b"), letter(1, 3, "c"), foreign)
	d.must(d.cluster.Kafka().DeleteRecords("dead-letters", 0, 1))
	aborted := d.client(kgo.TransactionalID("x"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	d.must(aborted.BeginTransaction())
	d.must(aborted.ProduceSync(d.ctx, letter(2, 4, "d")).FirstErr())
	d.must(aborted.EndTransaction(d.ctx, kgo.TryAbort))

	queue := d.open(d.settings())
	for text, test := range map[string]struct {
		want error
		says string
	}{
		"0/0": {deadletters.ErrMissing, "retention has removed it; partition 0 begins at 1"},
		"0/2": {deadletters.ErrMissing, "partition 0 ends before 2"},
		"1/1": {deadletters.ErrNoDeadLetter, "refold_reason"},
		"2/0": {deadletters.ErrMissing, "aborted"},
		"2/1": {deadletters.ErrMissing, "end of a transaction"},
		"3/0": {deadletters.ErrMissing, "partitions 0 to 2"},
	} {
		_, err := queue.Get(d.ctx, refs(text)[0])
		if !errors.Is(err, test.want) || !contains(err.Error(), text, test.says) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if l, err := queue.Get(d.ctx, refs("0/1")[0]); err != nil || string(l.Key) != "b" {
		t.Errorf("got %+v, %v", l, err)
	}
	got, reading := d.each(deadletters.Selection{})
	d.equal("the others", got, []string{"0/1", "1/0"})
	d.equal("foreign records", reading.Foreign, int64(1))
}

// What came after the operator looked is not what they agreed to.
func TestPin(t *testing.T) {
	d := newFixture(t, 2)
	d.put(letter(0, 1, "a"))
	pinned, err := d.open(d.settings()).Pin(d.ctx, deadletters.Selection{})
	d.must(err)
	d.put(letter(0, 2, "b"), letter(1, 3, "c"))
	got, _ := d.each(pinned)
	d.equal("places", got, []string{"0/0"})
}

func TestErrorsOfReading(t *testing.T) {
	d := newFixture(t, 2)
	d.put(letter(0, 1, "a"), letter(1, 1, "b"))
	settings := d.settings()
	settings.Names.DeadLetters = "none"
	nothing := func(*deadletters.Letter) error { return nil }
	_, err := d.open(settings).Each(d.ctx, deadletters.Selection{}, nothing)
	if !errors.Is(err, kafka.ErrTopicMissing) {
		t.Errorf("no topic: %v", err)
	}
	mine := errors.New("mine")
	queue := d.open(d.settings())
	if _, err := queue.Each(d.ctx, deadletters.Selection{},
		func(*deadletters.Letter) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("an error of the receiver: %v", err)
	}
	ended, cancel := context.WithCancel(d.ctx)
	cancel()
	if _, err := queue.Each(ended, deadletters.Selection{}, nothing); !errors.Is(err, context.Canceled) {
		t.Errorf("ended: %v", err)
	}
	opts, err := kafka.Settings{Brokers: []string{"127.0.0.1:1"}}.Options()
	d.must(err)
	if _, err := deadletters.Open(d.ctx, deadletters.Settings{Kafka: opts, RecordBytes: 1}); err == nil ||
		!contains(err.Error(), "reach Kafka", "127.0.0.1:1") {
		t.Errorf("no broker: %v", err)
	}
}

// Nothing is settled in an installation that never had the topic of markers; settling says that it
// is missing instead of waiting for it.
func TestWithoutTheTopicOfMarkers(t *testing.T) {
	d := newFixture(t, 2)
	d.put(letter(0, 1, "a"))
	d.must(d.cluster.Kafka().DeleteTopic("dead-letters-settled"))
	got, _ := d.each(openOnes)
	d.equal("places", got, []string{"0/0"})
	_, err := settle(d.ctx, d.open(d.settings()), openOnes, replay)
	if !errors.Is(err, kafka.ErrTopicMissing) {
		t.Error(err)
	}
	d.equal("what was replayed", d.replayed(), []string{})
}

func ExampleRef() {
	fmt.Println(deadletters.Ref{Partition: 2, Offset: 57})
	// Output: 2/57
}
