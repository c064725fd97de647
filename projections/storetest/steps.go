package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"refold/projections"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// topic is where the events of all tests come from.
const topic = "accounts-events"

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// mustBe fails the test unless err is, or wraps, the wanted error.
func mustBe(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Fatalf("the error is %v; it must be %v", err, want)
	}
}

// eventually calls try until it reports true.
func eventually(tb testing.TB, what string, try func() bool) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), patience)
	defer cancel()
	for !try() {
		if !pause(ctx) {
			tb.Fatalf("waited %v in vain: %s", patience, what)
		}
	}
}

// pause waits a moment, and reports whether ctx goes on.
func pause(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(time.Millisecond):
		return true
	}
}

func partition(number int32) projections.Partition {
	return projections.Partition{Topic: topic, Partition: number}
}

// begin makes a build of a projection and opens it.
func (s *suite) begin(tb testing.TB, b *bank) projections.OpenBuild {
	tb.Helper()
	asked := projections.Build{Version: b.Version, Folds: "account=1"}
	made, err := s.Begin(tb.Context(), &b.Projection, asked, true)
	must(tb, err)
	return s.open(tb, b, made.Number)
}

func (s *suite) open(tb testing.TB, b *bank, number int) projections.OpenBuild {
	tb.Helper()
	build, err := s.Open(tb.Context(), &b.Projection, number)
	must(tb, err)
	return build
}

// claim claims partitions, and returns their progress in the same order.
func claim(tb testing.TB, build projections.OpenBuild, numbers ...int32) []projections.Progress {
	tb.Helper()
	partitions := make([]projections.Partition, len(numbers))
	for i, n := range numbers {
		partitions[i] = partition(n)
	}
	claimed, err := build.Claim(tb.Context(), partitions)
	must(tb, err)
	if len(claimed) != len(numbers) {
		tb.Fatalf("%d partitions were claimed, and %d are returned", len(numbers), len(claimed))
	}
	all := make([]projections.Progress, len(numbers))
	for i, p := range partitions {
		at := slices.IndexFunc(claimed, func(c projections.Progress) bool { return c.Partition == p })
		if at < 0 {
			tb.Fatalf("partition %v was claimed, and is not returned", p)
		}
		all[i] = claimed[at]
	}
	return all
}

// step is the advance of a partition from where it is.
func step(p projections.Progress, to int64) projections.Advance {
	return projections.Advance{
		Partition: p.Partition, Epoch: p.Epoch, From: p.Next, To: to, End: to + 1, Time: moment(to),
	}
}

// stepped is the progress after an advance.
func stepped(a projections.Advance) projections.Progress {
	return projections.Progress{Partition: a.Partition, Epoch: a.Epoch, Next: a.To, End: a.End, Time: a.Time}
}

// moment is the time of the record with an offset.
func moment(offset int64) time.Time {
	first := time.Date(2026, time.March, 1, 12, 0, 0, 123_456_000, time.UTC)
	return first.Add(time.Duration(offset) * time.Second)
}

// batch is what is written with changes that events with a sequence make.
func batch(
	tb testing.TB, sequence int64, advance projections.Advance, changes ...projections.Change,
) *projections.Batch {
	tb.Helper()
	return &projections.Batch{
		Advances: []projections.Advance{advance}, Changes: sorted(tb, sequence, changes...),
	}
}

func sorted(tb testing.TB, sequence int64, changes ...projections.Change) []projections.Change {
	tb.Helper()
	var all projections.Changes
	must(tb, all.AddAll(sequence, changes))
	return all.Sorted()
}

// state is that of an account.
func state(id string, sequence int64, text string) projections.StoredState {
	return projections.StoredState{Aggregate: "account", Subject: id, Sequence: sequence, State: []byte(text)}
}

func byPartition(a, b projections.Progress) int {
	return a.Partition.Compare(b.Partition)
}
