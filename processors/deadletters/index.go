package deadletters

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/kafka"
)

const (
	// maxIndexed is how many dead letters an Index holds, some 1 KiB each: more than a person looks through.
	maxIndexed = 10_000
	// leastIndexed is how many an Index reads of each partition at least.
	leastIndexed = 100
	// indexReaders is how many partitions an Index reads at the same time.
	indexReaders = 8
	// ownWait is how long a forced refresh waits for a transaction: that of whoever has just settled letters
	// ends within milliseconds.
	ownWait = 2 * time.Second
)

// Index has the newest dead letters of an installation in memory, without their values, for pages that are
// asked for again and again: it reads only what has come since. It is safe for concurrent use. Close it.
type Index struct {
	settings Settings
	lock     chan struct{} // holds one while somebody reads; unlike a mutex it can be waited for in vain

	queue       *Queue // nil until it is asked for the first time
	from, next  map[int32]int64
	nextSettled map[int32]int64
	letters     map[Ref]*Indexed
	settled     map[Ref]*Settlement
	foreign     map[Ref]bool
	older       bool
	held        bool
	sorted      []*Indexed // nil: they have changed
}

// Indexed is a dead letter without its value.
type Indexed struct {
	*Letter

	Bytes int // of the value
}

// Listing is what an Index knows. It is shared: nobody may change it.
type Listing struct {
	Letters []*Indexed // the newest first
	// Older says that there are older letters than those.
	Older bool
	// Foreign is how many records were no dead letters.
	Foreign int
	// Held says that a transaction is open, behind which there may be more.
	Held bool
}

// NewIndex returns an Index that reads when it is asked.
func NewIndex(settings Settings) *Index {
	x := &Index{settings: settings, lock: make(chan struct{}, 1)}
	x.forget()
	return x
}

func (x *Index) forget() {
	x.from, x.next, x.nextSettled = map[int32]int64{}, map[int32]int64{}, map[int32]int64{}
	x.letters, x.settled, x.foreign = map[Ref]*Indexed{}, map[Ref]*Settlement{}, map[Ref]bool{}
	x.sorted, x.older = nil, false
}

// Close closes the connections.
func (x *Index) Close() {
	x.lock <- struct{}{}
	defer x.release()
	if x.queue != nil {
		x.queue.Close()
		x.queue = nil
	}
}

func (x *Index) acquire(ctx context.Context) error {
	select {
	case x.lock <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for another reader of the dead letters: %w", context.Cause(ctx))
	}
}

func (x *Index) release() { <-x.lock }

// List returns the letters that are committed now. settled says that the caller has just settled some: then
// it waits a moment for a transaction that is still open. Without a topic there are no letters.
func (x *Index) List(ctx context.Context, settled bool) (Listing, error) {
	if err := x.acquire(ctx); err != nil {
		return Listing{}, err
	}
	defer x.release()
	if _, err := x.refresh(ctx, settled); err != nil {
		return Listing{}, err
	}
	if x.sorted == nil {
		x.sort()
	}
	return Listing{Letters: x.sorted, Older: x.older, Foreign: len(x.foreign), Held: x.held}, nil
}

// Get returns one letter with its value, and what became of it. The error is ErrMissing or ErrNoDeadLetter,
// with what is there instead.
func (x *Index) Get(ctx context.Context, ref Ref) (*Letter, error) {
	if err := x.acquire(ctx); err != nil {
		return nil, err
	}
	defer x.release()
	bounds, err := x.refresh(ctx, false)
	if err != nil {
		return nil, err
	}
	missing := plan{bounds: bounds}.missing(ref, x.settings.Names.DeadLetters)
	if b, is := bounds[ref.Partition]; !is || ref.Offset < b.start || ref.Offset >= b.end {
		return nil, missing
	}
	if ref.Offset < x.from[ref.Partition] {
		return x.queue.Get(ctx, ref)
	}
	var found *Letter
	at := kafka.Range{Topic: x.settings.Names.DeadLetters, Partition: ref.Partition, From: ref.Offset}
	_, err = kafka.ReadPartitionBy(ctx, x.queue.client, at, func(rs []*kgo.Record, p kafka.Progress) error {
		if len(rs) == 0 && !p.Held {
			return nil
		}
		if len(rs) > 0 && rs[0].Offset == ref.Offset {
			l, err := Parse(rs[0])
			if err != nil {
				return err
			}
			found = l.clone()
		}
		return errEnough
	})
	switch {
	case err != nil && !errors.Is(err, errEnough):
		return nil, err
	case found == nil:
		return nil, missing
	}
	if s := x.settled[ref]; s.of(found) {
		found.Settled = s
	}
	return found, nil
}

// refresh reads what has come, and returns what the topic holds.
func (x *Index) refresh(ctx context.Context, settled bool) (bounds map[int32]span, err error) {
	if x.queue == nil {
		if x.queue, err = Open(ctx, x.settings); err != nil {
			return nil, err
		}
	}
	x.held = false
	bounds, err = x.queue.bounds(ctx, x.settings.Names.DeadLetters)
	if errors.Is(err, kafka.ErrTopicMissing) {
		x.forget()
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for partition, b := range bounds {
		x.begin(partition, b, max(leastIndexed, maxIndexed/int64(len(bounds))))
	}
	wait := time.Duration(0)
	if settled {
		wait = ownWait
	}
	if err := x.follow(ctx, x.settings.Names.DeadLetters, bounds, x.next, wait, x.note); err != nil {
		return nil, err
	}
	marked, err := x.queue.bounds(ctx, x.settings.Names.Settled)
	switch {
	case errors.Is(err, kafka.ErrTopicMissing):
		return bounds, nil
	case err != nil:
		return nil, err
	}
	return bounds, x.follow(ctx, x.settings.Names.Settled, marked, x.nextSettled, wait, x.mark)
}

// begin says where the reading of a partition begins, and forgets what retention has removed.
func (x *Index) begin(partition int32, b span, share int64) {
	next, known := x.next[partition]
	if known && next > b.end { // the topic was deleted and made again
		known = false
		x.drop(func(r Ref) bool { return r.Partition == partition })
	}
	if !known {
		x.from[partition] = max(b.start, b.end-share)
		x.next[partition] = x.from[partition]
		x.older = x.older || x.from[partition] > b.start
		return
	}
	if b.start > x.from[partition] {
		x.from[partition], x.next[partition] = b.start, max(next, b.start)
		x.drop(func(r Ref) bool { return r.Partition == partition && r.Offset < b.start })
	}
}

func (x *Index) drop(gone func(Ref) bool) {
	for ref := range x.letters {
		if gone(ref) {
			delete(x.letters, ref)
			x.sorted = nil
		}
	}
	for ref := range x.settled {
		if gone(ref) {
			delete(x.settled, ref)
		}
	}
	for ref := range x.foreign {
		if gone(ref) {
			delete(x.foreign, ref)
		}
	}
}

// follow reads a topic on to the ends that it has.
func (x *Index) follow(
	ctx context.Context, topic string, bounds map[int32]span, next map[int32]int64, wait time.Duration,
	note func(*kgo.Record),
) error {
	var mu sync.Mutex
	deadline := time.Now().Add(wait) //nolint:forbidigo // a reader waits; nothing is folded
	readers, ctx := errgroup.WithContext(ctx)
	readers.SetLimit(indexReaders)
	for partition, b := range bounds {
		mu.Lock()
		from := max(next[partition], b.start)
		mu.Unlock()
		if from > b.end {
			from = b.start
		}
		if from >= b.end {
			continue
		}
		readers.Go(func() error {
			at := kafka.Range{Topic: topic, Partition: partition, From: from}
			_, err := kafka.ReadPartitionBy(ctx, x.queue.client, at,
				func(records []*kgo.Record, p kafka.Progress) error {
					mu.Lock()
					defer mu.Unlock()
					for _, r := range records {
						note(r)
					}
					next[partition] = p.Next
					if p.Held && time.Now().After(deadline) { //nolint:forbidigo // the same
						x.held = true
						return errEnough
					}
					return nil
				})
			if errors.Is(err, errEnough) {
				return nil
			}
			return err
		})
	}
	return readers.Wait() //nolint:wrapcheck // it names the partition
}

// note takes in a record of the dead letters.
func (x *Index) note(r *kgo.Record) {
	ref := Ref{r.Partition, r.Offset}
	l, err := Parse(r)
	if err != nil {
		x.foreign[ref] = true
		return
	}
	l.Value = nil
	l = l.clone()
	if s := x.settled[ref]; s.of(l) {
		l.Settled = s
	}
	x.letters[ref], x.sorted = &Indexed{l, len(r.Value)}, nil
}

// mark takes in a record of what is settled.
func (x *Index) mark(r *kgo.Record) {
	ref, err := ParseRef(string(r.Key))
	if err != nil || ref.Offset < x.from[ref.Partition] {
		return
	}
	delete(x.settled, ref)
	if len(r.Value) > 0 {
		x.settled[ref] = decodeSettlement(r.Value)
	}
	if old := x.letters[ref]; old != nil {
		l := *old.Letter // whoever has the old one goes on with it
		l.Settled = nil
		if s := x.settled[ref]; s.of(&l) {
			l.Settled = s
		}
		x.letters[ref], x.sorted = &Indexed{&l, old.Bytes}, nil
	}
}

// sort puts the letters in order, and forgets the oldest if there are too many.
func (x *Index) sort() {
	x.sorted = make([]*Indexed, 0, len(x.letters))
	for _, l := range x.letters {
		x.sorted = append(x.sorted, l)
	}
	slices.SortFunc(x.sorted, func(a, b *Indexed) int {
		return cmp.Or(b.Time.Compare(a.Time), compareRefs(b.Ref, a.Ref))
	})
	if len(x.sorted) <= maxIndexed {
		return
	}
	for _, l := range x.sorted[maxIndexed:] {
		delete(x.letters, l.Ref)
	}
	x.sorted, x.older = x.sorted[:maxIndexed:maxIndexed], true
}
