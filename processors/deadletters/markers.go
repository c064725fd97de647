package deadletters

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

const (
	// maxMarkers is how many markers are held in memory, some 200 bytes each. Only those of dead
	// letters that the selection may mean are held, so that a narrower one always fits.
	maxMarkers = 2_000_000

	// maxStale is how many markers of dead letters that are gone are removed in one go; the next
	// call removes more.
	maxStale = 10_000
)

// ErrTooManyMarkers says that more dead letters are settled than fit into memory.
var ErrTooManyMarkers = errors.New("too many dead letters are settled to hold them in memory")

// markers are what the compacted topic says about the dead letters of a plan.
type markers struct {
	settled map[Ref]*Settlement
	stale   map[Ref]bool // whose dead letter retention has removed
}

// readMarkers reads the compacted topic to the end that it has now. Without such a topic nothing is
// settled.
func (q *Queue) readMarkers(ctx context.Context, p plan) (markers, error) {
	m := markers{make(map[Ref]*Settlement), make(map[Ref]bool)}
	topic := q.settings.Names.Settled
	bounds, err := q.bounds(ctx, topic)
	if errors.Is(err, kafka.ErrTopicMissing) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	for partition, b := range bounds {
		if b.start == b.end {
			continue
		}
		at := kafka.Range{Topic: topic, Partition: partition, From: kafka.FromStart}
		waiting := q.patience(at)
		_, err := kafka.ReadPartition(ctx, q.settings.Kafka, at,
			func(records []*kgo.Record, progress kafka.Progress) error {
				waiting(progress)
				for _, r := range records {
					if err := m.note(r, p); err != nil {
						return err
					}
				}
				return nil
			})
		if err != nil {
			return m, fmt.Errorf("read what is settled: %w", err)
		}
	}
	return m, nil
}

// note takes in a record of the compacted topic.
func (m *markers) note(r *kgo.Record, p plan) error {
	ref, err := ParseRef(string(r.Key))
	if err != nil {
		return nil //nolint:nilerr // a key that is no Ref is nobody's marker
	}
	if len(r.Value) == 0 {
		delete(m.settled, ref)
		delete(m.stale, ref)
		return nil
	}
	if bounds, is := p.bounds[ref.Partition]; is && ref.Offset < bounds.start {
		if len(m.stale) < maxStale {
			m.stale[ref] = true
		}
		return nil
	}
	if s := p.spans[ref.Partition]; ref.Offset < s.start || ref.Offset >= s.end {
		return nil
	}
	m.settled[ref] = decodeSettlement(r.Value)
	if len(m.settled) > maxMarkers {
		return fmt.Errorf("%w, more than %d of those selected: narrow the selection by the time "+
			"since when", ErrTooManyMarkers, maxMarkers)
	}
	return nil
}

// patience returns what tells, once each, that a reading waits for an open transaction or for a
// broker: it may take as long as the transaction time-out, and somebody is looking on.
func (q *Queue) patience(r kafka.Range) func(kafka.Progress) {
	var held, faulty bool
	log := q.settings.Logger.With("topic", r.Topic, "partition", r.Partition)
	return func(p kafka.Progress) {
		if p.Held && !held {
			held = true
			log.Warn("waiting for a transaction that is still open", "offset", p.Next)
		}
		if p.Fault != nil && !faulty {
			faulty = true
			log.Warn("reading failed; trying again", "error", p.Fault)
		}
	}
}
