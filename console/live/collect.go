package live

import (
	"context"
	"sync"

	"refold/client"
)

// collector takes what comes, and keeps as much of it as is shown.
type collector struct {
	most int // messages that are kept until they are taken

	mu      sync.Mutex
	matcher *matcher
	now     batch
}

// batch is what came since the last look.
type batch struct {
	items    []*client.Item // the latest ones, the oldest first
	left     int            // as many were left out before them
	missed   int64          // at most so many never came here
	why      string         // they were missed
	position string         // behind all of it
	unlooked int            // messages that the expression was not tried on: it took too long
	failed   int            // messages that the expression has no value for
	failure  string         // of the last of them
}

func newCollector(m *matcher, most int) *collector { return &collector{most: most, matcher: m} }

// listen takes messages until ctx ends, or enough are there: enough is called with how many are kept.
func (c *collector) listen(ctx context.Context, api API, after string, enough func(kept int) bool) error {
	for item, err := range api.Listen(ctx, c.matcher.listen(after)) {
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if enough(c.add(ctx, item)) {
			return nil
		}
	}
	return nil
}

// add takes an item, and returns how many are kept.
func (c *collector) add(ctx context.Context, item *client.Item) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now.position = item.Position
	switch {
	case item.Missed != nil:
		c.now.missed += item.Missed.Records
		c.now.why = item.Missed.Why()
	case item.Message != nil && c.matcher.fits(ctx, item.Message):
		if len(c.now.items) == c.most {
			c.now.items = append(c.now.items[:0], c.now.items[1:]...)
			c.now.left++
		}
		c.now.items = append(c.now.items, item)
	}
	return len(c.now.items)
}

// take returns what came since the last call.
func (c *collector) take() batch {
	c.mu.Lock()
	defer c.mu.Unlock()
	taken := c.now
	m := c.matcher
	taken.unlooked, taken.failed, taken.failure = m.unlooked, m.failed, m.failure
	m.unlooked, m.failed = 0, 0
	c.now = batch{}
	return taken
}

// isEmpty reports whether there is nothing to tell.
func (b *batch) isEmpty() bool { return b.position == "" }
