package load

import (
	"context"
	"errors"
	"sync"
	"time"
)

// errEnough ends a run that has sent what it was to send.
var errEnough = errors.New("enough commands")

// maxBehind is how far a run may fall behind its schedule and still make up for it. Beyond that,
// after a computer's sleep, say, the schedule begins anew.
const maxBehind = time.Minute

// pace says when a command is due. The schedule doesn't wait for answers: latency counts from when
// a command was due (and its lane free, see lanes), so that a system that stands still is seen to be slow
// by all commands that wait for it.
type pace struct {
	interval time.Duration // 0: everything is due at once
	limit    int           // commands in all; 0: no limit

	mu    sync.Mutex
	next  time.Time
	taken int
}

func newPace(rate float64, limit int) *pace {
	p := &pace{limit: limit}
	if rate > 0 {
		p.interval = time.Duration(float64(time.Second) / rate)
	}
	return p
}

// wait returns when the next command is due, having waited for it. The error is errEnough, or
// ctx's.
func (p *pace) wait(ctx context.Context) (due time.Time, err error) {
	if due, err = p.take(time.Now()); err != nil {
		return due, err
	}
	if err := pause(ctx, time.Until(due)); err != nil {
		return due, err
	}
	return due, nil
}

func (p *pace) take(now time.Time) (time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit > 0 && p.taken >= p.limit {
		return now, errEnough
	}
	p.taken++
	if p.interval == 0 {
		return now, nil
	}
	if p.next.Before(now.Add(-maxBehind)) {
		p.next = now
	}
	due := p.next
	p.next = due.Add(p.interval)
	return due, nil
}

// pause waits, and fails when ctx ends before.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Pauses between two tries: the first is short, since most troubles are over at once.
const (
	minPause = 20 * time.Millisecond
	maxPause = 2 * time.Second
)

// backoff waits longer with every try.
type backoff struct{ last time.Duration }

func (b *backoff) wait(ctx context.Context) error {
	b.last = min(max(2*b.last, minPause), maxPause)
	return pause(ctx, b.last)
}
