package deadletters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	// initTimeout limits the wait until what a predecessor left in a transaction has ended: brokers
	// write the markers of a decided one, or abort an open one, within seconds.
	initTimeout = time.Minute

	// abortTimeout limits the undoing of a transaction that failed. Who begins next undoes it, too.
	abortTimeout = 5 * time.Second
)

// commitTimeout limits one transaction. It takes milliseconds; what is left is a change of leader in
// the middle of it. Tests shorten it.
var commitTimeout = 30 * time.Second

// change is what the settling of a letter writes.
type change struct {
	letter     *Letter
	settlement Settlement
	record     *kgo.Record // that goes back; nil: none does
}

// transactions are those of the one who settles.
type transactions struct {
	client  *kgo.Client
	settled string
	// broken is the first error. After it nothing is written any more, for what was read of the
	// markers is no longer all that there is.
	broken error
}

// transactions initialises the transactional ID. It fences an earlier replay or discard,
// and aborts the transaction that it left open.
func (q *Queue) transactions(ctx context.Context) (*transactions, error) {
	names := q.settings.Names
	client, err := kgo.NewClient(append(append([]kgo.Opt(nil), q.settings.Kafka...),
		kgo.TransactionalID(names.TransactionalID))...)
	if err != nil {
		return nil, fmt.Errorf("make a producer: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, initTimeout)
	defer cancel()
	if _, _, err := client.ProducerID(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("initialise transactional ID %s: %w", names.TransactionalID, err)
	}
	return &transactions{client: client, settled: names.Settled}, nil
}

func (t *transactions) close() { t.client.Close() }

// commit writes the changes and their markers in one transaction.
func (t *transactions) commit(ctx context.Context, changes []change) error {
	var records []*kgo.Record
	for i := range changes {
		c := &changes[i]
		if c.record != nil {
			records = append(records, c.record)
		}
		value, err := c.settlement.encode()
		if err != nil {
			return err
		}
		records = append(records, t.marker(c.letter.Ref, value))
	}
	return t.write(ctx, records)
}

// forget writes tombstones.
func (t *transactions) forget(ctx context.Context, refs []Ref) error {
	records := make([]*kgo.Record, len(refs))
	for i, ref := range refs {
		records[i] = t.marker(ref, nil)
	}
	return t.write(ctx, records)
}

func (t *transactions) marker(ref Ref, value []byte) *kgo.Record {
	return &kgo.Record{Topic: t.settled, Key: []byte(ref.String()), Value: value}
}

// write makes all records visible together, or none of them. When ctx ends in the middle of it, it
// is finished all the same: half a second later there is a clear answer.
func (t *transactions) write(ctx context.Context, records []*kgo.Record) error {
	if err := cmp.Or(t.broken, ctx.Err()); err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if t.broken = t.attempt(limited, records); t.broken == nil {
		return nil
	}
	if errors.Is(t.broken, kerr.ProducerFenced) || errors.Is(t.broken, kerr.InvalidProducerEpoch) {
		t.broken = fmt.Errorf("%w (or the transaction took so long that the brokers ended it): %w",
			ErrTakenOver, t.broken)
	}
	return t.broken
}

func (t *transactions) attempt(ctx context.Context, records []*kgo.Record) error {
	if err := t.client.BeginTransaction(); err != nil {
		return fmt.Errorf("begin a transaction: %w", err)
	}
	if err := t.produce(ctx, records); err != nil {
		t.abort(ctx)
		return err
	}
	if err := t.client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		return fmt.Errorf("commit; it may be done or not, and the same again finds out: %w", err)
	}
	return nil
}

// produce waits until the brokers have all records, but not for longer than ctx. franz-go does not give
// up records that it has sent and heard nothing of, whatever their context says: a batch that was lost
// together with all brokers would be waited for until they are back. Closing the client ends that.
func (t *transactions) produce(ctx context.Context, records []*kgo.Record) error {
	produced := make(chan kgo.ProduceResults, 1)
	go func() { produced <- t.client.ProduceSync(ctx, records...) }()
	select {
	case <-ctx.Done():
		return fmt.Errorf("produce; nothing of the transaction was done: %w", context.Cause(ctx))
	case results := <-produced:
		for _, r := range results {
			if r.Err != nil {
				return fmt.Errorf("produce to %s, %d bytes; nothing of the transaction was done: %w",
					r.Record.Topic, len(r.Record.Key)+len(r.Record.Value), r.Err)
			}
		}
		return nil
	}
}

// abort undoes a transaction at once if it can be; readers then need not wait for its time-out.
func (t *transactions) abort(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTimeout) // it may have ended
	defer cancel()
	_ = t.client.EndTransaction(ctx, kgo.TryAbort) // what matters is why it is undone
}
