package projector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/projections"
)

// batcher folds the records that wait in partitions, and writes what comes of them to a build, batch by
// batch. It knows no consumer: what it is given, and when it is called again after an error, is the member's
// part. It is for one goroutine at a time.
type batcher struct {
	build   projections.OpenBuild
	sources []*projections.OpenSource
	folding *projections.Folding
	letters letters
	stop    bool // poison holds its partition
	// records, bytes and rows limit a batch; rows 0: no limit.
	records, bytes, rows int
	// decoders is how many goroutines decode the events of a large batch.
	decoders int
	metrics  *buildMetrics
	// logs and topics, by source, are only for lookups; so is patience: see lookupPatience.
	logs     eventLogs
	topics   []string
	patience time.Duration
	stood    map[projections.Partition]stood
	// forget says that the states in memory may not be those of the store.
	forget bool
	// lettered are records with dead letters that are not passed yet. refused are those that the store has
	// refused.
	lettered map[place]bool
	refused  map[place]refusal
}

// place is that of a record.
type place struct {
	projections.Partition
	offset int64
}

// refusal is how often the store has refused a record, each time with less of it, and why the first time.
type refusal struct {
	times int
	why   error
}

// item is a record of a batch.
type item struct {
	*partition
	record *kgo.Record
}

func (i item) place() place { return place{i.Partition, i.record.Offset} }

// errTooMany says that a batch of several records has more rows than the store takes at once.
var errTooMany = errors.New("more rows than the store takes at once")

// step writes the pending records of partitions, up to the limits of a batch. After an error the records that
// were not written are still pending, and step may be called again.
func (b *batcher) step(ctx context.Context, partitions []*partition) error {
	if b.forget {
		b.folding.Forget()
		b.forget = false
	}
	if err := b.look(ctx, partitions); err != nil {
		return err
	}
	return halved(b.items(partitions), func(items []item) error { return b.write(ctx, items) })
}

// items returns the records of the next batch.
func (b *batcher) items(partitions []*partition) (items []item) {
	bytes := 0
	for _, p := range partitions {
		for n, r := range p.pending {
			if p.waits(r) || p.most > 0 && n == p.most {
				break
			}
			bytes += kafka.RecordBytes(len(r.Key), r.Value, r.Headers)
			if len(items) > 0 && (len(items) == b.records || bytes > b.bytes) {
				return items
			}
			items = append(items, item{p, r})
		}
	}
	return items
}

// halved writes items all at once; and if the store refuses one of them, or they are too many, one half
// after the other: so the one is found in few steps.
func halved[T any](items []T, write func([]T) error) error {
	err := write(items)
	_, refused := errors.AsType[*projections.Poison](err)
	if len(items) < 2 || !refused && !errors.Is(err, errTooMany) {
		return err
	}
	middle := len(items) / 2
	if err := halved(items[:middle], write); err != nil {
		return err
	}
	return halved(items[middle:], write)
}

// write writes a batch of records. A *projections.Poison says that the store refuses one of several.
func (b *batcher) write(ctx context.Context, items []item) error {
	if items = due(items); len(items) == 0 {
		return nil
	}
	f, batch, err := b.fold(ctx, items)
	if err == nil && len(f.poisoned) > 0 {
		err = b.confirm(ctx, f.poisoned)
	}
	if err == nil && len(f.poisoned) > 0 {
		if b.stop {
			b.folding.Discard()
			for _, p := range f.poisoned {
				p.item.hold(p.item.record, p.error())
			}
			return b.write(ctx, items) // what is before
		}
		err = b.setAside(ctx, f.poisoned)
	}
	if err == nil && len(f.taken) == 0 {
		f.cut()
		return nil // all of them wait
	}
	if len(f.taken) > 0 {
		items = f.taken
	}
	if err == nil {
		began := time.Now()
		err = b.build.Write(ctx, batch)
		b.metrics.wrote(len(items), time.Since(began), err)
	}
	if err != nil {
		b.folding.Discard()
		if err := b.refusedOne(ctx, items, err); err != nil {
			return err
		}
		f.cut()
		return nil
	}
	b.folding.Written()
	f.cut()
	for _, i := range items {
		delete(b.lettered, i.place())
		delete(b.refused, i.place())
	}
	for _, s := range spans(items) {
		s.advance(s.n)
	}
	return nil
}

// confirm returns ErrMoved or ErrFenced if the store is not where the partitions of poison are. After a
// backup was restored, states are older than the events that are folded on them, which looks like a gap
// before each.
func (b *batcher) confirm(ctx context.Context, all []poisoned) error {
	batch := &projections.Batch{}
	for _, p := range all {
		at := p.item.partition
		if !slices.ContainsFunc(batch.Advances, func(a projections.Advance) bool {
			return a.Partition == at.Partition
		}) {
			batch.Advances = append(batch.Advances, projections.Advance{
				Partition: at.Partition, Epoch: at.epoch, From: at.written, To: at.written,
				End: max(at.end, at.written),
			})
		}
	}
	return b.build.Write(ctx, batch) //nolint:wrapcheck // the caller tells errors of stores apart
}

// refusedOne writes a single record again that the store has refused, with less of it: at first without its
// rows, then without its state as well. All other errors are returned.
func (b *batcher) refusedOne(ctx context.Context, items []item, err error) error {
	_, refused := errors.AsType[*projections.Poison](err)
	at := items[0].place()
	before := b.refused[at]
	if !refused || len(items) > 1 || before.times == withoutState {
		return err
	}
	if before.why == nil {
		before.why = err
	}
	before.times++
	if b.refused == nil {
		b.refused = make(map[place]refusal)
	}
	b.refused[at] = before
	return b.write(ctx, items)
}

// How often the store has refused a record, and so what is left out of it.
const (
	withoutRows = 1 + iota
	withoutState
)

// span is how many of a partition's pending records a batch takes.
type span struct {
	*partition
	n int
}

// spans returns how many records there are of each partition, whose records follow one another.
func spans(items []item) (all []span) {
	for _, i := range items {
		if n := len(all); n == 0 || all[n-1].partition != i.partition {
			all = append(all, span{partition: i.partition})
		}
		all[len(all)-1].n++
	}
	return all
}

// due returns the items that may be taken: the next ones of each partition. They end before a record that
// waits, that holds the partition, or that was left out of a batch before.
func due(items []item) []item {
	next := make([]item, 0, len(items))
	n := 0
	for at, i := range items {
		if at > 0 && items[at-1].partition != i.partition {
			n = 0
		}
		if n < len(i.pending) && i.pending[n] == i.record && !i.waits(i.record) {
			next = append(next, i)
			n++
		}
	}
	return next
}

// fold makes a batch of records, or of some of them: others wait.
func (b *batcher) fold(ctx context.Context, items []item) (*folder, *projections.Batch, error) {
	f := &folder{batcher: b, items: items, last: make(map[subject]item)}
	if err := f.run(ctx); err != nil || len(f.taken) == 0 {
		return f, nil, err
	}
	folded, err := b.folding.Close()
	if err != nil {
		return f, nil, fmt.Errorf("fold: %w", err)
	}
	for _, p := range folded.Poison {
		f.poison(f.last[subject{p.Source, p.Subject}], p.Err)
	}
	items = f.taken
	if b.rows > 0 && len(items) > 1 && len(folded.Changes)+len(folded.States) > b.rows {
		return f, nil, errTooMany
	}
	b.metrics.repeated(folded.Repeated)
	batch := &projections.Batch{States: folded.States, Changes: folded.Changes}
	if len(items) == 1 && b.refused[items[0].place()].times >= withoutRows {
		batch.Changes = nil
	}
	for _, s := range spans(items) {
		batch.Advances = append(batch.Advances, s.step(s.n))
	}
	return f, batch, nil
}

// markers writes the progress of partitions in which only markers of transactions have come since.
func (b *batcher) markers(ctx context.Context, partitions []*partition) error {
	batch := &projections.Batch{}
	var moved []*partition
	for _, p := range partitions {
		if len(p.pending) == 0 && p.unwritten() {
			moved = append(moved, p)
			batch.Advances = append(batch.Advances, p.step(0))
		}
	}
	if len(moved) == 0 {
		return nil
	}
	if err := b.build.Write(ctx, batch); err != nil {
		return err //nolint:wrapcheck // the caller tells errors of stores apart
	}
	for _, p := range moved {
		p.advance(0)
	}
	return nil
}

// lost forgets what is known of the records of a partition that was lost.
func (b *batcher) lost(p projections.Partition) {
	for at := range b.lettered {
		if at.Partition == p {
			delete(b.lettered, at)
		}
	}
	for at := range b.refused {
		if at.Partition == p {
			delete(b.refused, at)
		}
	}
}
