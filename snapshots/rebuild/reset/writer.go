package reset

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

const (
	// batchRows and batchBytes limit a transaction: one takes some tens of milliseconds.
	batchRows  = 5_000
	batchBytes = 4 << 20

	// initTimeout limits the wait for the end of a predecessor's transaction.
	initTimeout = time.Minute
	// endTimeout limits the end of a transaction, and writing what belongs to it: milliseconds, or a
	// change of leader.
	endTimeout = 30 * time.Second
)

// writer writes rows in transactions. After an error nothing more can be written.
type writer struct {
	client *kgo.Client
	batch  []*kgo.Record
	bytes  int
}

// newWriter initialises the transactional ID: an earlier writer is fenced, and its open transaction aborted.
func newWriter(ctx context.Context, settings kafka.Settings, id string) (*writer, error) {
	client, err := settings.Client(kgo.TransactionalID(id),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, initTimeout)
	defer cancel()
	if _, _, err := client.ProducerID(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("initialise transactional ID %s: %w", id, err)
	}
	return &writer{client: client}, nil
}

func (w *writer) close() { w.client.Close() }

// put adds a row, and commits when there are enough of them.
func (w *writer) put(ctx context.Context, row *kgo.Record) error {
	w.batch = append(w.batch, row)
	w.bytes += len(row.Key) + len(row.Value)
	if len(w.batch) < batchRows && w.bytes < batchBytes {
		return nil
	}
	return w.commit(ctx)
}

// commit writes all rows that were put, in one transaction.
func (w *writer) commit(ctx context.Context) error {
	if len(w.batch) == 0 {
		return nil
	}
	if err := w.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	if err := w.produce(ctx); err != nil {
		_ = w.end(ctx, kgo.TryAbort) // what matters is why
		return fmt.Errorf("write rows: %w", err)
	}
	if err := w.end(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit rows: %w", err)
	}
	w.batch, w.bytes = nil, 0
	return nil
}

// produce waits until the brokers have the batch, up to endTimeout. The client itself waits without limit for
// the answer to what it has sent, whatever the context says; closing it ends that.
func (w *writer) produce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	produced := make(chan error, 1)
	batch := w.batch
	go func() { produced <- w.client.ProduceSync(ctx, batch...).FirstErr() }()
	select {
	case err := <-produced:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (w *writer) end(ctx context.Context, how kgo.TransactionEndTry) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endTimeout) // it may have ended
	defer cancel()
	return w.client.EndTransaction(ctx, how) //nolint:wrapcheck // the caller says what was being done
}
