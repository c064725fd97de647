package rebuild

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// No request is written for a number of partitions that no table has: for none it would be done at once, and
// readers leave such a record out.
func TestAskForPartitionsThatNoTableHas(t *testing.T) {
	f := newFixture(t)
	topic := f.topic()
	for _, n := range []int32{-1, 0, maxPartitions + 1} {
		if _, err := topic.Ask(t.Context(), "accounts", n, false, "me"); !errors.Is(err, ErrPartitions) {
			t.Errorf("%d partitions: %v", n, err)
		}
	}
	requests := Requests{
		Topic: topic, Aggregates: []Aggregate{{Name: "account", Plural: "accounts", Group: "accounts"}},
		Partitions: func() (int32, error) { return 0, errors.New("asking the schema registry") },
	}
	if _, err := requests.Ask(t.Context(), "accounts", false, "me"); !errors.Is(err, ErrNotReady) ||
		!strings.Contains(err.Error(), "asking the schema registry") {
		t.Errorf("not prepared: %v", err)
	}
	if err := topic.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	topic.Look(func(s *State) {
		if all := s.Rebuilds(""); len(all) > 0 {
			t.Errorf("written: %+v", all)
		}
	})
}

// What can't be read is waited for, for as long as it takes; what fails again and again after the events were
// read is given up, with the reason, rather than folded from the beginning for ever.
func TestTriesAreBounded(t *testing.T) {
	f := newFixture(t)
	f.members = map[string]int{"a": 2}
	a := f.coordinator("a", 2)
	a.Retry = time.Microsecond
	f.prepare(a, 0, 1)
	topic := f.topic()
	r := f.ask(topic)
	tries := map[int32]int{}
	f.background(a, []int32{0, 1},
		func(_ context.Context, p int32, _ bool, tell func(PartitionProgress)) (PartitionProgress, error) {
			tries[p]++
			switch {
			case p == 0:
				tell(PartitionProgress{Stage: Closing, EventsRead: 7})
				return PartitionProgress{EventsRead: 7, Changed: 3}, errors.New("closing step: not taken")
			case tries[p] < 3*maxTries:
				tell(PartitionProgress{Stage: Folding})
				return PartitionProgress{}, errors.New("the brokers are away")
			}
			return PartitionProgress{Equal: 1}, nil
		})
	f.wait(topic, "it has ended", stageOf(r.ID, Failed))
	topic.Look(func(s *State) {
		r, _ := s.Rebuild(r.ID)
		if p := r.Progress[0]; !strings.Contains(p.Reason, "closing step: not taken") ||
			!strings.Contains(p.Reason, "10 tries") || p.Changed != 3 {
			t.Errorf("%+v", p)
		}
		if r.Progress[1].Stage != Done {
			t.Errorf("%+v", r.Progress[1])
		}
	})
	if tries[0] != maxTries {
		t.Errorf("it was tried %d times", tries[0])
	}
}

// A topic that takes no record, or gives none back, ends what waits for it: with an error, not never.
func TestATopicThatDoesNotAnswer(t *testing.T) {
	was := writeTimeout
	writeTimeout = 200 * time.Millisecond
	defer func() { writeTimeout = was }()
	for name, key := range map[string]kmsg.Key{"writing": kmsg.Produce, "reading back": kmsg.Fetch} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			topic := f.topic()
			if err := topic.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			hangs := make(chan struct{})
			f.cluster.Kafka().ControlKey(int16(key), func(kmsg.Request) (kmsg.Response, error, bool) {
				f.cluster.Kafka().KeepControl()
				f.cluster.Kafka().SleepControl(func() { <-hangs })
				return nil, nil, false
			})
			defer close(hangs)
			err := topic.CatchUp(t.Context())
			if !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), name) {
				t.Errorf("it says %v", err)
			}
			if _, err := topic.Ask(t.Context(), "accounts", 2, false, "me"); !errors.Is(err, ErrUnknown) {
				t.Errorf("who asks is told %v", err)
			}
		})
	}
}
