package exactlyonce

import (
	"context"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// flight is a batch in its transaction.
type flight struct {
	*batch
	cancel  context.CancelFunc
	started time.Time
	// How it ended; its goroutine writes them.
	outcome outcome
	err     error
}

// takeOff closes the open batch and starts its transaction. Nothing is with Goka at this moment:
// no callback stages or writes while the batch is cut.
func (r *run) takeOff(p *producer, next map[topicPartition]int64) {
	now := time.Now()
	staged, headers := r.engine.outputs.take()
	r.fly(p, &batch{
		session: r.session, records: r.machine.air.records, bytes: r.machine.air.bytes,
		next: next, newest: r.newest, staged: staged, layers: r.session.seal(now, headers),
	})
	r.newest, r.links, r.staged = time.Time{}, nil, 0
	if r.counts != nil {
		r.engine.outputs.reset(r.counts)
		r.counts = nil
	}
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
			recycle(b.staged)
			b.staged = nil
			if rowsAfter {
				err = b.session.commitLayers(b.layers)
			}
			if err != nil {
				o = unknown // the topic has the rows; a store that is opened anew reads them
			}
		}
		endSpan(span, o, err)
		f.outcome, f.err = o, err
		r.post(func() { r.landed(f, p, o, err) })
	})
}

// tell lets who called Between know, if it is rows of theirs.
func (f *flight) tell() {
	if f.between != nil {
		f.between.landed(f.outcome, f.err)
	}
}

// landed takes the outcome of a transaction.
func (r *run) landed(f *flight, p *producer, o outcome, err error) {
	r.flight = nil
	r.engine.cfg.Metrics.transaction(f, o, err)
	if err != nil {
		r.engine.setStatus(err)
		if fenced(err) {
			r.engine.cfg.Metrics.fence()
			r.engine.log.Error("fenced: another worker uses the same transactional ID, or the "+
				"transaction was older than its time-out; nothing is lost or doubled, but two "+
				"workers with one ID do not get on", "transactionalId", p.id, "error", err)
		} else {
			r.engine.faults.Failed(slog.LevelWarn, "transaction failed", err, "outcome", o.String())
		}
	}
	switch o {
	case committed:
		r.progress = true
		r.engine.faults.Ended("transaction failed")
		r.engine.faults.Ended(startingOver)
		if p.late() {
			r.do(r.machine.transactionCommittedLast(errLate))
		} else {
			r.do(r.machine.transactionCommitted())
		}
	case aborted:
		r.do(r.machine.transactionAborted())
	case refused:
		r.do(r.machine.transactionRefused(err))
	case unknown:
		r.do(r.machine.transactionUnknown(err))
	}
	f.tell()
}

// rewind forgets what is uncommitted and goes back to where the committed work ends.
func (r *run) rewind(offsets map[topicPartition]int64) {
	r.engine.outputs.take()
	r.session.discard()
	r.newest, r.links, r.staged = time.Time{}, nil, 0
	set := make(map[string]map[int32]kgo.EpochOffset)
	for tp, o := range offsets {
		if set[tp.topic] == nil {
			set[tp.topic] = make(map[int32]kgo.EpochOffset)
		}
		set[tp.topic][tp.partition] = kgo.EpochOffset{Epoch: -1, Offset: o}
	}
	r.consumer.SetOffsets(set)
}
