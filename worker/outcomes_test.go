package worker

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/exactlyonce"
	"refold/kafka"
	"refold/kafka/local"
	"refold/outcomes"
	"refold/processors"
)

// fakeTable is a table of which only the layers matter.
type fakeTable struct {
	exactlyonce.StagedTable

	rows map[string][]byte // of the open layer
	fail error             // of Commit
}

func (t *fakeTable) Seal() map[string][]byte {
	sealed := t.rows
	t.rows = nil
	return sealed
}

func (t *fakeTable) Commit(int64) error { return t.fail }

func (t *fakeTable) Discard() { t.rows = nil }

// layered is a partition of a table with its outcomes.
type layered struct {
	*testing.T
	exactlyonce.StagedTable
	worker *Worker
	index  *outcomes.Index
	rows   *fakeTable
}

var account = &processors.OpenAggregate{
	AggregateName: processors.AggregateName{Name: "account", Plural: "accounts"},
}

func newLayered(t *testing.T) *layered {
	t.Helper()
	const results = "account-results"
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{{Name: results, Partitions: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	index, err := outcomes.New(outcomes.Options{
		Kafka: kafka.Settings{Brokers: cluster.Brokers()}, Topic: results, Remember: time.Minute,
		Memory: outcomes.NewMemory(1 << 20), Logger: slog.New(slog.DiscardHandler),
		Read: func(context.Context, *kgo.Record) (
			r eventsourcing.Result, m eventsourcing.Metadata, err error,
		) {
			return r, m, nil // a record that is no command's result
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(index.Close)
	rows := new(fakeTable)
	engine := exactlyonce.Config{}
	engine.Tables.Staged = func(context.Context, string, int32) (exactlyonce.StagedTable, error) {
		return rows, nil
	}
	w := &Worker{
		outcomes: map[string]*outcomes.Index{"account": index}, in: install(t, cluster, nil),
		kafka: kafka.Settings{Brokers: cluster.Brokers()},
	}
	w.remember(&engine, account)
	table, err := engine.Tables.Staged(t.Context(), "accounts-table", 0)
	if err == nil {
		err = engine.Prepare(t.Context(), []int32{0})
	}
	if err != nil {
		t.Fatal(err)
	}
	return &layered{t, table, w, index, rows}
}

// decide decides a command, which writes a row.
func (l *layered) decide(command string) {
	l.rows.rows = map[string][]byte{"alice": nil}
	l.index.Add(0, "alice", command, time.Unix(1, 0), eventsourcing.Entry{Code: "no"})
}

func (l *layered) commit() {
	l.Helper()
	if err := l.Commit(1); err != nil {
		l.Fatal(err)
	}
}

func (l *layered) remembers(want bool, commands ...string) {
	l.Helper()
	for _, command := range commands {
		if _, found := l.index.Find("alice", command); found != want {
			l.Errorf("%s is remembered: %t", command, found)
		}
	}
}

// Given batches without rows between others, when one is committed and the rest discarded, then the outcomes
// of the committed one stay, and only those.
func TestOutcomesFollowTheRows(t *testing.T) {
	l := newLayered(t)
	l.Seal() // of a batch with repeated commands only
	l.decide("first")
	l.Seal()
	l.Seal()
	l.decide("second")
	l.Seal()
	l.decide("open")
	l.remembers(true, "first", "second", "open")
	l.commit()
	l.Discard()
	l.remembers(true, "first")
	l.remembers(false, "second", "open")
}

// Given rows that a rebuild has written, when they are committed, then no other layer is taken for theirs.
func TestOutcomesPassOverRowsOfRebuilds(t *testing.T) {
	l := newLayered(t)
	l.rows.rows = map[string][]byte{"bob": nil}
	l.Seal()
	l.decide("later")
	l.Seal()
	l.commit()
	l.Discard()
	l.remembers(false, "later")
}

// Given a disk that refuses rows, when the batch is discarded, then so are its outcomes.
func TestOutcomesOfRowsThatAreNotCommitted(t *testing.T) {
	l := newLayered(t)
	l.decide("refused")
	l.Seal()
	l.rows.fail = errors.New("disk full")
	if err := l.Commit(1); !errors.Is(err, l.rows.fail) {
		t.Fatalf("got %v", err)
	}
	l.Discard()
	l.remembers(false, "refused")
}

// Given a store on disk that has all results, when its worker has just been started, then it says that it
// lacks them: the outcomes are not in memory yet, and commands would wait until they are.
func TestWorkerIsNotWarmWithoutOutcomes(t *testing.T) {
	l := newLayered(t)
	next := func(int32) (int64, error) { return 1, nil } // of the store
	ends := func(topic string) int64 {
		end, err := l.worker.remembers(account, topic, next)(0)
		if err != nil {
			t.Fatal(err)
		}
		return end
	}
	client, err := l.worker.kafka.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	written := client.ProduceSync(t.Context(), &kgo.Record{Topic: "account-results", Value: []byte("x")})
	if err := written.FirstErr(); err != nil {
		t.Fatal(err)
	}
	if end := ends("account-results"); end != 0 {
		t.Errorf("it has the results before %d", end)
	}
	if end := ends("account-events"); end != 1 {
		t.Errorf("it has the events before %d: outcomes are no part of them", end)
	}
	if err := l.index.Prepare(t.Context(), []int32{0}); err != nil {
		t.Fatal(err)
	}
	if end := ends("account-results"); end != 1 {
		t.Errorf("it has the results before %d once the outcomes are read", end)
	}
}
