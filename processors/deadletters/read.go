package deadletters

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/kafka"
)

// abreast is how many partitions are read at the same time and put in order of time. Each may hold
// some 12 MiB of what it has fetched; a topic of more partitions comes in groups of so many, each
// group in order of time.
const abreast = 16

// Reading is what Each finds beside the letters.
type Reading struct {
	// More says that Selection.Limit ended it, and there are more.
	More bool
	// Foreign is how many records were no dead letters.
	Foreign int64
	// Missing says why there is no dead letter at a place that Selection.Refs names.
	Missing map[Ref]error
}

// Each gives fn the dead letters of a selection that are committed now, with what became of them, in
// order of the time at which they were set aside (within a partition: of offsets; among more than 16
// partitions: 16 at a time). It reads the whole of what the selection may mean, and the markers
// before; memory does not grow with the number of letters, but by some 200 bytes for each of them
// that is settled. A letter shares memory with others: a caller that keeps one must copy it.
//
// It waits for open transactions, as long as they may take. An error of fn ends it and is returned.
// The error is kafka.ErrTopicMissing if there is no dead-letter topic.
func (q *Queue) Each(
	ctx context.Context, s Selection, fn func(*Letter) error,
) (Reading, error) {
	p, err := q.plan(ctx, &s)
	if err != nil {
		return Reading{}, err
	}
	m, err := q.readMarkers(ctx, p)
	if err != nil {
		return Reading{}, err
	}
	return q.each(ctx, s, p, m, fn)
}

func (q *Queue) each(
	ctx context.Context, s Selection, p plan, m markers, fn func(*Letter) error,
) (Reading, error) {
	reading := Reading{Missing: make(map[Ref]error)}
	for ref := range s.refs {
		reading.Missing[ref] = p.missing(ref, q.settings.Names.DeadLetters)
	}
	given := 0
	give := func(l *Letter) error {
		if s.Limit > 0 && given == s.Limit {
			reading.More = true
			return errEnough
		}
		given++
		return fn(l)
	}
	groups := slices.Chunk(slices.Sorted(maps.Keys(p.spans)), abreast)
	for partitions := range groups {
		group := merger{queue: q, selection: &s, markers: m, reading: &reading}
		err := group.run(ctx, partitions, p.spans, give)
		if errors.Is(err, errEnough) {
			break
		}
		if err != nil {
			return reading, err
		}
	}
	return reading, nil
}

// errEnough ends a reading that is complete.
var errEnough = errors.New("enough")

// item is what a partition gives to the merger: a letter, or a record that is no letter.
type item struct {
	letter  *Letter
	ref     Ref
	foreign error
}

// stream is what is known of a partition: items in hand, and where more come from.
type stream struct {
	items []item
	come  <-chan []item
}

// merger puts the letters of several partitions in order of time.
type merger struct {
	queue     *Queue
	selection *Selection
	markers   markers
	reading   *Reading
}

func (m *merger) run(
	ctx context.Context, partitions []int32, spans map[int32]span, give func(*Letter) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	group, ctx := errgroup.WithContext(ctx)
	streams := make([]*stream, len(partitions))
	for i, partition := range partitions {
		come := make(chan []item)
		streams[i] = &stream{come: come}
		group.Go(func() error {
			defer close(come)
			return m.read(ctx, partition, spans[partition], come)
		})
	}
	given := m.merge(streams, give)
	cancel() // a reader that is still busy sees it where it sends
	read := group.Wait()
	if given != nil {
		return given
	}
	return read
}

// merge gives out the oldest of the first letters of all streams, again and again.
func (m *merger) merge(streams []*stream, give func(*Letter) error) error {
	heads := make([]*Letter, len(streams))
	for i := range streams {
		heads[i] = m.next(streams[i])
	}
	for {
		oldest := -1
		for i, head := range heads {
			if head != nil && (oldest < 0 || head.Time.Before(heads[oldest].Time)) {
				oldest = i
			}
		}
		if oldest < 0 {
			return nil
		}
		if err := give(heads[oldest]); err != nil {
			return err
		}
		heads[oldest] = m.next(streams[oldest])
	}
}

// next returns a stream's next letter that the selection means; nil at its end.
func (m *merger) next(s *stream) *Letter {
	for {
		for n, i := range s.items {
			if l := m.look(i); l != nil {
				s.items = s.items[n+1:]
				return l
			}
		}
		var more bool
		if s.items, more = <-s.come; !more {
			return nil
		}
	}
}

// look returns the item's letter, with its settlement, if it is selected.
func (m *merger) look(i item) *Letter {
	if i.foreign != nil {
		m.reading.Foreign++
		if m.selection.refs[i.ref] {
			m.reading.Missing[i.ref] = i.foreign
		}
		return nil
	}
	delete(m.reading.Missing, i.ref)
	if s := m.markers.settled[i.ref]; s.of(i.letter) {
		i.letter.Settled = s
	}
	if !m.selection.has(i.letter) {
		return nil
	}
	return i.letter
}

// read sends the records of a part of a partition. When retention removes its beginning meanwhile, it resumes
// at the new start of the log.
func (m *merger) read(ctx context.Context, partition int32, s span, to chan<- []item) error {
	at := kafka.Range{
		Topic: m.queue.settings.Names.DeadLetters, Partition: partition, From: s.start,
	}
	waiting := m.queue.patience(at)
	take := func(records []*kgo.Record, progress kafka.Progress) error {
		waiting(progress)
		items := make([]item, 0, len(records))
		for _, r := range records {
			if r.Offset < s.end {
				i := item{ref: Ref{r.Partition, r.Offset}}
				i.letter, i.foreign = Parse(r)
				items = append(items, i)
			}
		}
		select {
		case to <- items:
		case <-ctx.Done():
			return ctx.Err()
		}
		if progress.Next >= s.end && progress.End >= 0 {
			return errEnough
		}
		return nil
	}
	opts := m.queue.settings.Kafka
	next, err := kafka.ReadPartition(ctx, opts, at, take)
	if errors.Is(err, kafka.ErrOffsetOutOfRange) && next < s.end {
		at.From = kafka.FromStart
		_, err = kafka.ReadPartition(ctx, opts, at, take)
	}
	if errors.Is(err, errEnough) {
		return nil
	}
	return err
}

// Get returns the dead letter at a place, with what became of it. The error is ErrMissing or
// ErrNoDeadLetter, with what is there instead, or kafka.ErrTopicMissing.
func (q *Queue) Get(ctx context.Context, ref Ref) (*Letter, error) {
	var found *Letter
	reading, err := q.Each(ctx, Selection{Refs: []Ref{ref}}, func(l *Letter) error {
		found = l.clone()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return found, reading.Missing[ref]
}
