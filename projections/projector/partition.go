package projector

import (
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/projections"
)

// partition is one that the member has claimed.
type partition struct {
	projections.Partition
	source int
	epoch  int64
	// written is the next offset by the store, polled the one behind the last record or marker that has come
	// from Kafka. pending are the records between, without markers.
	written, polled int64
	pending         []*kgo.Record
	// end is the last stable offset that is known, time that of the last record that was taken.
	end  int64
	time time.Time
	// held is why no record is taken any more; heldSince is the time of the one that is not.
	held      error
	heldSince time.Time
	// waiting is a record whose turn has not come, as it refers to what is not there yet; nil: none. most is
	// how many records a batch takes for that reason; 0: any number.
	waiting *waiting
	most    int
	// ends are those of the topic that is looked up, asked for when all records below endsFor had come.
	ends    map[projections.Partition]int64
	endsFor int64
	// paused says that nothing is fetched, told that it was told why.
	paused, told bool
}

// accept takes what a poll has brought. Records that were taken before are left out: the client may have
// begun before the store's progress.
func (p *partition) accept(records []*kgo.Record, stable int64) {
	p.end = max(p.end, stable)
	if p.held != nil {
		return
	}
	for _, r := range records {
		if r.Offset < p.polled {
			continue
		}
		p.polled = r.Offset + 1
		if !r.Attrs.IsControl() {
			p.pending = append(p.pending, r)
		}
	}
}

// advance notes that the store has taken n of the pending records.
func (p *partition) advance(n int) {
	p.written = p.next(n)
	if n > 0 {
		p.time = kafka.ReadTime(p.pending[n-1].Timestamp).UTC()
	}
	p.passed()
	clear(p.pending[:n]) // for the garbage collector
	if p.pending = p.pending[n:]; len(p.pending) == 0 {
		p.pending = nil
	}
}

// next returns the next offset once n of the pending records are taken. The markers behind the last one
// are taken with it.
func (p *partition) next(n int) int64 {
	if n == len(p.pending) {
		return p.polled
	}
	return p.pending[n-1].Offset + 1
}

// step returns the advance that takes n of the pending records.
func (p *partition) step(n int) projections.Advance {
	a := projections.Advance{
		Partition: p.Partition, Epoch: p.epoch, From: p.written, To: p.next(n),
	}
	a.End = max(p.end, a.To)
	if n > 0 {
		a.Time = kafka.ReadTime(p.pending[n-1].Timestamp).UTC()
	}
	return a
}

// resume goes on from where the store is, and reports whether the pending records reach there: they do if
// only the answer to a write was lost.
func (p *partition) resume(at projections.Progress) bool {
	if at.Next < p.written || at.Next > p.polled {
		return false
	}
	n := 0
	for n < len(p.pending) && p.pending[n].Offset < at.Next {
		n++
	}
	p.epoch, p.written, p.pending = at.Epoch, at.Next, p.pending[n:]
	p.passed()
	return true
}

// hold stops the partition before a record.
func (p *partition) hold(r *kgo.Record, why error) {
	n := 0
	for n < len(p.pending) && p.pending[n].Offset < r.Offset {
		n++
	}
	p.held, p.heldSince = why, kafka.ReadTime(r.Timestamp)
	p.pending, p.polled, p.waiting = p.pending[:n], r.Offset, nil
}

// unwritten reports whether the store's progress is behind what was read, markers included.
func (p *partition) unwritten() bool { return p.written < p.polled }

// shown is what others may see of a partition while a batch is under way.
type shown struct {
	projections.Partition
	next, end int64
	// oldest is the time of the oldest record that is not taken; if it is not known, that of the last one
	// that was.
	oldest  time.Time
	held    error
	waiting string
}

func (p *partition) show() shown {
	s := shown{Partition: p.Partition, next: p.written, end: p.end, oldest: p.time, held: p.held}
	if w := p.waiting; w != nil && !w.settled {
		s.waiting = w.what
	}
	switch {
	case len(p.pending) > 0:
		s.oldest = kafka.ReadTime(p.pending[0].Timestamp)
	case p.held != nil:
		s.oldest = p.heldSince
	default:
		s.next = p.polled // only markers are between
	}
	return s
}
