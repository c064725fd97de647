package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/kafka"
	"refold/kafka/local"
)

// row is what a test remembers of a record.
type row struct {
	Offset     int64
	Key, Value string
}

// collect reads a range and returns its rows. It checks what every reading promises.
func collect(
	ctx context.Context, t *testing.T, opts []kgo.Opt, r kafka.Range,
) (rows []row, next int64, err error) {
	t.Helper()
	first, last := true, kafka.Progress{}
	next, err = kafka.ReadPartition(ctx, opts, r,
		func(records []*kgo.Record, p kafka.Progress) error {
			if first && (len(records) > 0 || p.Next != p.Start) {
				t.Errorf("the first call is not the beginning: %d records, %+v", len(records), p)
			}
			if !first && (p.Start != last.Start || p.End != last.End || p.Next < last.Next) {
				t.Errorf("progress went from %+v to %+v", last, p)
			}
			for _, record := range records {
				if record.Offset < last.Next || record.Offset >= p.Next {
					t.Errorf("offset %d between %+v and %+v", record.Offset, last, p)
				}
				rows = append(rows, row{record.Offset, string(record.Key), string(record.Value)})
			}
			first, last = false, p
			return nil
		})
	if err == nil && (next != last.End || last.Next != last.End) {
		t.Errorf("it ended at %d with %+v", next, last)
	}
	return rows, next, err
}

// produce writes records and returns the last one's offset.
func produce(ctx context.Context, t *testing.T, cl *kgo.Client, records ...*kgo.Record) int64 {
	t.Helper()
	if err := cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return records[len(records)-1].Offset
}

func record(key, value string) *kgo.Record {
	return &kgo.Record{Topic: "t", Key: []byte(key), Value: []byte(value)}
}

// begin opens a transaction and writes records in it.
func begin(ctx context.Context, t *testing.T, cl *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(ctx, t, cl, records...)
}

func end(ctx context.Context, t *testing.T, cl *kgo.Client, try kgo.TransactionEndTry) {
	t.Helper()
	if err := cl.EndTransaction(ctx, try); err != nil {
		t.Fatal(err)
	}
}

// transactional makes a client for transactions.
func transactional(t *testing.T, cluster *local.Cluster, id string, more ...kgo.Opt) *kgo.Client {
	t.Helper()
	more = append([]kgo.Opt{kgo.TransactionalID(id)}, more...)
	return connect(t, options(t, cluster, more...)...)
}

// highWatermark is where the topic's only partition ends, read uncommitted.
func highWatermark(t *testing.T, opts []kgo.Opt) int64 {
	t.Helper()
	listed, err := kadm.NewClient(connect(t, opts...)).ListEndOffsets(deadline(t), "t")
	if err != nil {
		t.Fatal(err)
	}
	offset, _ := listed.Lookup("t", 0)
	return offset.Offset
}

// G6: recovery ends exactly at the right offset, whatever the topic ends in.
func TestReadPartitionEndsExactly(t *testing.T) {
	type script = func(context.Context, *testing.T, *kgo.Client, *kgo.Client)
	commit := func(ctx context.Context, t *testing.T, tx *kgo.Client, records ...*kgo.Record) {
		t.Helper()
		begin(ctx, t, tx, records...)
		end(ctx, t, tx, kgo.TryCommit)
	}
	abort := func(ctx context.Context, t *testing.T, tx *kgo.Client, records ...*kgo.Record) {
		t.Helper()
		begin(ctx, t, tx, records...)
		end(ctx, t, tx, kgo.TryAbort)
	}
	for name, test := range map[string]struct {
		script script
		want   []row
		end    int64
	}{
		"in nothing": {func(context.Context, *testing.T, *kgo.Client, *kgo.Client) {}, nil, 0},
		"in a record": {func(ctx context.Context, t *testing.T, plain, _ *kgo.Client) {
			t.Helper()
			produce(ctx, t, plain, record("a", "1"))
		}, []row{{0, "a", "1"}}, 1},
		"in a commit marker": {func(ctx context.Context, t *testing.T, _, tx *kgo.Client) {
			t.Helper()
			commit(ctx, t, tx, record("a", "1"), record("b", "2"))
		}, []row{{0, "a", "1"}, {1, "b", "2"}}, 3},
		"in an abort marker": {func(ctx context.Context, t *testing.T, plain, tx *kgo.Client) {
			t.Helper()
			produce(ctx, t, plain, record("a", "1"))
			abort(ctx, t, tx, record("a", "2"))
		}, []row{{0, "a", "1"}}, 3},
		"in many markers": {func(ctx context.Context, t *testing.T, _, tx *kgo.Client) {
			t.Helper()
			commit(ctx, t, tx, record("a", "1"))
			for range 5 {
				abort(ctx, t, tx, record("a", "2"))
			}
		}, []row{{0, "a", "1"}}, 12},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			cluster := start(t, local.Options{Topics: one("t")})
			opts := options(t, cluster)
			test.script(ctx, t, connect(t, opts...), transactional(t, cluster, "x"))
			for from := range test.end + 1 {
				rows, next, err := collect(ctx, t, opts, kafka.Range{Topic: "t", From: from})
				if err != nil || next != test.end {
					t.Fatalf("from %d: next %d, want %d; %v", from, next, test.end, err)
				}
				want := slices.DeleteFunc(slices.Clone(test.want), func(r row) bool {
					return r.Offset < from
				})
				if diff := cmp.Diff(want, rows, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("from %d: %s", from, diff)
				}
			}
		})
	}
}

// Against a naive model: any mixture of plain records, committed and aborted transactions.
func TestReadPartitionGivesWhatTheModelHolds(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{})
	clients := [3]*kgo.Client{
		connect(t, options(t, cluster)...),
		transactional(t, cluster, "x"), transactional(t, cluster, "y"),
	}
	run := 0
	rapid.Check(t, func(rt *rapid.T) {
		run++
		topic := fmt.Sprintf("t%d", run)
		if err := cluster.Kafka().CreateTopic(topic, 1, nil); err != nil {
			t.Fatal(err)
		}
		model := playRandomly(ctx, t, rt, clients, topic)
		opts := options(t, cluster)
		from := rapid.Int64Range(kafka.FromStart, model.end).Draw(rt, "from")
		rows, next, err := collect(ctx, t, opts, kafka.Range{Topic: topic, From: from})
		if err != nil || next != model.end {
			rt.Fatalf("next %d, want %d; %v", next, model.end, err)
		}
		want := slices.DeleteFunc(model.committed, func(r row) bool { return r.Offset < from })
		if diff := cmp.Diff(want, rows, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// model is a partition as a list, by somebody who knows nothing of Kafka.
type model struct {
	committed []row
	end       int64
}

func playRandomly(
	ctx context.Context, t *testing.T, rt *rapid.T, clients [3]*kgo.Client, topic string,
) (m model) {
	t.Helper()
	open := map[int][]row{}
	write := func(client int) {
		value := fmt.Sprint(m.end)
		r := record("k", value)
		r.Topic = topic
		produce(ctx, t, clients[client], r)
		open[client] = append(open[client], row{m.end, "k", value})
		m.end++
	}
	finish := func(client int, try kgo.TransactionEndTry) {
		end(ctx, t, clients[client], try)
		if try == kgo.TryCommit {
			m.committed = append(m.committed, open[client]...)
		}
		delete(open, client)
		m.end++ // the marker
	}
	for range rapid.IntRange(0, 12).Draw(rt, "steps") {
		client := rapid.IntRange(0, 2).Draw(rt, "client")
		switch _, inside := open[client]; {
		case client == 0:
			write(0)
			m.committed = append(m.committed, open[0]...)
			delete(open, 0)
		case !inside:
			if err := clients[client].BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			write(client)
		case rapid.Bool().Draw(rt, "more"):
			write(client)
		default:
			finish(client, kgo.TransactionEndTry(rapid.Bool().Draw(rt, "commit")))
		}
	}
	for client := range open {
		finish(client, kgo.TryAbort)
	}
	slices.SortFunc(m.committed, func(a, b row) int { return int(a.Offset - b.Offset) })
	return m
}

// What compaction leaves: holes anywhere, and no marker where its transaction's rows are gone.
func TestReadPartitionOfACompactedTopic(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: []kafka.TopicSpec{
		{Name: "t", Partitions: 1, Config: map[string]string{"cleanup.policy": "compact"}},
	}})
	opts := options(t, cluster)
	tx := transactional(t, cluster, "x")
	for i := range 20 {
		begin(ctx, t, tx, record(fmt.Sprint(i%3), fmt.Sprint(i)), record("all", fmt.Sprint(i)))
		end(ctx, t, tx, kgo.TransactionEndTry(i%4 != 3))
	}
	want := highWatermark(t, opts)
	cluster.Kafka().Compact()
	rows, next, err := collect(ctx, t, opts, kafka.Range{Topic: "t", From: kafka.FromStart})
	if err != nil || next != want {
		t.Fatalf("next %d, want %d; %v", next, want, err)
	}
	table := map[string]string{}
	for _, r := range rows {
		table[r.Key] = r.Value
	}
	last := map[string]string{"0": "18", "1": "16", "2": "17", "all": "18"}
	if diff := cmp.Diff(last, table); diff != "" {
		t.Error(diff)
	}
}

func TestReadPartitionGivesBoundedPieces(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	cl := connect(t, opts...)
	const small, large = 25_000, 30
	var records []*kgo.Record
	for range small {
		records = append(records, record("k", ""))
	}
	for range large {
		// Compresses to almost nothing, so that one fetch brings all of it.
		records = append(records, &kgo.Record{Topic: "t", Value: make([]byte, 500_000)})
	}
	produce(ctx, t, cl, records...)
	total, calls := 0, 0
	next, err := kafka.ReadPartition(ctx, opts, kafka.Range{Topic: "t", From: kafka.FromStart},
		func(records []*kgo.Record, p kafka.Progress) error {
			size := 0
			for _, r := range records {
				size += len(r.Value)
			}
			if len(records) > 10_000 || size > 5<<20 {
				t.Errorf("%d records, %d bytes at once", len(records), size)
			}
			if total += len(records); p.Next != int64(total) {
				t.Errorf("after %d records: %+v", total, p)
			}
			calls++
			return nil
		})
	if err != nil || next != small+large || total != small+large {
		t.Errorf("next %d, %d records in %d calls, %v", next, total, calls, err)
	}
}

// A live topic goes on growing: the reading ends where the topic ended when it began.
func TestReadPartitionEndsOnATopicThatGrows(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	cl := connect(t, opts...)
	produce(ctx, t, cl, record("a", "1"))
	var rows int
	next, err := kafka.ReadPartition(ctx, opts, kafka.Range{Topic: "t", From: kafka.FromStart},
		func(records []*kgo.Record, _ kafka.Progress) error {
			rows += len(records)
			produce(ctx, t, cl, record("a", "2"), record("a", "3"))
			return nil
		})
	if err != nil || next != 1 || rows != 1 {
		t.Errorf("next %d, %d rows, %v", next, rows, err)
	}
}

func TestReadPartitionReturnsTheErrorOfItsCallerAndWhereToGoOn(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	cl := connect(t, opts...)
	for range 3 * 10_000 {
		cl.Produce(ctx, record("k", "v"), nil)
	}
	if err := cl.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	full := errors.New("disk full")
	calls := 0
	next, err := kafka.ReadPartition(ctx, opts, kafka.Range{Topic: "t", From: 5},
		func(records []*kgo.Record, _ kafka.Progress) error {
			calls++
			if calls == 3 {
				return full
			}
			return nil
		})
	if !errors.Is(err, full) {
		t.Fatal(err)
	}
	rows, _, err := collect(ctx, t, opts, kafka.Range{Topic: "t", From: next})
	if err != nil || next <= 5 || rows[0].Offset != next {
		t.Errorf("went on at %d with %v, %v", next, rows[0], err)
	}
}
