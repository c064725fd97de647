package deadletters

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/processors"
)

// Settings say what a Queue works with.
type Settings struct {
	// Kafka are the options of a client: kafka.Settings.Options.
	Kafka []kgo.Opt
	// Names are those of the installation: NamesOf.
	Names Names
	// Commands are the topics into which a record may be put back when its dead letter only says
	// that it came from there.
	Commands []string
	// Facts are the topics into which nothing is ever put back, whatever a dead letter says: an
	// event that comes twice is a second event. Events, results, tables.
	Facts []string
	// RecordBytes is the largest record that the clients of Kafka send. It is required.
	RecordBytes int
	// Logger gets warnings about what takes its time. Nil: slog.Default().
	Logger *slog.Logger
}

// Names are the names that all processes share that settle dead letters of an installation.
type Names struct {
	// DeadLetters is the topic that workers set records aside in.
	DeadLetters string
	// Settled is the compacted topic of markers.
	Settled string
	// TransactionalID is shared, so that of two processes that settle at the same time one is fenced.
	TransactionalID string
}

// NamesOf returns the names of an installation with a prefix of topics.
func NamesOf(prefix string) Names {
	return Names{
		DeadLetters:     processors.DeadLetters(prefix),
		Settled:         prefix + "dead-letters-settled",
		TransactionalID: prefix + "dead-letters-settle",
	}
}

// Queue is the dead letters of an installation. It is not safe for concurrent use.
type Queue struct {
	settings Settings
	client   *kgo.Client
}

// reachTimeout limits how long Open tries to reach a broker. A broker answers within milliseconds, and a
// person is waiting.
const reachTimeout = 10 * time.Second

// Open connects to Kafka. Its error says within seconds that no broker answers. Close the Queue.
func Open(ctx context.Context, settings Settings) (*Queue, error) {
	if settings.Logger == nil {
		settings.Logger = slog.Default()
	}
	if settings.RecordBytes <= 0 {
		return nil, errors.New("deadletters: Settings.RecordBytes is not set")
	}
	client, err := kgo.NewClient(settings.Kafka...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("reach Kafka: %w", err)
	}
	return &Queue{settings: settings, client: client}, nil
}

// Close closes the connections.
func (q *Queue) Close() { q.client.Close() }

// bounds asks what the partitions of a topic hold. The end is the high watermark, uncommitted
// records included. The error is kafka.ErrTopicMissing if there is no such topic.
func (q *Queue) bounds(ctx context.Context, topic string) (map[int32]span, error) {
	admin := kadm.NewClient(q.client)
	starts, err := offsets(admin.ListStartOffsets(ctx, topic))
	if err != nil {
		return nil, fmt.Errorf("ask where topic %s begins: %w", topic, err)
	}
	ends, err := offsets(admin.ListEndOffsets(ctx, topic))
	if err != nil {
		return nil, fmt.Errorf("ask where topic %s ends: %w", topic, err)
	}
	bounds := make(map[int32]span, len(ends))
	for partition, end := range ends {
		bounds[partition] = span{starts[partition], end}
	}
	return bounds, nil
}

// offsets takes apart what kadm listed for one topic.
func offsets(listed kadm.ListedOffsets, err error) (map[int32]int64, error) {
	if err == nil {
		err = listed.Error()
	}
	switch {
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return nil, fmt.Errorf("%w: %w", kafka.ErrTopicMissing, err)
	case err != nil:
		return nil, err
	}
	found := make(map[int32]int64)
	listed.Each(func(l kadm.ListedOffset) { found[l.Partition] = l.Offset })
	return found, nil
}

// Pin limits a selection to what is in the topic now, so that what a person has seen and agreed to is what is
// done.
func (q *Queue) Pin(ctx context.Context, s Selection) (Selection, error) {
	bounds, err := q.bounds(ctx, q.settings.Names.DeadLetters)
	if err != nil {
		return s, err
	}
	s.ends = make(map[int32]int64, len(bounds))
	for partition, b := range bounds {
		s.ends[partition] = b.end
	}
	return s, nil
}

// plan says what to read for a selection.
type plan struct {
	bounds map[int32]span // of the whole topic
	spans  map[int32]span // of the selection
}

func (q *Queue) plan(ctx context.Context, s *Selection) (plan, error) {
	topic := q.settings.Names.DeadLetters
	bounds, err := q.bounds(ctx, topic)
	if err != nil {
		return plan{}, err
	}
	var since map[int32]int64
	if !s.Since.IsZero() {
		// All that is before the first record of that time is older.
		listed, err := kadm.NewClient(q.client).ListOffsetsAfterMilli(ctx, s.Since.UnixMilli(), topic)
		if since, err = offsets(listed, err); err != nil {
			return plan{}, fmt.Errorf("ask where topic %s is at %s: %w", topic,
				s.Since.Format(time.RFC3339), err)
		}
	}
	if len(s.Refs) > 0 {
		s.refs = make(map[Ref]bool, len(s.Refs))
		for _, ref := range s.Refs {
			s.refs[ref] = true
		}
	}
	return plan{bounds, s.spans(bounds, since)}, nil
}

// missing returns why there is no record at a place, by the bounds of the topic.
func (p plan) missing(ref Ref, topic string) error {
	b, is := p.bounds[ref.Partition]
	switch {
	case !is:
		return fmt.Errorf("%w at %s: topic %s has the partitions 0 to %d", ErrMissing, ref, topic,
			len(p.bounds)-1)
	case ref.Offset < b.start:
		return fmt.Errorf("%w at %s any more: retention has removed it; partition %d begins at %d",
			ErrMissing, ref, ref.Partition, b.start)
	case ref.Offset >= b.end:
		return fmt.Errorf("%w at %s yet: partition %d ends before %d", ErrMissing, ref,
			ref.Partition, b.end)
	}
	return fmt.Errorf("%w at %s: the place is taken by the end of a transaction, or by one that was "+
		"aborted", ErrMissing, ref)
}

// ErrMissing says that there is no dead letter at a place.
var ErrMissing = errors.New("there is no dead letter")
