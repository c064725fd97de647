package inspect

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Cat shows the records of a topic that the options mean, up to the ends that its partitions have at the time
// of the call, and beyond them with Options.Follow. Transaction markers and records that are left out do not
// keep it from an end. show must not keep the record.
//
// Records of several partitions are shown in order of time, as far as those of each partition are: it is
// always the earliest among the next records of the partitions. After the ends, that is so for what arrives
// together.
//
// Until and Since are found by the brokers' index of times. With timestamps of producers, a record may stand
// behind a later one: such a record is missing if the later one is at Until or after it.
//
// A partition that can't be read ends there, and the others go on; the error lists all of those at the end.
// An error of show ends the reading, and is returned. The Report is right in any case.
func Cat(ctx context.Context, o Options, show func(*Record) error) (Report, error) {
	if err := o.Check(); err != nil {
		return Report{}, err
	}
	if o.Patience == 0 {
		o.Patience = DefaultPatience
	}
	cl, err := o.Kafka.Client()
	if err != nil {
		return Report{}, fmt.Errorf("read topic %s: %w", o.Topic, err)
	}
	defer cl.Close()
	c := &cat{Options: o, cl: cl, decoder: decoder{registry: o.Registry}}
	c.show = func(r *Record) error {
		if err := show(r); err != nil {
			return err
		}
		c.report.Shown++
		if c.report.Shown == o.Limit {
			return errLimit
		}
		return nil
	}
	err = c.run(ctx)
	if errors.Is(err, errLimit) {
		err = nil
	}
	slices.SortFunc(c.report.Open, func(a, b OpenEnd) int { return int(a.Partition - b.Partition) })
	return c.report, err
}

// Reasons to end a reading that are no errors.
var (
	errLimit = errors.New("the limit is reached")
	errEnd   = errors.New("the end is reached")
	errOpen  = errors.New("a transaction is open for too long")
)

// cat is one call of Cat.
type cat struct {
	Options
	cl      *kgo.Client
	decoder decoder
	show    func(*Record) error

	mu     sync.Mutex // of the report; Shown has one writer
	report Report
}

func (c *cat) run(ctx context.Context) error {
	spans, err := c.spans(ctx, c.cl)
	if err != nil {
		return err
	}
	for _, s := range spans {
		c.report.Partitions = append(c.report.Partitions, s.partition)
	}
	ends, err := c.read(ctx, spans)
	if err != nil || !c.Follow {
		return err
	}
	return c.follow(ctx, ends)
}

// read shows what is in spans, and returns where each partition goes on.
func (c *cat) read(ctx context.Context, spans []span) (map[int32]int64, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var (
		readers sync.WaitGroup
		nexts   = make([]next, len(spans))
		ends    = make([]int64, len(spans))
		errs    = make([]error, len(spans))
	)
	if c.Tail > 0 {
		c.shorten(ctx, spans, errs)
	}
	for i, s := range spans {
		if ends[i] = s.from; errs[i] != nil {
			nexts[i] = func() (*Record, bool) { return nil, false }
			continue
		}
		records := make(chan *Record)
		nexts[i] = func() (*Record, bool) { r, is := <-records; return r, is }
		readers.Go(func() {
			defer close(records)
			ends[i], errs[i] = c.partition(ctx, s, len(spans), records)
		})
	}
	err := merge(nexts, c.show)
	cancelled := ctx.Err()
	cancel()
	readers.Wait()
	if err != nil {
		return nil, err
	}
	if cancelled != nil {
		return nil, cancelled //nolint:wrapcheck // the caller's own
	}
	at := make(map[int32]int64, len(spans))
	for i, s := range spans {
		at[s.partition] = ends[i]
	}
	return at, errors.Join(errs...)
}

// partition sends the records of a span that are meant, and returns the offset after the last that was read.
func (c *cat) partition(ctx context.Context, s span, of int, to chan<- *Record) (int64, error) {
	return c.scan(ctx, s, of, func(r *kgo.Record) error {
		shown, is := c.keep(ctx, r)
		if !is {
			return nil
		}
		select {
		case to <- shown:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
}

// scan calls fn for each record of a span, as one of so many partitions that are read at once, and returns
// the offset after the last. It ends before a transaction that is open for too long.
func (c *cat) scan(ctx context.Context, s span, of int, fn func(*kgo.Record) error) (int64, error) {
	if s.from >= s.to {
		return s.from, nil
	}
	var held time.Time
	next, err := kafka.ReadPartitionBy(ctx, c.cl, kafka.Range{
		Topic: c.Topic, Partition: s.partition, From: s.from, Uncommitted: c.Uncommitted,
		FetchBytes: int32(min(max(fetchBytes/of, leastFetchBytes), mostFetchBytes)),
	}, func(records []*kgo.Record, p kafka.Progress) error {
		for _, r := range records {
			if r.Offset >= s.to {
				return errEnd
			}
			if err := fn(r); err != nil {
				return err
			}
		}
		switch {
		case p.End >= 0 && p.Next >= s.to:
			return errEnd
		case !p.Held:
			held = time.Time{}
		case held.IsZero() && !c.Follow:
			held = time.Now()
		case c.Follow || time.Since(held) >= c.Patience: // who follows need not wait here
			c.mu.Lock()
			defer c.mu.Unlock()
			c.report.Open = append(c.report.Open, OpenEnd{s.partition, p.Next, s.to})
			return errOpen
		}
		return nil
	})
	switch {
	case errors.Is(err, errEnd):
		return s.to, nil
	case errors.Is(err, errOpen):
		return next, nil
	case err != nil:
		return next, fmt.Errorf("partition %d: %w", s.partition, err)
	}
	return next, nil
}

// shorten moves the beginnings of spans up to the last Tail records of each. It fills in errs by span.
func (c *cat) shorten(ctx context.Context, spans []span, errs []error) {
	var readers sync.WaitGroup
	for i, s := range spans {
		readers.Go(func() { spans[i].from, errs[i] = c.tail(ctx, s, len(spans)) })
	}
	readers.Wait()
	c.report.Open = nil // they are met again
}

// tail returns the offset from which on a span has Tail records. Markers and records that are left out take
// offsets, too, so that it looks further and further back.
func (c *cat) tail(ctx context.Context, s span, of int) (int64, error) {
	for back := 2 * int64(c.Tail); ; back *= 4 {
		last := make([]int64, c.Tail) // a ring of offsets
		n := 0
		from := max(s.from, s.to-back)
		_, err := c.scan(ctx, span{s.partition, from, s.to}, of, func(r *kgo.Record) error {
			last[n%c.Tail] = r.Offset
			n++
			return nil
		})
		switch {
		case err != nil:
			return s.from, err
		case n >= c.Tail:
			return last[n%c.Tail], nil
		case from == s.from:
			return s.from, nil
		}
	}
}

// keep returns a record as it is shown, and whether it is meant.
func (c *cat) keep(ctx context.Context, r *kgo.Record) (*Record, bool) {
	if c.From != nil && r.Offset < *c.From || !c.early(r) {
		return nil, false
	}
	shown := envelope(r)
	c.decoder.decode(ctx, &shown)
	if !c.late(&shown) {
		return nil, false
	}
	if c.Where != nil {
		is, err := c.Where.matches(ctx, &shown)
		if err != nil && ctx.Err() == nil {
			c.failed(&Failure{r.Partition, r.Offset, err})
		}
		if !is || err != nil {
			return nil, false
		}
	}
	shown.raw = nil // it keeps the whole answer in memory
	return &shown, true
}

func (c *cat) failed(f *Failure) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.report.Failed++
	first := c.report.FirstFailure
	if first == nil || f.Partition < first.Partition ||
		f.Partition == first.Partition && f.Offset < first.Offset {
		c.report.FirstFailure = f
	}
}
