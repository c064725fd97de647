package compare_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/fold"
	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/processors/accounts"
	"refold/projections"
	"refold/projections/compare"
	"refold/projections/memory"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	partitions = 3
	prefix     = "shop."
	patience   = time.Minute
)

// balance is an account as it is, line one of its events, and total what all accounts of a currency have.
type balance struct {
	ID      string            `column:"id,key,subject"`
	Balance int64             `column:"balance"`
	Charges []accounts.Charge `column:"charges"`
}

type line struct {
	ID       string    `column:"id,key,subject"`
	Sequence int64     `column:"sequence,key"`
	Type     string    `column:"type"`
	At       time.Time `column:"at"`
}

type total struct {
	Currency string `column:"currency,key"`
	Accounts int64  `column:"accounts,sum"`
	Amount   int64  `column:"amount,sum"`
}

// world is a cluster, what happens to accounts in it, and a projector that is as simple as can be.
type world struct {
	*testing.T
	ctx     context.Context
	cluster *local.Cluster
	client  *kgo.Client
	account *processors.OpenAggregate
	rows    map[string][]byte // of accounts

	balances   projections.TableOf[balance]
	lines      projections.TableOf[line]
	totals     projections.TableOf[total]
	projection projections.Projection
	sources    []*projections.OpenSource
	build      projections.Build
	open       projections.OpenBuild
	folding    *projections.Folding
	epochs     map[projections.Partition]int64
	refusing   bool // the store refuses the rows of all events
	swung      bool // money was paid in that must be paid out again
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldOf(t, false)
}

// newWorldOf returns a world whose projection is of events, or of states alone.
func newWorldOf(t *testing.T, states bool) *world {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	topics := accounts.Definition.Topics(prefix)
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{
		{Name: topics.Events, Partitions: partitions}, {Name: topics.DeadLetters, Partitions: 1},
	}})
	w := &world{T: t, ctx: ctx, cluster: cluster, rows: make(map[string][]byte)}
	w.must(err)
	t.Cleanup(func() { w.must(cluster.Close()) })
	w.client, err = w.settings().Client()
	w.must(err)
	t.Cleanup(w.client.Close)
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{cluster.RegistryURL()}, Mode: codecs.Register,
	})
	w.must(err)
	t.Cleanup(registry.Close)
	definitions, err := processors.Define(accounts.Definition)
	w.must(err)
	opened, err := definitions.Open(registry)
	w.must(err)
	w.must(opened.Prepare(ctx))
	w.account = opened.Aggregates[0]
	w.define(opened, states)
	return w
}

// define defines the projection, and begins a build.
func (w *world) define(opened *processors.Opened, states bool) {
	w.Helper()
	w.balances = projections.NewTable[balance]("balances")
	w.lines = projections.NewTable[line]("lines")
	w.totals = projections.NewTable[total]("totals")
	type event = projections.Event[accounts.Account, accounts.Event]
	w.projection = projections.Projection{
		Name: "shown", Version: 2,
		Tables: projections.Tables{w.balances.Table, w.lines.Table, w.totals.Table},
		Sources: []projections.Source{projections.FromEvents(accounts.Definition,
			func(e event) []projections.Change {
				made := []projections.Change{
					w.balances.Put(balance{e.Subject, e.After.Balance, e.After.Charges}),
					w.lines.Put(line{e.Subject, e.Sequence, eventsourcing.TypeName(e.Event), e.Time}),
					w.totals.Merge(total{e.After.Currency, 0, e.After.Balance - e.Before.Balance}, "amount"),
				}
				if e.Before.Status == accounts.StatusNone {
					made = append(made, w.totals.Merge(total{e.After.Currency, 1, 0}, "accounts"))
				}
				return made
			})},
	}
	if states {
		w.projection.Sources = []projections.Source{projections.FromStates(accounts.Definition,
			func(s projections.State[accounts.Account]) []projections.Change {
				row := balance{s.Subject, s.State.Balance, s.State.Charges}
				return []projections.Change{w.balances.Put(row)}
			})}
	}
	w.begin(opened.Aggregates...)
}

// begin begins a build of the projection.
func (w *world) begin(opened ...*processors.OpenAggregate) {
	w.Helper()
	w.must(w.projection.Check())
	var err error
	w.sources, err = w.projection.Open(opened)
	w.must(err)
	w.folding = projections.NewFolding(&w.projection, w.sources, 1000)
	store := &memory.Store{}
	w.build, err = store.Begin(w.ctx, &w.projection, projections.Build{
		Version: w.projection.Version, Folds: projections.Folds(w.sources),
	}, false)
	w.must(err)
	w.open, err = store.Open(w.ctx, &w.projection, w.build.Number)
	w.must(err)
	var all []projections.Partition
	for p := range int32(partitions) {
		all = append(all, projections.Partition{Topic: w.events(), Partition: p})
	}
	claimed, err := w.open.Claim(w.ctx, all)
	w.must(err)
	w.epochs = make(map[projections.Partition]int64)
	for _, p := range claimed {
		w.epochs[p.Partition] = p.Epoch
	}
}

func (w *world) settings() kafka.Settings { return kafka.Settings{Brokers: w.cluster.Brokers()} }

func (w *world) events() string { return accounts.Definition.Topics(prefix).Events }

// options are those of a verification that collects what it finds.
func (w *world) options(found *[]compare.Difference) compare.Options {
	return compare.Options{
		Projection: &w.projection, Sources: w.sources, Build: w.build, Open: w.open,
		Kafka: w.settings(), TopicPrefix: prefix, Group: "projection-shown-1",
		Report: func(d compare.Difference) error {
			*found = append(*found, d)
			return nil
		},
	}
}

// run verifies the build.
func (w *world) run(change func(*compare.Options)) (compare.Report, []compare.Difference) {
	w.Helper()
	var found []compare.Difference
	o := w.options(&found)
	if change != nil {
		change(&o)
	}
	report, err := compare.Run(w.ctx, o)
	w.must(err)
	return report, found
}

// does has commands happen to an account, and writes the events.
func (w *world) does(id string, commands ...any) {
	w.Helper()
	for i, command := range commands {
		handled, err := w.account.History.Handle(w.rows[id], command, eventsourcing.Metadata{
			ID: fmt.Sprint(id, "-", len(w.rows[id]), "-", i), Subject: id,
			Time: time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC),
		}, 0)
		w.must(err)
		if len(handled.Events) == 0 {
			w.Fatalf("%T led to no event of %s", command, id)
		}
		w.rows[id] = handled.Row
		for _, e := range handled.Events {
			r := &kgo.Record{Topic: w.events(), Key: []byte(id), Value: e.Value}
			for name, value := range codecs.Headers(e.Metadata) {
				r.Headers = append(r.Headers, kgo.RecordHeader{Key: name, Value: value})
			}
			w.must(w.client.ProduceSync(w.ctx, r).FirstErr())
		}
	}
}

// fill opens so many accounts, deposits to each, and projects all.
func (w *world) fill(n int) {
	w.Helper()
	for i := range n {
		currency := []string{"EUR", "USD"}[i%2]
		w.does(fmt.Sprintf("account-%d", i), accounts.OpenAccount{Owner: "Alice", Currency: currency},
			accounts.DepositMoney{Amount: int64(i + 1), Currency: currency})
	}
	w.project()
}

// progress returns that of the build.
func (w *world) progress() (all []projections.Progress) {
	w.Helper()
	w.must(w.open.Look(w.ctx, func(v projections.View) (err error) {
		all, err = v.Progress(w.ctx)
		return err
	}))
	return all
}

// project takes all events that there are into the build.
func (w *world) project() {
	w.Helper()
	for _, p := range w.progress() {
		from := max(p.Next, 0)
		at := kafka.Range{Topic: p.Topic, Partition: p.Partition.Partition, From: from}
		next, err := kafka.ReadPartitionBy(w.ctx, w.client, at,
			func(records []*kgo.Record, _ kafka.Progress) error {
				for _, r := range records {
					w.take(r)
				}
				return nil
			})
		w.must(err)
		folded, err := w.folding.Close()
		w.must(err)
		if w.refusing {
			folded.Changes = nil
		}
		w.must(w.open.Write(w.ctx, &projections.Batch{
			Advances: []projections.Advance{{
				Partition: p.Partition, Epoch: w.epochs[p.Partition], From: p.Next, To: next, End: next,
			}},
			States: folded.States, Changes: folded.Changes,
		}))
		w.folding.Written()
	}
}

func (w *world) take(r *kgo.Record) {
	event, err := w.sources[0].Decode(r)
	if err == nil {
		err = w.folding.Take(0, string(r.Key), event)
	}
	if w.refusing {
		err = &projections.Poison{Reason: projections.PoisonRefused, Err: errors.New("it has a NUL")}
	}
	if err != nil {
		letter := processors.SetAside{
			Reason: codecs.Reason(fold.CodeOf(err)), Err: err, Group: "projection-shown-1",
			Projection: "shown", LimitBytes: 1 << 20,
		}.Letter(r)
		letter.Topic = processors.DeadLetters(prefix)
		w.must(w.client.ProduceSync(w.ctx, &letter).FirstErr())
	}
}

// spoil writes rows past the progress.
func (w *world) spoil(rows ...projections.Mended) {
	w.Helper()
	w.must(w.open.Mend(w.ctx, w.progress(), rows))
}

// put is a row as it should not be, gone one that should be there.
func put[R any](t projections.TableOf[R], row R) projections.Mended {
	m := gone(t, row)
	m.Values = t.Values(row)
	return m
}

func gone[R any](t projections.TableOf[R], row R) projections.Mended {
	values := t.Values(row)
	m := projections.Mended{Table: t.Table}
	for _, at := range t.Keys() {
		m.Key = append(m.Key, values[at])
	}
	return m
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// build is a build that answers otherwise.
type build struct {
	projections.OpenBuild

	states func([]projections.StoredState) []projections.StoredState
	look   func(projections.View) projections.View
	mend   func() error
}

func (b *build) States(
	ctx context.Context, aggregate string, subjects []string,
) ([]projections.StoredState, error) {
	all, err := b.OpenBuild.States(ctx, aggregate, subjects)
	if b.states != nil {
		all = b.states(all)
	}
	return all, err
}

func (b *build) Look(ctx context.Context, look func(projections.View) error) error {
	return b.OpenBuild.Look(ctx, func(v projections.View) error {
		if b.look != nil {
			v = b.look(v)
		}
		return look(v)
	})
}

func (b *build) Mend(ctx context.Context, at []projections.Progress, rows []projections.Mended) error {
	if b.mend != nil {
		if err := b.mend(); err != nil {
			return err
		}
	}
	return b.OpenBuild.Mend(ctx, at, rows)
}

// loose is a view whose answers are each of another moment, as those of a search index are.
type loose struct {
	projections.View

	of    projections.OpenBuild
	asked func() // before each question
}

func (*loose) OfOneMoment() bool { return false }

func (l *loose) now(ctx context.Context, ask func(projections.View) error) error {
	l.asked()
	return l.of.Look(ctx, ask)
}

func (l *loose) Progress(ctx context.Context) (all []projections.Progress, err error) {
	err = l.now(ctx, func(v projections.View) (err error) {
		all, err = v.Progress(ctx)
		return err
	})
	return all, err
}

func (l *loose) Rows(ctx context.Context, t *projections.Table, each func([]any) error) error {
	return l.now(ctx, func(v projections.View) error { return v.Rows(ctx, t, each) })
}

func (l *loose) Row(ctx context.Context, t *projections.Table, key ...any) (row []any, err error) {
	err = l.now(ctx, func(v projections.View) (err error) {
		row, err = v.Row(ctx, t, key...)
		return err
	})
	return row, err
}

// late is a view that tells another progress than that of its rows.
type late struct {
	loose

	at []projections.Progress
}

func (l *late) Progress(context.Context) ([]projections.Progress, error) { return l.at, nil }
