package tabletest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
	"refold/kafka"
	"refold/kafka/local"
)

// patience is how long a restore may take that should be over in a moment.
const patience = 30 * time.Second

// Run checks the tables that open gives for a cluster. open is called once for each subtest; the
// Tables that it returns must outlive the tables that they open, as the ones of a worker do: a
// partition that is closed and opened again continues from what it has, or reads it again.
func Run(t *testing.T, open func(t *testing.T, settings kafka.Settings) exactlyonce.Tables) {
	t.Helper()
	for name, test := range map[string]func(*bench){
		"layers":              layers,
		"iterators":           iterators,
		"nil values":          nilValues,
		"empty topic":         emptyTopic,
		"restore":             restore,
		"aborted tail":        abortedTail,
		"open transaction":    openTransaction,
		"reopen":              reopen,
		"uncommitted is gone": uncommittedIsGone,
		"cancel":              cancelled,
		"topic made anew":     madeAnew,
		"follower":            follower,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.tables = open(t, b.settings)
			test(b)
		})
	}
}

const topic = "rows-table"

// bench is a cluster with a table topic of one partition.
type bench struct {
	*testing.T
	cluster  *local.Cluster
	settings kafka.Settings
	tables   exactlyonce.Tables
	producer *kgo.Client
}

func newBench(t *testing.T) *bench {
	t.Helper()
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{
		{Name: topic, Partitions: 1, Config: map[string]string{"cleanup.policy": "compact"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	b := &bench{T: t, cluster: cluster, settings: kafka.Settings{Brokers: cluster.Brokers()}}
	opts, err := b.settings.Options()
	if err != nil {
		t.Fatal(err)
	}
	b.producer, err = kgo.NewClient(append(opts, kgo.TransactionalID("tabletest"),
		kgo.MetadataMinAge(10*time.Millisecond))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.producer.Close)
	return b
}

// begin starts a transaction with rows: key, value, key, value …; an empty value is a deletion.
// The result is the offset after the last row.
func (b *bench) begin(rows ...string) (next int64) {
	b.Helper()
	if err := b.producer.BeginTransaction(); err != nil {
		b.Fatal(err)
	}
	for i := 0; i < len(rows); i += 2 {
		r := &kgo.Record{Topic: topic, Key: []byte(rows[i]), Value: []byte(rows[i+1])}
		if rows[i+1] == "" {
			r.Value = nil
		}
		if err := b.producer.ProduceSync(b.Context(), r).FirstErr(); err != nil {
			b.Fatal(err)
		}
		next = r.Offset + 1
	}
	return next
}

func (b *bench) end(commit kgo.TransactionEndTry) {
	b.Helper()
	if err := b.producer.EndTransaction(b.Context(), commit); err != nil {
		b.Fatal(err)
	}
}

// write commits rows in one transaction.
func (b *bench) write(rows ...string) (next int64) {
	b.Helper()
	next = b.begin(rows...)
	b.end(kgo.TryCommit)
	return next
}

// staged opens the table.
func (b *bench) staged() exactlyonce.StagedTable {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	b.Cleanup(cancel)
	table, err := b.tables.Staged(ctx, topic, 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := table.Open(); err != nil {
		b.Fatal(err)
	}
	return table
}

func (b *bench) close(table exactlyonce.StagedTable) {
	b.Helper()
	table.Discard()
	if err := table.Close(); err != nil {
		b.Fatal(err)
	}
}

// expect checks rows: key, value, key, value …; an empty value means that there is no row.
func (b *bench) expect(table interface {
	Get(key string) ([]byte, error)
	Has(key string) (bool, error)
}, rows ...string,
) {
	b.Helper()
	for i := 0; i < len(rows); i += 2 {
		value, err := table.Get(rows[i])
		if err != nil || string(value) != rows[i+1] || (value == nil) != (rows[i+1] == "") {
			b.Errorf("Get(%q) is %q, %v; want %q", rows[i], value, err, rows[i+1])
		}
		has, err := table.Has(rows[i])
		if err != nil || has != (rows[i+1] != "") {
			b.Errorf("Has(%q) is %v, %v", rows[i], has, err)
		}
	}
}

func (b *bench) set(table exactlyonce.StagedTable, rows ...string) {
	b.Helper()
	for i := 0; i < len(rows); i += 2 {
		var err error
		if rows[i+1] == "" {
			err = table.Delete(rows[i])
		} else {
			err = table.Set(rows[i], []byte(rows[i+1]))
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

// expectOffset checks that Goka takes the table for recovered: it compares with the high
// watermark, transaction markers included.
func (b *bench) expectOffset(table interface {
	GetOffset(def int64) (int64, error)
}, want int64,
) {
	b.Helper()
	if offset, err := table.GetOffset(-3); err != nil || offset != want {
		b.Errorf("GetOffset is %d, %v; want %d", offset, err, want)
	}
}

// expectSealed checks what Seal returns.
func (b *bench) expectSealed(table exactlyonce.StagedTable, want string) {
	b.Helper()
	if got := fmt.Sprintf("%q", table.Seal()); got != want {
		b.Errorf("Seal returned %s; want %s", got, want)
	}
}

var errWant = errors.New("want an error")

func (b *bench) commit(table exactlyonce.StagedTable, next int64) {
	b.Helper()
	if err := table.Commit(next); err != nil {
		b.Fatal(err)
	}
}
