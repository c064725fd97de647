package reader

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// DefaultBatch is how many records are handled between two commits of offsets, at most.
const DefaultBatch = 1000

// commitTimeout limits a commit of offsets when the reader stops.
const commitTimeout = 10 * time.Second

// Options say what is read. All fields but Batch and Skipped are required.
type Options struct {
	Kafka    kafka.Settings
	Registry codecs.RegistrySettings
	// Topic is the events topic, such as "garage-events"; Group the consumer group of the service.
	Topic, Group string
	// Namespace is that of the events' Avro records: "garages" for an aggregate whose definition says nothing
	// else.
	Namespace string
	// Batch is how many records are handled between two commits of offsets, at most; 0: DefaultBatch.
	Batch int
	// Skipped is called for each record of a type that the service has not declared; may be nil.
	Skipped func(recordType string)
}

// EventType is a type of events. Make it with [Type].
type EventType struct {
	record func(namespace string) codecs.Type
}

// Type declares the events that are a T, by the name of the Go type.
func Type[T any]() EventType {
	return EventType{func(namespace string) codecs.Type {
		return codecs.RecordOf[T](codecs.StructOptions{Namespace: namespace})
	}}
}

// Reader reads events. It is used once.
type Reader struct {
	options  Options
	registry *codecs.Registry
	events   *codecs.Set
}

// New returns a reader of the types. It connects to nothing yet. The error lists all that is wrong.
func New(o Options, types ...EventType) (*Reader, error) {
	for name, missing := range map[string]bool{
		"Topic": o.Topic == "", "Group": o.Group == "", "Namespace": o.Namespace == "",
		"types": len(types) == 0,
	} {
		if missing {
			return nil, fmt.Errorf("reader: %s is missing", name)
		}
	}
	if err := o.Kafka.Validate(); err != nil {
		return nil, fmt.Errorf("reader: %w", err)
	}
	o.Batch = cmp.Or(o.Batch, DefaultBatch)
	o.Registry.Mode = codecs.LookUp // the events' writer registers schemas, a reader never does
	registry, err := codecs.NewRegistry(o.Registry)
	if err != nil {
		return nil, fmt.Errorf("reader: %w", err)
	}
	records := make([]codecs.Type, len(types))
	for i, t := range types {
		records[i] = t.record(o.Namespace)
	}
	events, err := codecs.NewSet(registry, records...)
	if err != nil {
		registry.Close()
		return nil, fmt.Errorf("reader: %w", err)
	}
	return &Reader{options: o, registry: registry, events: events}, nil
}

// EventError is an event that can't be read by the service. A restart meets it again: the struct has to fit.
type EventError struct {
	Topic     string
	Partition int32
	Offset    int64
	Err       error
}

// Error says which record it is, and what is wrong.
func (e *EventError) Error() string {
	return fmt.Sprintf("read the event at %s/%d offset %d: %v", e.Topic, e.Partition, e.Offset, e.Err)
}

// Unwrap returns what is wrong; a *codecs.Malformed has a reason.
func (e *EventError) Unwrap() error { return e.Err }

// Run reads until ctx ends, which is no error, or until handle or an event fails. handle is called for one
// event at a time. What it has returned nil for is committed, at the latest when Run returns.
func (r *Reader) Run(
	ctx context.Context, handle func(context.Context, eventsourcing.Envelope[any]) error,
) (err error) {
	defer r.registry.Close()
	client, err := r.options.Kafka.Client(
		kgo.ConsumerGroup(r.options.Group), kgo.ConsumeTopics(r.options.Topic),
		kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
	)
	if err != nil {
		return fmt.Errorf("reader: %w", err)
	}
	defer client.CloseAllowingRebalance()
	for {
		fetches := client.PollRecords(ctx, r.options.Batch)
		if ctx.Err() != nil {
			return nil // told to stop
		}
		if err := fetches.Err(); err != nil {
			return fmt.Errorf("read %s: %w", r.options.Topic, err)
		}
		handled, err := r.batch(ctx, fetches.Records(), handle)
		err = errors.Join(err, commit(ctx, client, handled))
		if err != nil || ctx.Err() != nil {
			return err
		}
		client.AllowRebalance()
	}
}

// batch handles records, and returns those that need not come again.
func (r *Reader) batch(
	ctx context.Context, records []*kgo.Record,
	handle func(context.Context, eventsourcing.Envelope[any]) error,
) (handled []*kgo.Record, err error) {
	for i, record := range records {
		events, err := r.eventsOf(ctx, record)
		for at := 0; at < len(events) && err == nil; at++ {
			err = handle(ctx, events[at])
		}
		if err != nil {
			return records[:i], err
		}
	}
	return records, nil
}

// eventsOf returns the event of a record; none if it is of none of the types, or means nothing today, and
// several of a former version that has become several.
func (r *Reader) eventsOf(
	ctx context.Context, record *kgo.Record,
) ([]eventsourcing.Envelope[any], error) {
	data, err := r.events.Decode(ctx, codecs.Framed(record.Headers, record.Value))
	if malformed, poison := errors.AsType[*codecs.Malformed](err); poison &&
		malformed.Reason == codecs.ReasonUnknownType {
		if r.options.Skipped != nil {
			r.options.Skipped(string(kafka.Header(record.Headers, codecs.HeaderType)))
		}
		return nil, nil
	}
	metadata, _, headers := codecs.StoredMetadata(record.Headers)
	if err := errors.Join(err, headers); err != nil {
		return nil, &EventError{record.Topic, record.Partition, record.Offset, err}
	}
	metadata.Subject = string(record.Key)
	upcast, is := data.(codecs.Upcast)
	if !is {
		return []eventsourcing.Envelope[any]{{Metadata: metadata, Data: data}}, nil
	}
	events := make([]eventsourcing.Envelope[any], len(upcast.Values))
	for i, value := range upcast.Values {
		events[i] = eventsourcing.Envelope[any]{Metadata: metadata, Data: value}
		events[i].Type = eventsourcing.TypeName(value)
		if i > 0 {
			events[i].ID = metadata.ID + "." + strconv.Itoa(i)
		}
	}
	return events, nil
}

// commit commits the offsets behind records, also when ctx has ended.
func commit(ctx context.Context, client *kgo.Client, handled []*kgo.Record) error {
	if len(handled) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), commitTimeout)
	defer cancel()
	if err := client.CommitRecords(ctx, handled...); err != nil {
		return fmt.Errorf("commit the offsets: %w", err)
	}
	return nil
}
