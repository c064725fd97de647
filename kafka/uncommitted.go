package kafka

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Transaction says what is known of the transaction in which a record was written.
type Transaction int

const (
	// Committed is a record that was written without a transaction, or in one that was committed.
	Committed Transaction = iota
	// Aborted is a record that no reader of committed records will ever get.
	Aborted
	// Undecided is a record of a transaction that was not known to have ended when the record was read.
	Undecided
)

// transactionKey is the key of a Transaction in the context of a record, which is there for such remarks.
type transactionKey struct{}

// TransactionOf returns what is known of the transaction of a record that [ReadPartition] has given out;
// Committed, unless it was read with Range.Uncommitted.
func TransactionOf(r *kgo.Record) Transaction {
	if r.Context == nil {
		return Committed
	}
	t, _ := r.Context.Value(transactionKey{}).(Transaction)
	return t
}

// fetchUncommitted asks for all records from an offset, and marks those that are not committed. Only an
// answer to a request for committed records names the aborted transactions, and it ends at the last stable
// offset. So what is below that is asked for as committed, and what a reader would leave out of it is
// aborted. Whatever a transaction has written above is undecided.
func (l *partitionLog) fetchUncommitted(ctx context.Context, from int64) (answer, error) {
	if from < l.stable {
		return l.fetchDecided(ctx, from)
	}
	partition, err := l.ask(ctx, from, kgo.ReadUncommitted())
	if err != nil {
		return answer{}, err
	}
	if l.stable = partition.LastStableOffset; from < l.stable {
		return l.fetchDecided(ctx, from)
	}
	got, err := l.process(partition, from, kgo.ReadUncommitted())
	got.stable = partition.HighWatermark // nothing up to there is waited for
	mark(got.records, Undecided, func(r *kgo.Record) bool { return r.Attrs.IsTransactional() })
	return got, err
}

// fetchDecided is fetchUncommitted below the last stable offset.
func (l *partitionLog) fetchDecided(ctx context.Context, from int64) (answer, error) {
	partition, err := l.ask(ctx, from, kgo.ReadCommitted())
	if err != nil {
		return answer{}, err
	}
	committed, err := l.process(partition, from, kgo.ReadCommitted())
	if err != nil {
		return answer{}, err
	}
	all, err := l.process(partition, from, kgo.ReadUncommitted())
	next := 0 // in committed
	mark(all.records, Aborted, func(r *kgo.Record) bool {
		if next < len(committed.records) && committed.records[next].Offset == r.Offset {
			next++
			return false
		}
		return true
	})
	return all, err
}

func mark(records []*kgo.Record, t Transaction, is func(*kgo.Record) bool) {
	ctx := context.WithValue(context.Background(), transactionKey{}, t)
	for _, r := range records {
		if is(r) {
			r.Context = ctx
		}
	}
}
