package flow

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"refold/console/frame"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// well is a reader that keeps up.
func well() Reader {
	return Reader{
		Known: true, Next: 100, Counted: true, Workers: 2, Partitions: 4, Owned: 4, Followed: 4, Filling: -1,
	}
}

func TestStatesOfReaders(t *testing.T) {
	with := func(change func(*Reader)) Reader {
		r := well()
		change(&r)
		return r
	}
	for _, c := range []struct {
		reader              Reader
		state               frame.PillKind
		word, wait, workers string
	}{
		{well(), frame.Good, "keeps up", "nothing waits", "2 workers, standbys"},
		{
			with(func(r *Reader) { r.Waiting, r.Oldest = 7, noon.Add(-3*time.Second) }),
			frame.Good, "keeps up",
			"7 wait, 3 s", "2 workers, standbys",
		},
		{
			with(func(r *Reader) { r.Waiting, r.Oldest = 1234, noon.Add(-3*time.Minute) }),
			frame.Warn, "behind",
			"1,234 wait, 3 min", "2 workers, standbys",
		},
		{with(func(r *Reader) { r.Waiting = 5 }), frame.Good, "keeps up", "5 waiting", "2 workers, standbys"},
		{
			with(func(r *Reader) { r.Held = 2 }), frame.Bad, "2 partitions held", "nothing waits",
			"2 workers, standbys",
		},
		{
			with(func(r *Reader) { r.Workers, r.Owned, r.Followed = 0, 0, 0 }), frame.Bad, "no worker",
			"nothing waits", "0 workers",
		},
		{
			with(func(r *Reader) { r.Owned, r.Followed = 3, 1 }), frame.Wait, "3 of 4 owned", "nothing waits",
			"2 workers, standbys 1/4",
		},
		{
			with(func(r *Reader) { r.Known, r.Followed = false, 0 }), frame.Wait, "has not begun", "",
			"2 workers, no standby",
		},
		{Reader{Off: "no store is given"}, frame.Plain, "no store is given", "", ""},
	} {
		n := &Node{ID: "x", Kind: KindAggregate, Name: "account"}
		f := figure(n, nil, &Sample{Time: noon, Readers: map[string]Reader{"x": c.reader}})
		if f.State != c.state || f.Word != c.word || f.Waiting != c.wait || f.Workers != c.workers {
			t.Errorf("%+v is shown as %+v", c.reader, f)
		}
	}
}

func TestRates(t *testing.T) {
	n := &Node{ID: TopicID("t"), Kind: KindEvents, Name: "t"}
	before := &Sample{Time: noon, Ends: map[string]int64{"t": 100}}
	for _, c := range []struct {
		before *Sample
		end    int64
		want   string
	}{
		{nil, 100, unknown},
		{before, 100, "0/s"},
		{before, 105, "2.5/s"},
		{before, 3100, "1,500/s"},
		{before, 90, "0/s"}, // the topic was made again
	} {
		f := figure(n, c.before, &Sample{Time: noon.Add(2 * time.Second), Ends: map[string]int64{"t": c.end}})
		if f.Rate != c.want {
			t.Errorf("from 100 to %d in 2 s is shown as %q, want %q", c.end, f.Rate, c.want)
		}
	}
}

func TestAttentionComesInOrder(t *testing.T) {
	g := NewGraph(bank())
	late := well()
	late.Waiting, late.Oldest = 12, noon.Add(-5*time.Minute)
	held := well()
	held.Held = 1
	fills := well()
	fills.Filling = 0.43
	items := attention(g, &Sample{
		Time: noon, Letters: Letters{Known: true, Count: 3},
		Readers: map[string]Reader{
			AggregateID("account"): held, AggregateID("order"): late,
			ProjectionID("accounts_current"): fills,
		},
		Pods: []Pod{
			{Here: true, Wrong: []Check{{"projections", "the store is away"}}},
			{Name: "worker-2", Fault: "connection refused"},
		},
		Rebuilds: []Rebuild{{What: "the table of orders", Path: "/console/operations/rebuilds", Done: 0.5}},
	})
	want := []string{
		"held /console/operations/partitions", "not ready /console/operations/read-models",
		"no answer /console/operations/partitions", "dead letters /console/dead-letters",
		"late /console/operations/partitions", "fills /console/operations/read-models",
		"rebuild /console/operations/rebuilds",
	}
	var got []string
	for _, i := range items {
		got = append(got, i.Word+" "+i.Path)
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("needs attention:\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	const text = "The aggregate order is behind: the oldest command has waited for 5 min, of 12"
	if len(items) > 4 && items[4].Text != text {
		t.Errorf("%q is not %q", items[4].Text, text)
	}
}

// counted is a source that counts how often it is asked.
type counted struct {
	asked  chan struct{} // gets one for each question
	answer chan error    // is read for each answer
}

func (c *counted) Measure(context.Context) (*Sample, error) {
	c.asked <- struct{}{}
	if err := <-c.answer; err != nil {
		return nil, err
	}
	return &Sample{Time: noon}, nil
}

func TestAllWhoLookAreShownOneMeasurement(t *testing.T) {
	source := &counted{asked: make(chan struct{}, 100), answer: make(chan error, 100)}
	now := noon
	w := newWatch(source, NewGraph(bank()), func() time.Time { return now })
	if l := w.look(t.Context(), 0); l.sample != nil {
		t.Error("there is a sample before one was taken")
	}
	seen := make(chan *look)
	for range 10 {
		go func() { seen <- w.look(t.Context(), time.Minute) }()
	}
	source.answer <- nil
	for range 10 {
		if l := <-seen; l.sample == nil {
			t.Error("somebody saw no sample")
		}
	}
	w.look(t.Context(), time.Minute)
	if got := len(source.asked); got != 1 {
		t.Errorf("the source was asked %d times, want once", got)
	}
	now = now.Add(every)
	source.answer <- errors.New("Kafka is away")
	l := w.look(t.Context(), time.Minute)
	if l.fault != "Kafka is away" || l.sample == nil || l.items[0].Word != "no figures" {
		t.Errorf("a fault is shown as %q %v", l.fault, l.items)
	}
	now = now.Add(every)
	source.answer <- nil
	if l := w.look(t.Context(), time.Minute); l.fault != "" || len(l.items) != 0 {
		t.Errorf("after a fault, there is %q %v", l.fault, l.items)
	}
}
