package exactlyonce

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce/internal/outbox"
	"refold/kafka"
)

// flight is a batch in its transaction.
type flight struct {
	*batch
	cancel  context.CancelFunc
	started time.Time
	// How it ended; written by its own goroutine before it is reported.
	outcome outcome
	err     error
}

// closeBatch closes the open batch and starts its transaction. Nothing is with Goka at this moment: no
// callback emits or writes rows while the batch is cut.
func (r *run) closeBatch(a action) {
	now := time.Now()
	emitted, headers := r.engine.outbox.Take()
	r.fly(r.producers[a.Producer], &batch{
		session: r.session, records: a.Records, bytes: a.Bytes, next: a.Offsets,
		newest: r.newest, inputs: r.inputsTaken, emitted: emitted, layers: r.session.seal(now, headers),
	})
	r.emptyBatch()
	if r.grown != nil {
		r.engine.outbox.Reset(r.grown)
		r.grown = nil
	}
}

// emptyBatch begins to note what belongs to the next batch.
func (r *run) emptyBatch() {
	r.newest, r.links, r.inputsTaken, r.staged = time.Time{}, nil, nil, 0
}

// fly starts a transaction.
func (r *run) fly(p *producer, b *batch) {
	span := r.engine.startSpan(b, r.links)
	ctx, cancel := context.WithTimeout(context.Background(), r.engine.cfg.Kafka.TransactionTimeout)
	f := &flight{batch: b, cancel: cancel, started: time.Now()}
	r.flight = f
	r.work.Go(func() {
		defer cancel()
		o, err := p.carry(ctx, b, r.consumer)
		if o == committed {
			if rowsAfter {
				err = b.session.commitLayers(b.layers)
			}
			// Readers must not learn more from what is told than the rows in the local store show.
			if tell := r.engine.cfg.Committed; tell != nil && err == nil && !b.session.isReleased() {
				tell(Commit{b})
			}
			outbox.Recycle(b.emitted)
			b.emitted, b.inputs = nil, nil
			if err != nil {
				o = unknown // the topic has the rows; a store that is opened anew reads them
			}
		}
		endSpan(span, o, err)
		f.outcome, f.err = o, err
		r.post(func() { r.landed(f, p, o, err) })
	})
}

// tell reports the outcome to the caller of Between whose rows these are, if any.
func (f *flight) tell() {
	if f.between != nil {
		f.between.landed(f.outcome, f.err)
	}
}

// landed reports the outcome of a transaction to the machine.
func (r *run) landed(f *flight, p *producer, o outcome, err error) {
	r.flight = nil
	r.engine.cfg.Metrics.transaction(f, o, err)
	if err != nil {
		r.engine.setStatus(err)
		if fenced(err) {
			r.engine.cfg.Metrics.fence()
			r.engine.log.Error("fenced: another worker uses the same transactional ID, or the "+
				"transaction was older than its time-out; nothing is lost or doubled, but two "+
				"workers with one ID make no progress", "transactionalId", p.id, "error", err)
		} else {
			r.engine.faults.Failed(slog.LevelWarn, "transaction failed", err, "outcome", o.String())
		}
	}
	switch o {
	case committed:
		r.progressed = true
		r.engine.faults.Ended("transaction failed")
		r.engine.faults.Ended(startingOver)
		if p.late() {
			r.do(r.machine.TransactionCommittedLast(errLate))
		} else {
			r.do(r.machine.TransactionCommitted())
		}
	case aborted:
		r.do(r.machine.TransactionAborted())
	case refused:
		r.do(r.machine.TransactionRefused(err))
	case unknown:
		r.do(r.machine.TransactionUnknown(err))
	}
	f.tell()
}

// rewind drops what is uncommitted and makes the consumer read on from the committed offsets.
func (r *run) rewind(offsets map[kafka.TopicPartition]int64) {
	r.engine.outbox.Take()
	r.session.discard()
	r.emptyBatch()
	set := make(map[string]map[int32]kgo.EpochOffset)
	for tp, o := range offsets {
		if set[tp.Topic] == nil {
			set[tp.Topic] = make(map[int32]kgo.EpochOffset)
		}
		set[tp.Topic][tp.Partition] = kgo.EpochOffset{Epoch: -1, Offset: o}
	}
	r.consumer.SetOffsets(set)
}
