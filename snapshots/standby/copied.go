package standby

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// copied is one partition of a topic that is followed.
type copied struct {
	group  *Group
	topic  *Topic
	at     kafka.TopicPartition
	ctx    context.Context //nolint:containedctx // ends when the partition is let go
	cancel context.CancelFunc
	done   chan struct{} // closed when the store is closed
	broken chan error    // of one: the copy takes nothing in any more

	mu    sync.Mutex
	store Copy  // nil: nothing is taken in
	seen  int64 // the offset after the last one that was read, markers included
	end   int64 // of the topic, when that was fetched
}

func newCopied(g *Group, topic *Topic, partition int32) *copied {
	c := &copied{
		group: g, topic: topic, at: kafka.TopicPartition{Topic: topic.Name, Partition: partition},
		done: make(chan struct{}), broken: make(chan error, 1),
	}
	c.ctx, c.cancel = context.WithCancel(g.of.ctx)
	return c
}

// run keeps the copy until it is let go. One that fails is opened anew.
func (c *copied) run() {
	defer close(c.done)
	o, faults := c.group.of.options, kafka.NewFaultLog(c.group.log)
	const what = "a standby's copy failed, it will be opened anew"
	for pause := o.PauseMin; ; pause = min(2*pause, o.PauseMax) {
		began := time.Now()
		err := c.keep()
		if c.ctx.Err() != nil {
			return
		}
		if time.Since(began) > o.PauseMax {
			pause = o.PauseMin
		}
		o.Metrics.restarted(c.at.Topic)
		faults.Failed(slog.LevelWarn, what, err, "topic", c.at.Topic, "partition", c.at.Partition,
			"in", pause)
		if !kafka.Sleep(c.ctx, pause) {
			return
		}
	}
}

// keep restores the copy and follows its topic, until it fails or is let go.
func (c *copied) keep() error {
	store, err := c.open()
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // never fails
	last, err := store.GetOffset(-1)
	if err != nil {
		return err //nolint:wrapcheck // it says which store
	}
	select {
	case why := <-c.broken: // what was open before
		c.group.log.Debug("a copy is opened anew already", "topic", c.at.Topic, "error", why)
	default:
	}
	c.take(store, last+1)
	c.group.of.attach(c, last+1)
	defer func() {
		c.group.of.detach(c)
		c.take(nil, 0) // waits for an Apply that is under way
	}()
	select {
	case err := <-c.broken:
		return err
	case <-store.Damaged():
		return fmt.Errorf("%s: %w", c.at, errDamaged)
	case <-c.ctx.Done():
		return c.ctx.Err()
	}
}

var errDamaged = errors.New("its files are damaged")

// open restores the store, once there is a place for that. The topics must fit: a store that opens throws
// its rows away when its topic has been replaced, and they may be the only ones that are left.
func (c *copied) open() (Copy, error) {
	select {
	case c.group.of.restores <- struct{}{}:
		defer func() { <-c.group.of.restores }()
	case <-c.ctx.Done():
		return nil, c.ctx.Err()
	}
	if err := c.group.fits(c.ctx, c.at.Partition); err != nil {
		return nil, err
	}
	store, err := c.topic.Open(c.ctx, c.at.Partition)
	if err != nil {
		return nil, err
	}
	return store, store.Open() //nolint:wrapcheck // it says which store
}

// take lets records into a store that has all before next, or lets nothing in.
func (c *copied) take(store Copy, next int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.store, c.seen, c.end = store, next, next
}

// apply files records, in the order of their offsets; end is where their topic ended when they were
// fetched.
func (c *copied) apply(records []*kgo.Record, end int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store == nil {
		return
	}
	data := make([]*kgo.Record, 0, len(records))
	for _, r := range records {
		if !r.Attrs.IsControl() {
			data = append(data, r)
		}
	}
	if len(data) > 0 {
		if err := c.store.Apply(data...); err != nil {
			c.store = nil
			c.fail(err)
			return
		}
		c.group.of.options.Metrics.applied(c.at.Topic, len(data))
	}
	if n := len(records); n > 0 {
		c.seen = records[n-1].Offset + 1
	}
	c.end = max(end, c.seen)
}

// fail has the copy opened anew.
func (c *copied) fail(why error) {
	select {
	case c.broken <- why:
	default: // it is about to be
	}
}

// lag returns how many offsets are missing, -1 if that is not known.
func (c *copied) lag() int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.store == nil {
		return -1
	}
	return c.end - c.seen
}
