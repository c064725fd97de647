package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// batch is the content of one transaction, closed.
type batch struct {
	session  *session
	records  int // input records
	bytes    int
	next     map[topicPartition]int64
	newest   time.Time // of the input records
	staged   []*page
	layers   []layer
	between  *between    // whose rows these are; nil: callbacks'
	forsaken atomic.Bool // must not be committed any more if that can still be helped
}

// outcome is how a transaction ended.
type outcome int

const (
	committed outcome = iota
	aborted           // certainly not committed; the producer is fit for the next one
	refused           // aborted, and would be every time
	unknown           // perhaps committed, or the producer is of no more use
)

// String names the outcome in metrics and logs.
func (o outcome) String() string {
	return [...]string{"committed", "aborted", "refused", "unknown"}[o]
}

var errForsaken = errors.New("the partitions were lost before the transaction ended")

// carry takes a batch through its transaction. ctx limits the whole of it.
func (p *producer) carry(ctx context.Context, b *batch, consumer *kgo.Client) (outcome, error) {
	members := membership{b.session.member, b.session.generation}
	for i := range b.layers {
		b.layers[i].make()
	}
	if len(b.staged) == 0 && len(b.layers) == 0 {
		answered, err := commitPlainly(ctx, consumer, p.group, p.feat.ids, members, b.next)
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
	if err := p.addOffsets(ctx, members, b.next); err != nil {
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
		if _, err = commitPlainly(ctx, consumer, p.group, p.feat.ids, members, b.next); err != nil {
			return unknown, err
		}
		return committed, nil
	case errors.Is(err, kerr.OperationNotAttempted):
		return p.abort(ctx, aborted, fmt.Errorf("commit: %w", err))
	}
	// The request, or its answer, was lost, or the broker's answer contradicts what we know: it
	// may well be committed. Only the broker can tell, after the transactional ID is initialised.
	return unknown, fmt.Errorf("commit, outcome unknown: %w", err)
}

// abort ends the transaction without effect; o and err are why. If that fails, the producer is of
// no more use.
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

// produce sends the batch's records and waits for the brokers to have them all.
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
	now := time.Now()
	for _, staged := range b.staged {
		records := staged.all()
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

// fenced reports whether somebody else took over the transactional ID, or the broker took the
// transaction from us because it was too old; it calls both the same.
func fenced(err error) bool {
	return errors.Is(err, kerr.ProducerFenced) || errors.Is(err, kerr.InvalidProducerEpoch)
}

// stale reports whether an error means that the clients, or what they know of the cluster, are of no
// more use.
func stale(err error) bool {
	return fenced(err) || errors.Is(err, kerr.InvalidProducerIDMapping) ||
		errors.Is(err, kerr.UnknownProducerID) || errors.Is(err, kerr.InvalidTxnState) ||
		errors.Is(err, kerr.OutOfOrderSequenceNumber) || errors.Is(err, kerr.UnknownTopicID) ||
		errors.Is(err, kerr.TransactionalIDNotFound) ||
		errors.Is(err, kerr.TransactionAbortable) ||
		errors.Is(err, kerr.UnknownTopicOrPartition)
}
