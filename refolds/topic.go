package refolds

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// TopicName returns the name of the topic of refolds.
func TopicName(prefix string) string { return prefix + "refolds" }

// fetchBytes is asked for at a time: the topic is small.
const fetchBytes = 256 << 10

// Topic follows the topic of refolds, and writes to it. All methods may be called at the same time.
type Topic struct {
	name   string
	client *kgo.Client
	log    *slog.Logger
	cancel context.CancelFunc
	done   chan struct{}

	mu      sync.Mutex
	board   Board
	next    int64         // records below it are on the board
	changed chan struct{} // closed with the next change
}

// Open begins to follow the topic, which must exist; it does not wait for it. Close it.
func Open(settings kafka.Settings, name string, log *slog.Logger) (*Topic, error) {
	opts, err := settings.Options()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(append(opts,
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{name: {0: kgo.NewOffset().AtStart()}}),
		kgo.FetchMaxBytes(fetchBytes), kgo.DefaultProduceTopic(name))...)
	if err != nil {
		return nil, fmt.Errorf("refolds: make a client: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t := &Topic{
		name: name, client: client, log: log, cancel: cancel,
		done: make(chan struct{}), changed: make(chan struct{}),
	}
	go t.follow(ctx)
	return t, nil
}

// Close ends it.
func (t *Topic) Close() {
	t.cancel()
	<-t.done
	t.client.Close()
}

// faultPause keeps a fetch that fails at once from being repeated at once.
const faultPause = 200 * time.Millisecond

func (t *Topic) follow(ctx context.Context) {
	defer close(t.done)
	for ctx.Err() == nil {
		fetches := t.client.PollFetches(ctx)
		fetches.EachError(func(_ string, _ int32, err error) {
			if ctx.Err() == nil {
				t.log.Warn("reading the topic of refolds", "topic", t.name, "error", err)
				pause(ctx, faultPause)
			}
		})
		t.apply(fetches.Records())
	}
}

func (t *Topic) apply(records []*kgo.Record) {
	if len(records) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range records {
		if string(r.Key) != barrierKey {
			if err := t.board.Apply(r.Key, r.Value); err != nil {
				t.log.Warn("a record is left out", "topic", t.name, "offset", r.Offset, "error", err)
			}
		}
		t.next = r.Offset + 1
	}
	close(t.changed)
	t.changed = make(chan struct{})
}

// Look calls fn with the board, which fn must not keep, and returns a channel that is closed when the
// board has changed since.
func (t *Topic) Look(fn func(*Board)) (changed <-chan struct{}) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fn(&t.board)
	return t.changed
}

// Wait calls fn with the board, now and after each change, until it returns true or ctx ends.
func (t *Topic) Wait(ctx context.Context, fn func(*Board) bool) error {
	for {
		var enough bool
		changed := t.Look(func(b *Board) { enough = fn(b) })
		if enough {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// barrierKey is of records that say nothing.
const barrierKey = "barrier"

// writeTimeout limits a write and its way back: brokers find another leader within seconds. A variable for
// the sake of tests.
var writeTimeout = 30 * time.Second

// ErrUnknown says that a write was not answered, or did not come back, in time: it may be on the topic later.
var ErrUnknown = errors.New("the topic of refolds does not answer in time")

// CatchUp waits until the board holds everything that was written before the call, but not for ever. It
// writes a record, and waits until that comes back: compaction and transactions make the end of a log a poor
// sign. The error is ErrUnknown if that takes longer than half a minute.
func (t *Topic) CatchUp(ctx context.Context) error {
	return t.write(ctx, &kgo.Record{Key: []byte(barrierKey)})
}

// write writes records and waits until they are on the board.
func (t *Topic) write(ctx context.Context, records ...*kgo.Record) error {
	ctx, cancel := context.WithTimeoutCause(ctx, writeTimeout, ErrUnknown)
	defer cancel()
	// The client does not give up what it has sent once, for as long as no broker answers; its caller does.
	answer := make(chan kgo.ProduceResults, 1)
	go func() { answer <- t.client.ProduceSync(ctx, records...) }() // ends with the client, at the latest
	var results kgo.ProduceResults
	select {
	case results = <-answer:
	case <-ctx.Done():
		return fmt.Errorf("writing to the topic %s: %w", t.name, context.Cause(ctx))
	}
	var last int64
	var errs []error
	for _, result := range results {
		errs = append(errs, result.Err)
		last = max(last, result.Record.Offset)
	}
	if err := errors.Join(errs...); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("writing to the topic %s: %w", t.name, err)
	}
	if t.Wait(ctx, func(*Board) bool { return t.next > last }) != nil {
		return fmt.Errorf("reading back from the topic %s: %w", t.name, context.Cause(ctx))
	}
	return nil
}

// put writes records, values as JSON and nil as nothing, and waits until they are on the board, as CatchUp
// does.
func (t *Topic) put(ctx context.Context, values map[key]any) error {
	records := make([]*kgo.Record, 0, len(values))
	for k, v := range values {
		r := &kgo.Record{Key: []byte(k.String())}
		if v != nil {
			var err error
			if r.Value, err = json.Marshal(v); err != nil {
				return fmt.Errorf("refolds: encode %s: %w", k, err)
			}
		}
		records = append(records, r)
	}
	return t.write(ctx, records...)
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
