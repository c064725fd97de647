package processors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"refold/codecs"
)

// GuardLimits say when a Guard holds a partition: more than Share of the last Window records were
// poison. Fewer than Least records say nothing. A Share of 0, or of 1 and above, turns it off.
type GuardLimits struct {
	Share         float64
	Window, Least int
}

// Guard keeps a wrong deployment, or a wrong producer, from emptying a whole topic into the dead
// letters. It counts the records of each input partition that the graphs of one group handle, and
// holds a partition of which too many are poison: nothing more of it is set aside or handled, until
// the process is started again. It outlives the graph's processors, so that a partition that is held
// stays so when they are started again.
//
// The callback that finds out fails, which aborts its batch: the record that was too much is not set
// aside. Records of an aborted batch are handled again, but not counted again.
//
// A nil *Guard holds nothing. It is safe for concurrent use.
type Guard struct {
	limits GuardLimits
	group  string
	held   gauge
	logger *slog.Logger
	off    bool // whatever the share, nothing is held for it

	// windows are replaced, never changed, so that counting a record takes no lock of all.
	windows atomic.Pointer[map[input]*window]
	mu      sync.Mutex // of those who replace them
}

// gauge is what of a Prometheus gauge is used here.
type gauge interface{ Inc() }

// input is a partition of a topic.
type input struct {
	topic     string
	partition int32
}

// NewGuard returns the guard of a group's graph.
func NewGuard(group string, limits GuardLimits, metrics *Metrics, logger *slog.Logger) *Guard {
	limits.Window, limits.Least = max(1, limits.Window), max(1, limits.Least)
	g := &Guard{
		limits: limits, group: group, off: limits.Share <= 0 || limits.Share >= 1,
		held: metrics.held.WithLabelValues(group), logger: logger,
	}
	g.windows.Store(&map[input]*window{})
	return g
}

// Held says why a partition is held, nil if it isn't.
func (g *Guard) Held(topic string, partition int32) error {
	if g == nil {
		return nil
	}
	w := (*g.windows.Load())[input{topic, partition}]
	if w == nil {
		return nil
	}
	return w.heldBecause()
}

// Ready returns nil while no partition is held; otherwise an error that names each, where and why,
// and what to do.
func (g *Guard) Ready() error {
	if g == nil {
		return nil
	}
	windows := *g.windows.Load()
	var held []error
	for _, in := range slices.SortedFunc(maps.Keys(windows), func(a, b input) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.partition, b.partition))
	}) {
		if err := windows[in].heldBecause(); err != nil {
			held = append(held, fmt.Errorf("%s/%d is held: %w", in.topic, in.partition, err))
		}
	}
	return errors.Join(held...)
}

// handled counts a record that was handled, or is poison. The error says that the partition is held,
// since now or before: the record must be neither handled nor set aside.
func (g *Guard) handled(
	topic string, partition int32, offset int64, poison *codecs.Malformed,
) error {
	if g == nil || g.off {
		return nil
	}
	in := input{topic, partition}
	w := g.window(in)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held != nil {
		return w.held
	}
	if !w.count(offset, poison != nil) || poison == nil || w.records < g.limits.Least ||
		float64(w.poison) <= g.limits.Share*float64(w.records) {
		return nil
	}
	w.held = fmt.Errorf("too much poison at offset %d: of its last %d records %d are poison, more than "+
		"processor.poison-share (%s) allows, the last one %s: %w; mend what reads or writes them (or "+
		"roll it back), then restart the worker: docs/runbooks/poison.md", offset, w.records, w.poison,
		strconv.FormatFloat(g.limits.Share, 'g', -1, 64), poison.Reason, poison.Err)
	g.held.Inc()
	g.logger.Error("too much poison: a partition is held", "group", g.group, "topic", in.topic,
		"partition", in.partition, "offset", offset, "records", w.records, "poison", w.poison,
		"reason", poison.Reason, "error", w.held)
	return w.held
}

// wait notes that a record can't be decoded yet, and returns why. The partition is held until it can be.
func (g *Guard) wait(topic string, partition int32, offset int64, u *unread) error {
	if g == nil {
		return u.err
	}
	w := g.window(input{topic, partition})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waits, w.waitsAt = u, offset
	return w.waitsFor(u.err)
}

// StillHeld is Held after a new look at what a partition waits for, within ctx.
func (g *Guard) StillHeld(ctx context.Context, topic string, partition int32) error {
	if g == nil {
		return nil
	}
	w := g.window(input{topic, partition})
	w.mu.Lock()
	u := w.waits
	w.mu.Unlock()
	if u == nil {
		return w.heldBecause()
	}
	err := u.again(ctx) // which may take as long as a request
	w.mu.Lock()
	if w.waits == u {
		if w.waits = nil; err != nil {
			w.waits = &unread{err: err, again: u.again}
		}
	}
	w.mu.Unlock()
	return w.heldBecause()
}

// window returns the window of a partition, which may have none yet.
func (g *Guard) window(in input) *window {
	if w := (*g.windows.Load())[in]; w != nil {
		return w
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	old := *g.windows.Load()
	if w := old[in]; w != nil {
		return w
	}
	windows := make(map[input]*window, len(old)+1)
	maps.Copy(windows, old)
	windows[in] = &window{last: make([]bool, g.limits.Window), highest: -1}
	g.windows.Store(&windows)
	return windows[in]
}

// window is what the last records of a partition were.
type window struct {
	mu      sync.Mutex
	last    []bool // poison or not; a ring
	next    int    // in last
	records int    // in last, up to its length
	poison  int    // of them
	highest int64  // offset that was counted
	held    error  // why the partition is held for good; nil: it isn't

	waits   *unread // what the partition waits for; nil: nothing
	waitsAt int64
}

// waitsFor says for what the partition waits.
func (w *window) waitsFor(err error) error {
	return fmt.Errorf("the record at offset %d can't be decoded, and goes on by itself when it can: %w; "+
		"docs/runbooks/stalled.md", w.waitsAt, err)
}

// count takes a record in, unless it was before, and tells which.
func (w *window) count(offset int64, poison bool) bool {
	if offset <= w.highest {
		return false
	}
	w.highest = offset
	if w.last[w.next] {
		w.poison-- // the oldest one goes; a place that was never used is no poison
	}
	w.last[w.next] = poison
	if poison {
		w.poison++
	}
	w.next = (w.next + 1) % len(w.last)
	w.records = min(w.records+1, len(w.last))
	return true
}

func (w *window) heldBecause() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.held == nil && w.waits != nil {
		return w.waitsFor(w.waits.err)
	}
	return w.held
}
