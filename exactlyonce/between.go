package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka/storage"
)

// Session is the time from when a worker's tables are restored until its partitions are taken away.
// Config.Background gets it, and must not use it after it has returned.
type Session interface {
	// Partitions of the group table, in order; none if the graph has no table.
	Partitions() []int32

	// Generation is the group's generation in which the worker got the partitions. Of two workers that take
	// themselves for the owner of one, that of the higher generation is.
	Generation() int32

	// Table returns the live store of a partition, to read from: it holds committed rows and, on top of
	// them, those that are not committed yet. Neither it nor an iterator of it may be used after Background
	// has returned. The error is ErrSessionEnded if the session is over.
	Table(partition int32) (storage.Storage, error)

	// Holds reports whether the group certainly counts this worker as the owner of the session's partitions:
	// the coordinator has answered within the session time-out. While it does not, another worker may own
	// them and have written what this one's stores lack. It costs a lock.
	Holds() bool

	// Between runs fn between two transactions: everything that was handled before is committed, and nothing
	// is handled until fn has returned and its rows are committed. They have a transaction of their own,
	// which is fenced as all are: it also commits the partition's offsets as they are, and so is refused if
	// the partition has another owner by now (G5). When Between returns nil, the rows are in the table's
	// topic and in the local store.
	//
	// An error means that nothing was written, unless it is ErrOutcomeUnknown. It is ErrSessionEnded if the
	// session ends meanwhile; the error that fn returned, or its panic; the end of ctx or of
	// Config.BetweenTimeout (fn's context ends in all of these cases); or why the brokers did not take the
	// rows, ErrRefused if they never will. No error ends the worker.
	//
	// Between holds up the whole graph on this worker, all partitions, so fn should take milliseconds.
	// Callers take turns, and records are handled in between. fn must not call Between.
	Between(ctx context.Context, partition int32,
		fn func(ctx context.Context, rows RowWriter) error) error
}

// RowWriter reads and writes rows of one partition of the group table while nothing else is handled. It may
// be used by one goroutine at a time, until the function that it was given to returns.
type RowWriter interface {
	// Get returns a row, nil if there is none. The caller must not change it.
	Get(key string) ([]byte, error)
	// Set writes a row. The value must not be nil, and must not be changed any more. Set and Delete return
	// ErrRefused when the rows are more than one transaction may hold (Config.BatchBytes).
	Set(key string, value []byte) error
	// Delete removes a row.
	Delete(key string) error
}

var (
	// ErrSessionEnded says that partitions were taken away, or that the worker stops.
	ErrSessionEnded = errors.New("the session has ended")
	// ErrOutcomeUnknown says that a transaction may have been committed or not: the brokers did not answer.
	// The table shows which in the next session.
	ErrOutcomeUnknown = errors.New("nobody knows whether it was committed")
	// ErrRefused says that rows are larger than what the brokers or the configuration allow: the same rows
	// are refused every time.
	ErrRefused = errors.New("the rows are refused for good")

	errNoTable = errors.New("the graph has no group table")
	errTooLong = errors.New("it held the graph up for longer than Config.BetweenTimeout")
)

// liveSession is a Session.
type liveSession struct {
	*session
	run *run
}

var _ Session = liveSession{}

// Partitions returns the partitions of the table.
func (l liveSession) Partitions() []int32 { return l.partitions() }

// Generation is the group's generation in which the worker got the partitions.
func (l liveSession) Generation() int32 { return l.generation }

// Holds reports whether the group certainly counts this worker as the owner.
func (l liveSession) Holds() bool { return !leased || l.run.lease.holds() }

// Table returns the table of a partition, to read from.
func (l liveSession) Table(partition int32) (storage.Storage, error) {
	t, err := l.table(partition)
	if err != nil {
		return nil, err
	}
	return readOnly{t}, nil
}

// Between runs fn between two transactions.
func (l liveSession) Between(
	ctx context.Context, partition int32, fn func(context.Context, RowWriter) error,
) error {
	t, err := l.table(partition)
	if err != nil {
		return err
	}
	b := &between{table: t, granted: make(chan struct{}), told: make(chan error, 1)}
	b.ctx, b.cancel = context.WithCancelCause(ctx)
	defer b.cancel(nil)
	if !l.run.post(func() { l.run.ask(l.session, b) }) {
		return ErrSessionEnded
	}
	select {
	case <-b.granted:
		return l.run.call(b, fn)
	case err := <-b.told:
		return err
	case <-l.run.done:
		return ErrSessionEnded
	case <-ctx.Done():
		l.run.post(func() { l.run.withdraw(b) })
		return context.Cause(ctx)
	}
}

// between is one call of Between.
type between struct {
	table   *sessionTable
	ctx     context.Context //nolint:containedctx // it ends for reasons of two sides
	cancel  context.CancelCauseFunc
	granted chan struct{} // closed when it has its turn
	since   time.Time     // when it got its turn
	told    chan error    // its result; the first one counts
	rows    rowWriter
	// airborne: the rows are in a transaction, whose end will be reported.
	airborne atomic.Bool
}

// tell ends the call with a result, unless it has one.
func (b *between) tell(err error) {
	select {
	case b.told <- err:
	default:
	}
}

// landed ends the call by the outcome of its transaction.
func (b *between) landed(o outcome, err error) {
	switch {
	case o == committed:
		b.tell(nil)
	case o == unknown:
		b.tell(fmt.Errorf("%w: %w", ErrOutcomeUnknown, err))
	case o == refused:
		b.tell(fmt.Errorf("%w: %w", ErrRefused, err))
	case errors.Is(err, errForsaken):
		b.tell(ErrSessionEnded)
	default:
		b.tell(err)
	}
}

// call runs fn, which has its turn, in its caller's goroutine. The end of its context ends its turn, so that
// a function that doesn't return holds up nothing but its caller.
func (r *run) call(b *between, fn func(context.Context, RowWriter) error) error {
	ctx, end := context.WithTimeoutCause(b.ctx, r.engine.cfg.BetweenTimeout, errTooLong)
	defer end()
	b.rows = rowWriter{ctx: ctx, table: b.table, most: r.engine.cfg.BatchBytes}
	over := func(err error) bool { return r.post(func() { r.finish(b, err) }) }
	late := context.AfterFunc(ctx, func() { over(context.Cause(ctx)) })
	err := protect(func() error { return fn(ctx, &b.rows) })
	late()
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if !over(err) {
		return ErrSessionEnded
	}
	select {
	case err := <-b.told:
		return err
	case <-r.done:
	}
	if b.airborne.Load() {
		// The transaction's context ends it, after Kafka.TransactionTimeout at the latest, and tearDown
		// reports the outcome.
		return <-b.told
	}
	return ErrSessionEnded
}

// protect calls fn and makes an error of a panic.
func protect(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return fn()
}

// ask queues a call.
func (r *run) ask(s *session, b *between) {
	if r.session != s {
		b.tell(ErrSessionEnded)
		return
	}
	r.asking = append(r.asking, b)
	r.do(r.machine.AskBetween())
}

// withdraw ends a call whose caller waits no more.
func (r *run) withdraw(b *between) {
	if i := slices.Index(r.asking, b); i >= 0 {
		r.asking = slices.Delete(r.asking, i, i+1)
		r.do(r.machine.WithdrawBetween())
		return
	}
	r.finish(b, context.Canceled)
}

// giveTurn gives the first of the queue its turn.
func (r *run) giveTurn() {
	r.inTurn = r.asking[0]
	r.asking = slices.Delete(r.asking, 0, 1)
	r.inTurn.since = time.Now()
	close(r.inTurn.granted)
}

// finish ends a call's turn. Its rows, unless there was an error, go into a transaction.
func (r *run) finish(b *between, err error) {
	if r.inTurn != b {
		return
	}
	r.inTurn = nil
	r.engine.cfg.Metrics.held(time.Since(b.since))
	if err == nil && len(b.rows.written) > 0 {
		if err = b.rows.stage(); err == nil {
			r.rewritten = b
			r.do(r.machine.BetweenDone(true))
			return
		}
		r.session.discard()
	}
	b.tell(err)
	r.do(r.machine.BetweenDone(false))
}

// commitRows starts the transaction of the rows that the last call wrote. Nothing else is written to any
// table at this moment.
func (r *run) commitRows(a action) {
	b := r.rewritten
	r.rewritten = nil
	b.airborne.Store(true)
	s := r.session
	r.fly(r.producers[a.Producer], &batch{
		session: s, bytes: b.rows.bytes, between: b, layers: s.seal(time.Now(), nil),
		next: s.standing(b.table.at.Partition, a.Offsets),
	})
}

// dismissCallers ends all calls: the session has ended.
func (r *run) dismissCallers() {
	all := r.asking
	if r.inTurn != nil {
		all = append(all, r.inTurn)
	}
	r.asking, r.inTurn = nil, nil
	for _, b := range all {
		b.tell(ErrSessionEnded)
		b.cancel(ErrSessionEnded)
	}
}

// background starts the work that the caller wants to go on beside the session.
func (r *run) background(s *session) {
	if r.engine.cfg.Background != nil {
		s.work.Go(func() { r.engine.cfg.Background(s.ctx, liveSession{s, r}) })
	}
}
