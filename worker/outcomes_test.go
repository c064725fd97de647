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
	index *outcomes.Index
	rows  *fakeTable
}

func newLayered(t *testing.T) *layered {
	t.Helper()
	const results = "results"
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
			return r, m, errors.New("there is no result")
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
	w := &Worker{outcomes: map[string]*outcomes.Index{"account": index}}
	w.remember(&engine, &processors.OpenAggregate{AggregateName: processors.AggregateName{Name: "account"}})
	table, err := engine.Tables.Staged(t.Context(), "accounts-table", 0)
	if err == nil {
		err = engine.Prepare(t.Context(), []int32{0})
	}
	if err != nil {
		t.Fatal(err)
	}
	return &layered{t, table, index, rows}
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
