package audittrail

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Options says where a trail is. Kafka and Topic are required.
type Options struct {
	// Kafka are the options of a client: kafka.Settings.Options.
	Kafka []kgo.Opt
	Topic string
	// At is the worker or the host that writes.
	At string
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// writeTimeout limits the writing of a record. A broker takes milliseconds, and somebody waits.
const writeTimeout = 10 * time.Second

// Trail is the audit trail of an installation. It connects when it is needed. It is safe for concurrent use.
type Trail struct {
	options Options
	mu      sync.Mutex
	client  *kgo.Client
	closed  bool
}

// New returns a trail. Close it.
func New(o Options) *Trail {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Trail{options: o}
}

// Close closes the connections.
func (t *Trail) Close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if t.client != nil {
		t.client.Close()
	}
}

// errClosed says that the program ends.
var errClosed = errors.New("the audit trail is closed")

func (t *Trail) connected() (*kgo.Client, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, errClosed
	}
	if t.client == nil {
		client, err := kgo.NewClient(append(append([]kgo.Opt(nil), t.options.Kafka...),
			kgo.RecordDeliveryTimeout(writeTimeout), kgo.ProducerLinger(0),
			kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
		if err != nil {
			return nil, fmt.Errorf("connect to Kafka: %w", err)
		}
		t.client = client
	}
	return t.client, nil
}

// ErrUnwritten says that there is no record of an operation.
var ErrUnwritten = errors.New("the audit trail can't be written")

// Entry is an operation that has begun.
type Entry struct {
	trail  *Trail
	record Record
}

// Begin writes that an operation begins; nothing may be done before. The error wraps ErrUnwritten: then
// nothing may be done at all.
func (t *Trail) Begin(ctx context.Context, r Record) (*Entry, error) {
	r.ID, r.Time, r.Stage, r.At = uuid.NewString(), t.options.Now().UTC(), Begun, t.options.At
	e := &Entry{t, r.limited()}
	if err := t.write(ctx, e.record); err != nil {
		return nil, fmt.Errorf("%w, so nothing was done: %w", ErrUnwritten, err)
	}
	return e, nil
}

// End writes how the operation ended, also if ctx has ended. The error wraps ErrUnwritten: what was done is
// done.
func (e *Entry) End(ctx context.Context, stage Stage, outcome string) error {
	r := e.record
	r.Time, r.Stage, r.Outcome = e.trail.options.Now().UTC(), stage, outcome
	if err := e.trail.write(context.WithoutCancel(ctx), r.limited()); err != nil {
		return fmt.Errorf("%w; it says that this was begun, and not how it ended: %w", ErrUnwritten, err)
	}
	return nil
}

// On says what the operation is done to, where that is known only when it is done.
func (e *Entry) On(on, path string) { e.record.On, e.record.Path = on, path }

// Ended is End for an operation that has ended with an error, or without.
func (e *Entry) Ended(ctx context.Context, err error) error {
	if err != nil {
		return errors.Join(err, e.End(ctx, Failed, err.Error()))
	}
	return e.End(ctx, Done, "")
}

// Do begins, does and ends an operation.
func (t *Trail) Do(ctx context.Context, r Record, do func() error) error {
	e, err := t.Begin(ctx, r)
	if err != nil {
		return err
	}
	return e.Ended(ctx, do())
}

// Exists reports whether the topic is there: an installation of an earlier version has none until a worker of
// this one has started.
func (t *Trail) Exists(ctx context.Context) (bool, error) {
	client, err := t.connected()
	if err != nil {
		return false, err
	}
	_, _, err = t.bounds(ctx, client)
	if errors.Is(err, kafka.ErrTopicMissing) || errors.Is(err, kerr.UnknownTopicOrPartition) {
		return false, nil
	}
	return err == nil, err
}

// write returns when the brokers have a record. franz-go does not give up what it has sent and heard nothing
// of; so the answer is not waited for longer than the time-out.
func (t *Trail) write(ctx context.Context, r Record) error {
	client, err := t.connected()
	if err != nil {
		return err
	}
	value, err := r.encode()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	written := make(chan error, 1)
	client.Produce(ctx, &kgo.Record{Topic: t.options.Topic, Key: []byte(r.ID), Value: value},
		func(_ *kgo.Record, err error) { written <- err })
	select {
	case err := <-written:
		return err
	case <-ctx.Done():
		return fmt.Errorf("Kafka does not answer: %w", context.Cause(ctx)) //nolint:staticcheck // a name
	}
}
