package rebuild

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture is a topic of rebuilds, and workers of the group accounts whose table has two partitions.
type fixture struct {
	t       *testing.T
	cluster *local.Cluster
	members map[string]int
	empty   bool
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{{
		Name: "refolds", Partitions: 1, ReplicationFactor: 1,
		Config: map[string]string{"cleanup.policy": "compact"},
	}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	return &fixture{t: t, cluster: cluster}
}

func (f *fixture) topic() *Topic {
	f.t.Helper()
	topic, err := Open(TopicOptions{
		Kafka: kafka.Settings{Brokers: f.cluster.Brokers()}, Name: "refolds", StallAfter: time.Minute,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(topic.Close)
	return topic
}

func (f *fixture) coordinator(worker string, version int) *Coordinator {
	f.t.Helper()
	c, err := NewCoordinator(CoordinatorConfig{
		Topic: f.topic(), Group: "accounts", Plural: "accounts", Worker: worker, FoldVersion: version,
		Partitions: func() int32 { return 2 },
		Empty:      func(context.Context, int32) (bool, error) { return f.empty, nil },
		Members:    func(context.Context) (map[string]int, error) { return f.members, nil },
		Retry:      time.Millisecond, ReportInterval: time.Hour,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// background runs the coordinator's work until the test or the returned function ends it.
func (f *fixture) background(c *Coordinator, partitions []int32, refold RefoldFunc) (stop func()) {
	ctx, cancel := context.WithCancel(f.t.Context())
	done := make(chan struct{})
	go func() { defer close(done); c.Background(ctx, partitions, refold) }()
	stop = func() { cancel(); <-done }
	f.t.Cleanup(stop)
	return stop
}

func (f *fixture) ask(topic *Topic) Request {
	f.t.Helper()
	r, err := topic.Ask(f.t.Context(), "accounts", 2, false, "me")
	if err != nil {
		f.t.Fatal(err)
	}
	return r
}

func (f *fixture) wait(topic *Topic, what string, fn func(*State) bool) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.t.Context(), 20*time.Second)
	defer cancel()
	if topic.Wait(ctx, fn) != nil {
		topic.Look(func(s *State) { f.t.Fatalf("not so: %s: %+v", what, s.Rebuilds("")) })
	}
}

func (f *fixture) prepare(c *Coordinator, partitions ...int32) {
	f.t.Helper()
	if err := c.Prepare(f.t.Context(), partitions); err != nil {
		f.t.Fatal(err)
	}
}

func equalRows(n int64) RefoldFunc {
	return func(context.Context, int32, bool, func(PartitionProgress)) (PartitionProgress, error) {
		return PartitionProgress{Equal: n}, nil
	}
}

func stageOf(id string, want Stage) func(*State) bool {
	return func(s *State) bool { r, _ := s.Rebuild(id); return r.Stage() == want }
}

// G7: each worker refolds its own partitions; when all have, the rebuild has ended and the rows are of the
// workers' fold version.
func TestTwoWorkersShareARefold(t *testing.T) {
	f := newFixture(t)
	f.members = map[string]int{"a": 2, "b": 2}
	a, b := f.coordinator("a", 2), f.coordinator("b", 2)
	f.prepare(a, 0)
	f.prepare(b, 1)
	topic := f.topic()
	r := f.ask(topic)
	f.background(a, []int32{0}, equalRows(3))
	f.wait(topic, "the first partition is done", func(s *State) bool {
		r, _ := s.Rebuild(r.ID)
		return r.Progress[0].Stage == Done && r.Progress[1].Stage == Waiting
	})
	f.background(b, []int32{1}, equalRows(4))
	f.wait(topic, "the rebuild is done", stageOf(r.ID, Done))
	topic.Look(func(s *State) {
		for p := range int32(2) {
			if v, _ := s.FoldVersion("accounts", p); v != 2 {
				t.Errorf("partition %d is of version %d", p, v)
			}
		}
		if all, _ := s.Rebuild(r.ID); all.Totals().Equal != 7 {
			t.Errorf("%+v", all.Totals())
		}
	})
}

// While any member folds in another way, no row is touched, and the rebuild says who that is.
func TestAllMembersMustFoldTheSame(t *testing.T) {
	f := newFixture(t)
	f.members = map[string]int{"a": 2, "old": 1, "older": 0}
	a := f.coordinator("a", 2)
	f.prepare(a, 0, 1)
	topic := f.topic()
	r := f.ask(topic)
	var begun atomic.Bool
	stop := f.background(a, []int32{0, 1},
		func(context.Context, int32, bool, func(PartitionProgress)) (PartitionProgress, error) {
			begun.Store(true)
			return PartitionProgress{}, nil
		})
	f.wait(topic, "it says who is in the way", func(s *State) bool {
		r, _ := s.Rebuild(r.ID)
		why := r.Progress[0].Reason
		return strings.Contains(why, "old has 1") && strings.Contains(why, "older does not say")
	})
	stop()
	if begun.Load() {
		t.Error("it has begun nevertheless")
	}
	f.members = map[string]int{"a": 2}
	f.background(a, []int32{0, 1}, equalRows(1))
	f.wait(topic, "it is done", stageOf(r.ID, Done))
}

// A second request, while one is open, is refused with the one that is open; a cancelled one is not.
func TestASecondRequestIsRefused(t *testing.T) {
	f := newFixture(t)
	topic, other := f.topic(), f.topic()
	first := f.ask(topic)
	var open *OpenError
	if _, err := other.Ask(t.Context(), "accounts", 2, false, "you"); !errors.As(err, &open) ||
		open.Rebuild.ID != first.ID {
		t.Fatalf("%v", err)
	}
	if _, err := other.Ask(t.Context(), "orders", 2, false, "you"); err != nil {
		t.Fatalf("another group: %v", err)
	}
	if _, err := other.Cancel(t.Context(), first.ID, "you"); err != nil {
		t.Fatal(err)
	}
	if _, err := topic.Cancel(t.Context(), first.ID, "me"); !errors.Is(err, ErrEnded) {
		t.Errorf("cancelled twice: %v", err)
	}
	if _, err := topic.Cancel(t.Context(), "none", "me"); !errors.Is(err, ErrNoRebuild) {
		t.Errorf("cancelled what there is not: %v", err)
	}
	f.ask(topic)
}

// Who cancels a rebuild stops the worker that is at it; its fold version stays what it was.
func TestCancelStopsTheWorker(t *testing.T) {
	f := newFixture(t)
	f.members = map[string]int{"a": 2}
	a := f.coordinator("a", 2)
	f.prepare(a, 0, 1)
	topic := f.topic()
	r := f.ask(topic)
	stopped := make(chan struct{})
	f.background(a, []int32{0, 1},
		func(ctx context.Context, _ int32, _ bool, tell func(PartitionProgress)) (PartitionProgress, error) {
			tell(PartitionProgress{Stage: Folding})
			<-ctx.Done()
			close(stopped)
			return PartitionProgress{}, ctx.Err()
		})
	f.wait(topic, "it folds", stageOf(r.ID, Folding))
	if _, err := topic.Cancel(t.Context(), r.ID, "me"); err != nil {
		t.Fatal(err)
	}
	<-stopped
	topic.Look(func(s *State) {
		if v, _ := s.FoldVersion("accounts", 0); v != 1 {
			t.Errorf("the rows are of version %d", v)
		}
	})
}

// A worker that is gone in the middle leaves its partition to the next one, which begins again.
func TestTheNextOwnerBeginsAgain(t *testing.T) {
	f := newFixture(t)
	f.members = map[string]int{"a": 1}
	a, b := f.coordinator("a", 1), f.coordinator("b", 1)
	f.prepare(a, 0, 1)
	topic := f.topic()
	r := f.ask(topic)
	stop := f.background(a, []int32{0, 1},
		func(ctx context.Context, _ int32, _ bool, tell func(PartitionProgress)) (PartitionProgress, error) {
			tell(PartitionProgress{Stage: Folding})
			<-ctx.Done()
			return PartitionProgress{}, ctx.Err()
		})
	f.wait(topic, "it folds", stageOf(r.ID, Folding))
	stop()
	f.prepare(b, 0, 1)
	f.background(b, []int32{0, 1}, equalRows(1))
	f.wait(topic, "it is done", stageOf(r.ID, Done))
}

// A fault is tried again; what is wrong with the events is for people, and ends the rebuild of that
// partition alone.
func TestFaultsAndFailures(t *testing.T) {
	f := newFixture(t)
	f.members = map[string]int{"a": 2}
	a := f.coordinator("a", 2)
	f.prepare(a, 0, 1)
	topic := f.topic()
	r := f.ask(topic)
	tries := 0
	f.background(a, []int32{0, 1},
		func(_ context.Context, p int32, _ bool, _ func(PartitionProgress)) (PartitionProgress, error) {
			tries++
			switch {
			case p == 0:
				return PartitionProgress{EventsRead: 5},
					&Failure{errors.New("account-events/0, offset 5: nonsense")}
			case tries < 4:
				return PartitionProgress{}, errors.New("the brokers are away")
			}
			return PartitionProgress{Equal: 1}, nil
		})
	f.wait(topic, "it has failed", stageOf(r.ID, Failed))
	topic.Look(func(s *State) {
		r, _ := s.Rebuild(r.ID)
		if p := r.Progress[0]; !strings.Contains(p.Reason, "offset 5") || p.EventsRead != 5 {
			t.Errorf("%+v", p)
		}
		if r.Progress[1].Stage != Done {
			t.Errorf("%+v", r.Progress[1])
		}
		zero, _ := s.FoldVersion("accounts", 0)
		one, _ := s.FoldVersion("accounts", 1)
		if zero != 1 || one != 2 {
			t.Errorf("versions %d and %d", zero, one)
		}
	})
}

// Rows of an older fold version are found at the start, and refolded if the configuration says so, once.
func TestAskAtStart(t *testing.T) {
	f := newFixture(t)
	f.members = map[string]int{"new": 2}
	c := f.coordinator("new", 2)
	c.AtStart = true
	f.prepare(c, 0, 1)
	f.background(c, []int32{0, 1}, equalRows(1))
	f.wait(c.Topic, "it asked, and it was done", func(s *State) bool {
		all := s.Rebuilds("accounts")
		version, _ := s.FoldVersion("accounts", 1)
		return len(all) == 1 && all[0].Stage() == Done && version == 2
	})
}

// A table without events has no rows to refold: it is of the version of its first worker.
func TestAnEmptyTableIsOfTheWorkersVersion(t *testing.T) {
	f := newFixture(t)
	f.empty = true
	c := f.coordinator("new", 5)
	f.prepare(c, 0)
	c.Topic.Look(func(s *State) {
		if v, known := s.FoldVersion("accounts", 0); v != 5 || !known {
			t.Errorf("version %d, %v", v, known)
		}
	})
}

// Who only looks changes no fold version.
func TestADryRunRaisesNothing(t *testing.T) {
	f := newFixture(t)
	f.members = map[string]int{"a": 2}
	c := f.coordinator("a", 2)
	f.prepare(c, 0, 1)
	r, err := c.Topic.Ask(t.Context(), "accounts", 2, true, "me")
	if err != nil {
		t.Fatal(err)
	}
	f.background(c, []int32{0, 1},
		func(_ context.Context, _ int32, dryRun bool, _ func(PartitionProgress)) (PartitionProgress, error) {
			if !dryRun {
				t.Error("it is no dry run to the worker")
			}
			return PartitionProgress{Changed: 1, Samples: []byte(`[{"key":"alice"}]`)}, nil
		})
	f.wait(c.Topic, "it is done", stageOf(r.ID, Done))
	c.Topic.Look(func(s *State) {
		if v, _ := s.FoldVersion("accounts", 0); v != 1 {
			t.Errorf("version %d", v)
		}
	})
}

// A zombie writes over the owner's record, with a version that is too high; the owner says it again.
func TestOwnersDefendTheirPartitions(t *testing.T) {
	f := newFixture(t)
	c := f.coordinator("a", 1)
	f.prepare(c, 0)
	f.background(c, []int32{0}, equalRows(1))
	err := f.topic().put(t.Context(), map[key]any{
		{group: "accounts", partition: 0}: owner{Session: "zombie's", Worker: "z", Own: 2, Version: 2},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.wait(c.Topic, "the version is the owner's", func(s *State) bool {
		v, _ := s.FoldVersion("accounts", 0)
		return v == 1 && s.session("accounts", 0) != "zombie's"
	})
}

func TestOldRefoldsAreForgotten(t *testing.T) {
	f := newFixture(t)
	f.members = map[string]int{"a": 1}
	topic, c := f.topic(), f.coordinator("a", 1)
	f.prepare(c, 0, 1)
	f.background(c, []int32{0, 1}, equalRows(1))
	for range KeptRebuilds + 3 {
		r := f.ask(topic)
		f.wait(topic, "it is done", stageOf(r.ID, Done))
	}
	var left int
	topic.Look(func(s *State) { left = len(s.Rebuilds("accounts")) })
	if left != KeptRebuilds {
		t.Errorf("%d are left, want %d", left, KeptRebuilds)
	}
}
