package projector

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/kafka"
	"refold/projections"
	"refold/projections/memory"
)

// plan is a story of two members of a group, each of which believes at times that it has all partitions.
type plan struct {
	events   []event
	acts     []act
	patience time.Duration // of lookups, until the end
}

// act is what a member does, or what happens to it.
type act struct {
	kind   string
	member int
	n      int
}

const planPartitions = 2

// plans draws stories.
func plans() *rapid.Generator[plan] {
	return rapid.Custom(func(t *rapid.T) plan {
		var p plan
		sequences := make(map[string]int64)
		for range rapid.IntRange(1, 30).Draw(t, "events") {
			id := rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(t, "counter")
			sequences[id]++
			by := rapid.SampledFrom([]int64{1, 2, 5}).Draw(t, "by")
			p.events = append(p.events, event{id, sequences[id], by})
		}
		for range rapid.IntRange(0, 60).Draw(t, "acts") {
			p.acts = append(p.acts, act{
				kind: rapid.SampledFrom([]string{
					"claim", "poll", "poll", "poll", "step", "step", "step", "fail before", "fail after",
				}).Draw(t, "act"),
				member: rapid.IntRange(0, 1).Draw(t, "member"),
				n:      rapid.IntRange(1, 6).Draw(t, "n"),
			})
		}
		return p
	})
}

// player plays a plan against a store.
type player struct {
	t       testing.TB
	p       projections.Projection
	logs    planLogs
	build   projections.OpenBuild
	members [2]*member
	fail    string // the next write does
	// patience is that of the members that join.
	patience time.Duration
}

// logOf is the events as Kafka has them: with the offsets of markers, which are no events, in between.
func logOf(events []event) (logs planLogs) {
	next := [planPartitions]int64{}
	for i, e := range events {
		at := kafka.Partition([]byte(e.id), planPartitions)
		r := e.record()
		r.Partition, r.Offset = at, next[at]
		logs[at] = append(logs[at], r)
		next[at] += 1 + int64(i%3)/2
	}
	return logs
}

// faulty fails a write as the plan has it.
type faulty struct {
	projections.OpenBuild
	fail *string
}

func (f faulty) Write(ctx context.Context, b *projections.Batch) error {
	fail := *f.fail
	*f.fail = ""
	if fail == "fail before" {
		return errAway
	}
	err := f.OpenBuild.Write(ctx, b)
	if err == nil && fail == "fail after" {
		return errAway
	}
	return err
}

// apart is the twin: it writes the rows first, and the progress in a transaction of its own.
type apart struct {
	projections.OpenBuild
	fail *string
}

func (a apart) Write(ctx context.Context, b *projections.Batch) error {
	fail := *a.fail
	*a.fail = ""
	if fail == "fail before" {
		return errAway
	}
	if err := a.OpenBuild.Write(ctx, &projections.Batch{Changes: b.Changes}); err != nil {
		return err
	}
	if fail == "fail after" {
		return errAway
	}
	return a.OpenBuild.Write(ctx, &projections.Batch{Advances: b.Advances, States: b.States})
}

// play plays a plan, lets all be taken in the end, and returns how the rows differ from the fold.
func play(tb testing.TB, of plan, wrap func(projections.OpenBuild, *string) projections.OpenBuild) string {
	tb.Helper()
	p := ledger(1, 1)
	return playOf(tb, p, wantOf(p, 1, of.events), of, wrap)
}

// playOf plays a plan with a projection that is to have some rows.
func playOf(
	tb testing.TB, p projections.Projection, want map[string]string, of plan,
	wrap func(projections.OpenBuild, *string) projections.OpenBuild,
) string {
	tb.Helper()
	ctx := context.Background()
	w := &player{t: tb, p: p, logs: logOf(of.events), patience: of.patience}
	store := &memory.Store{}
	if _, err := store.Begin(ctx, &w.p, projections.Build{Version: 1}, false); err != nil {
		tb.Fatal(err)
	}
	open, err := store.Open(ctx, &w.p, 1)
	if err != nil {
		tb.Fatal(err)
	}
	w.build = wrap(open, &w.fail)
	for i := range w.members {
		w.join(i)
	}
	for _, a := range of.acts {
		w.act(a)
	}
	w.fail, w.patience = "", 0
	w.act(act{kind: "claim"})
	for range 4 * len(of.events) {
		w.act(act{kind: "poll", n: len(of.events)})
		w.act(act{kind: "step"})
	}
	return cmp.Diff(want, rowsOf(tb, w.p, open))
}

// join makes a member that has nothing yet.
func (w *player) join(i int) {
	options := Options{StoreTimeout: patience}.withDefaults()
	m := &member{
		shared: &shared{options: options}, of: &Projected{Projection: w.p}, open: w.build,
		owned: make(map[projections.Partition]*partition),
	}
	sources := sourcesOf(w.p)
	m.batcher = &batcher{
		build: w.build, sources: sources, folding: projections.NewFolding(&w.p, sources, 2),
		records: 4, bytes: 1 << 20, rows: 5, letters: noMatter{},
		logs: &w.logs, topics: []string{topic}, patience: w.patience,
	}
	w.members[i] = m
}

func (w *player) act(a act) {
	m := w.members[a.member]
	switch a.kind {
	case "claim": // a restart: nothing is in memory
		w.join(a.member)
		w.claim(w.members[a.member])
	case "poll":
		for at := range w.logs {
			if p := m.owned[projections.Partition{Topic: topic, Partition: int32(at)}]; p != nil {
				p.accept(following(w.logs[at], p.polled, a.n), 0)
			}
		}
	case "step":
		err := m.batcher.step(context.Background(), m.partitions())
		if errors.Is(err, projections.ErrMoved) {
			err = m.resume(context.Background())
		}
		switch {
		case err == nil, errors.Is(err, errAway):
		case errors.Is(err, projections.ErrFenced), errors.Is(err, errRejoin):
			w.join(a.member) // it has left the group
		default:
			w.t.Fatal(err)
		}
	default:
		w.fail = a.kind
	}
}

// claim gives a member all partitions, whoever else believes to have them.
func (w *player) claim(m *member) {
	for at := range w.logs {
		name := projections.Partition{Topic: topic, Partition: int32(at)}
		progress, err := w.build.Claim(context.Background(), []projections.Partition{name})
		if err != nil {
			w.t.Fatal(err)
		}
		p := progress[0]
		if p.Next < 0 {
			err := w.build.Write(context.Background(), &projections.Batch{Advances: []projections.Advance{{
				Partition: name, Epoch: p.Epoch, From: -1, To: 0,
			}}})
			if err != nil && !errors.Is(err, errAway) {
				w.t.Fatal(err)
			}
			if err != nil { // whatever has come of it: the next claim finds it
				continue
			}
			p.Next = 0
		}
		m.owned[name] = &partition{Partition: name, epoch: p.Epoch, written: p.Next, polled: p.Next}
	}
}

// following returns up to n records of a log from an offset on.
func following(log []*kgo.Record, from int64, n int) []*kgo.Record {
	for i, r := range log {
		if r.Offset >= from {
			return log[i:min(i+n, len(log))]
		}
	}
	return nil
}

// G12: whatever fails and whoever else writes, each event is taken once.
func TestEachEventIsTakenOnce(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		of := plans().Draw(rt, "plan")
		diff := play(t, of, func(b projections.OpenBuild, fail *string) projections.OpenBuild {
			return faulty{b, fail}
		})
		if diff != "" {
			rt.Fatalf("the rows are not the fold (-want +got):\n%s", diff)
		}
	})
}

// The twin: with the progress outside of the transaction, the same stories double rows.
func TestProgressOutsideOfTheTransactionDoublesRows(t *testing.T) {
	for seed := range 200 {
		of := plans().Example(seed)
		diff := play(t, of, func(b projections.OpenBuild, fail *string) projections.OpenBuild {
			return apart{b, fail}
		})
		if diff != "" {
			return
		}
	}
	t.Error("nothing was doubled: the stories would not find what the transaction protects from")
}

// A batch is as large as its limits allow.
func TestLimitsOfABatch(t *testing.T) {
	var all []event
	for i := range 10 {
		all = append(all, event{"a", int64(i + 1), 1})
	}
	p := &partition{pending: make([]*kgo.Record, 0, len(all))}
	for _, e := range all {
		p.pending = append(p.pending, e.record())
	}
	for _, c := range []struct {
		name           string
		records, bytes int
		want           int
	}{
		{"records", 3, 1 << 20, 3},
		{"bytes", 100, 200, 3},
		{"one record is always taken", 100, 1, 1},
		{"all there is", 100, 1 << 20, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := &batcher{records: c.records, bytes: c.bytes}
			if got := len(b.items([]*partition{p})); got != c.want {
				t.Errorf("%d records, want %d", got, c.want)
			}
		})
	}
}

// The one that is refused is found among many in few writes.
func TestHalving(t *testing.T) {
	const n, bad = 1000, 617
	items := make([]int, n)
	for i := range items {
		items[i] = i
	}
	writes, written := 0, make([]int, 0, n)
	err := halved(items, func(part []int) error {
		writes++
		if len(part) > 1 && part[0] <= bad && bad <= part[len(part)-1] {
			refusal := &projections.Poison{Reason: projections.PoisonRefused, Err: errAway}
			return fmt.Errorf("a row: %w", refusal)
		}
		written = append(written, part...)
		return nil
	})
	if diff := cmp.Diff(items, written); diff != "" || err != nil {
		t.Errorf("written in another order, or not: %v\n%s", err, diff)
	}
	if writes > 25 {
		t.Errorf("%d writes for one of %d", writes, n)
	}
}
