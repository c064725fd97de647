package livefeed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
)

// Decoder shows bytes as JSON. codecs.Registry is one.
type Decoder interface {
	ToJSON(ctx context.Context, b []byte) (typeName string, json []byte, err error)
}

// Topic is a topic to listen to.
type Topic struct {
	Name      string
	Kind      Kind
	Aggregate string // empty: of no one aggregate
	// Types are those of its records, which know what former versions are read as; may be nil.
	Types *codecs.Set
}

// Limits bounds what listeners may take. Zero fields take their default.
type Limits struct {
	// Listeners limits how many may listen at a time; 16. Each reads all of its topics from Kafka
	// by itself and decodes what it shows, some 10 µs a message.
	Listeners int
	// Backlog is how many records a listener may be behind; 10,000. A listener that is further behind
	// can't keep up, or was away for long: it wants to know what happens now, not what happened then.
	Backlog int64
	// CheckEvery is how often a listener that has records to read looks how far behind it is; 1 s.
	// It costs a request to each broker.
	CheckEvery time.Duration
	// FetchBytes is what a broker gives at a time; 1 MiB. A listener holds one such answer of each
	// broker, decompressed.
	FetchBytes int32
}

// Options says what a feed is made of.
type Options struct {
	Kafka   kafka.Settings
	Topics  []Topic
	Decoder Decoder
	Limits  Limits
	// Registerer is where the feed's metrics go.
	Registerer prometheus.Registerer
	Logger     *slog.Logger
}

// Feed makes listeners. It is safe for concurrent use, and holds nothing while there is no listener.
type Feed struct {
	options    Options
	kafka      []kgo.Opt
	aggregates map[string]string // by topic
	metrics    *metrics
	slots      chan struct{} // one is taken by each listener
}

// Errors of Listen.
var (
	// ErrTooMany says that Limits.Listeners listen already.
	ErrTooMany = errors.New("too many listeners")
	// ErrUnavailable says that Kafka didn't answer, or has not all of the topics.
	ErrUnavailable = errors.New("the live feed is not available")
)

// New makes a feed. It doesn't talk to Kafka yet.
func New(options Options) (*Feed, error) {
	l := &options.Limits
	if l.Listeners == 0 {
		l.Listeners = 16
	}
	if l.Backlog == 0 {
		l.Backlog = 10_000
	}
	if l.CheckEvery == 0 {
		l.CheckEvery = time.Second
	}
	if l.FetchBytes == 0 {
		l.FetchBytes = 1 << 20
	}
	if len(options.Topics) == 0 || options.Decoder == nil || options.Logger == nil ||
		options.Registerer == nil || min(l.Backlog, int64(l.Listeners)) < 0 {
		return nil, errors.New("livefeed: Topics, Decoder, Registerer and Logger must be set, " +
			"and no limit may be negative")
	}
	f := &Feed{
		options: options, aggregates: make(map[string]string),
		slots: make(chan struct{}, l.Listeners),
	}
	for _, t := range options.Topics {
		f.aggregates[t.Name] = t.Aggregate
	}
	opts, err := options.Kafka.Options()
	if err != nil {
		return nil, fmt.Errorf("livefeed: %w", err)
	}
	f.kafka = opts
	f.kafka = append(f.kafka,
		// An offset that is gone must be told, not skipped.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		// Markers take offsets; seen, they let the position move past them.
		kgo.KeepControlRecords(),
		kgo.FetchMaxBytes(l.FetchBytes), kgo.FetchMaxPartitionBytes(l.FetchBytes/4),
		kgo.FetchMaxWait(fetchWait),
		// Ending a session would take a request when a listener leaves.
		kgo.DisableFetchSessions())
	f.metrics, err = newMetrics(options.Registerer)
	return f, err
}

// fetchWait is the long poll; what arrives ends it at once.
const fetchWait = time.Second

// Listen begins to listen: at the end, or at the position behind an item that a listener with the
// same filter got, from whichever process. ctx limits the beginning only. Close the listener.
//
// The error is ErrTooMany, ErrPosition, ErrUnavailable, or ctx's.
func (f *Feed) Listen(ctx context.Context, filter Filter, after string) (*Listener, error) {
	select {
	case f.slots <- struct{}{}:
	default:
		return nil, fmt.Errorf("%w: %d", ErrTooMany, f.options.Limits.Listeners)
	}
	f.metrics.listeners.Inc()
	l := &Listener{feed: f, filter: filter}
	if err := l.begin(ctx, after); err != nil {
		l.Close()
		if ctx.Err() != nil {
			err = errors.Join(ctx.Err(), err)
		}
		return nil, err
	}
	return l, nil
}
