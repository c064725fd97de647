package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// producer is one transactional producer.
type producer struct {
	client   *kgo.Client
	id       string // its transactional ID
	features *kafka.Features
	ends     unanswered
}

// carry takes a batch through its transaction, within ctx.
func (p *producer) carry(ctx context.Context, b *batch, consumer *kgo.Client) (outcome, error) {
	for i := range b.layers {
		b.layers[i].make()
	}
	offsets := b.session.offsets(b.next)
	if len(b.emitted) == 0 && len(b.layers) == 0 {
		answered, err := offsets.Plainly(ctx, consumer)
		switch {
		case err == nil:
			return committed, nil
		case answered && !stale(err):
			return aborted, err
		}
		return unknown, err
	}
	if err := p.client.BeginTransaction(); err != nil {
		return unknown, fmt.Errorf("begin a transaction: %w", err)
	}
	if o, err := p.produce(ctx, b); err != nil {
		return p.abort(ctx, o, err)
	}
	if !rowsAfter {
		if err := b.session.commitLayers(b.layers); err != nil {
			return unknown, err
		}
	}
	if err := p.addOffsets(ctx, offsets); err != nil {
		if stale(err) {
			return p.abort(ctx, unknown, err)
		}
		return p.abort(ctx, aborted, err)
	}
	if fencing && b.forsaken.Load() {
		return p.abort(ctx, aborted, errForsaken)
	}
	err := p.client.EndTransaction(ctx, kgo.TryCommit)
	switch {
	case err == nil && offsetsInside:
		return committed, nil
	case err == nil:
		if _, err = offsets.Plainly(ctx, consumer); err != nil {
			return unknown, err
		}
		return committed, nil
	case errors.Is(err, kerr.OperationNotAttempted):
		return p.abort(ctx, aborted, fmt.Errorf("commit: %w", err))
	}
	// The request or its answer was lost, or the answer contradicts what is known here: the transaction may
	// be committed. Only the broker knows, and tells when the transactional ID is initialised.
	return unknown, fmt.Errorf("commit, outcome unknown: %w", err)
}

// addOffsets makes the offsets part of the transaction.
func (p *producer) addOffsets(ctx context.Context, offsets kafka.OffsetCommit) error {
	if !offsetsInside {
		return nil
	}
	if !fencing { // then it commits as no member of the group
		offsets.Member, offsets.Generation = "", -1
	}
	return offsets.InTransaction(ctx, p.client, p.id, *p.features)
}

// abort ends the transaction without effect and returns o and why, the reason for it. If that fails, the
// outcome is unknown.
func (p *producer) abort(ctx context.Context, o outcome, why error) (outcome, error) {
	if o == unknown {
		return o, why // initialising the transactional ID aborts it
	}
	if err := p.client.EndTransaction(ctx, kgo.TryAbort); err != nil {
		return unknown, errors.Join(why, fmt.Errorf("abort: %w", err))
	}
	if p.late() {
		return unknown, errors.Join(why, errLate)
	}
	return o, why
}

// produce sends the batch's records and waits until the brokers have acknowledged all of them.
func (p *producer) produce(ctx context.Context, b *batch) (outcome, error) {
	var (
		mu    sync.Mutex
		first error
		bad   *kgo.Record
	)
	promise := func(r *kgo.Record, err error) {
		if err == nil {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if first == nil {
			first, bad = err, r
		}
	}
	now := time.Now().Truncate(time.Millisecond) // as readers get it
	for _, page := range b.emitted {
		records := page.Records()
		for i := range records {
			r := &records[i]
			r.Timestamp = now
			p.client.Produce(ctx, r, promise)
		}
	}
	for i := range b.layers {
		records := b.layers[i].records
		for j := range records {
			p.client.Produce(ctx, &records[j], promise)
		}
	}
	if err := p.client.Flush(ctx); err != nil {
		return unknown, fmt.Errorf("flush: %w", err)
	}
	mu.Lock()
	defer mu.Unlock()
	if first == nil {
		return committed, nil
	}
	err := fmt.Errorf("produce to %s/%d, key %q, %d bytes: %w",
		bad.Topic, bad.Partition, bad.Key, len(bad.Value), first)
	switch {
	case errors.Is(first, kerr.MessageTooLarge), errors.Is(first, kerr.RecordListTooLarge),
		errors.Is(first, kerr.InvalidRecord):
		return refused, err
	case stale(first):
		return unknown, err
	}
	return aborted, err
}

// fenced reports whether another process took over the transactional ID, or the broker aborted the
// transaction because it was too old; brokers answer both alike.
func fenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}

// stale reports whether an error means that the clients, or what they know about the cluster, must not be
// used any more.
func stale(err error) bool {
	return fenced(err) || errors.Is(err, kerr.InvalidProducerIDMapping) ||
		errors.Is(err, kerr.UnknownProducerID) || errors.Is(err, kerr.InvalidTxnState) ||
		errors.Is(err, kerr.OutOfOrderSequenceNumber) || errors.Is(err, kerr.UnknownTopicID) ||
		errors.Is(err, kerr.TransactionalIDNotFound) ||
		errors.Is(err, kerr.TransactionAbortable) ||
		errors.Is(err, kerr.UnknownTopicOrPartition)
}
