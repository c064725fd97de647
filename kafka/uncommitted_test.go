package kafka_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/kafka/local"
)

// Given records of all kinds of transactions, when a reader takes uncommitted ones, too, then it gets all of
// them without waiting, each with what is known of its transaction.
func TestReadPartitionUncommitted(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	plain := connect(t, opts...)
	first, second := transactional(t, cluster, "x"), transactional(t, cluster, "y")
	produce(ctx, t, plain, record("plain", "1"))
	begin(ctx, t, first, record("committed", "1"))
	end(ctx, t, first, kgo.TryCommit)
	begin(ctx, t, first, record("aborted", "1"), record("aborted", "2"))
	produce(ctx, t, plain, record("plain", "2"))
	end(ctx, t, first, kgo.TryAbort)
	begin(ctx, t, second, record("open", "1"))
	begin(ctx, t, first, record("decided behind an open one", "1"))
	end(ctx, t, first, kgo.TryCommit)
	produce(ctx, t, plain, record("plain", "3"))
	defer end(ctx, t, second, kgo.TryAbort)

	got := map[string]kafka.Transaction{}
	next, err := kafka.ReadPartition(ctx, opts, kafka.Range{
		Topic: "t", From: kafka.FromStart, Uncommitted: true, FetchBytes: 100,
	}, func(records []*kgo.Record, p kafka.Progress) error {
		if p.Held {
			t.Error("it waits")
		}
		for _, r := range records {
			got[string(r.Key)+" "+string(r.Value)] = kafka.TransactionOf(r)
		}
		return nil
	})
	if err != nil || next != highWatermark(t, opts) {
		t.Errorf("next %d, %v", next, err)
	}
	want := map[string]kafka.Transaction{
		"plain 1": kafka.Committed, "committed 1": kafka.Committed, "aborted 1": kafka.Aborted,
		"aborted 2": kafka.Aborted, "plain 2": kafka.Committed, "open 1": kafka.Undecided,
		"decided behind an open one 1": kafka.Undecided, "plain 3": kafka.Committed,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
