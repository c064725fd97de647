package reactions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// Reaction is what is done in the world outside for the events of an aggregate. Name and From are required.
type Reaction struct {
	processors.Defined

	// Name is the reaction's in its consumer group, in keys, dead letters and metrics. It must stay the same:
	// under another name, the reaction begins anew.
	Name string
	// From says whose events are sent, and how. Make it with [To].
	From Source
	// StartAtOldest has the first start begin with the first event there ever was, StartAt with those from a
	// time on. By default it begins with what happens after it. Later starts go on where the last one ended.
	StartAtOldest bool
	StartAt       time.Time
}

// maxNameBytes leaves room for the prefix in the name of a topic.
const maxNameBytes = 100

// ReactionName returns Name.
func (r Reaction) ReactionName() string { return r.Name }

// ReactsTo returns the aggregate whose events are sent.
func (r Reaction) ReactsTo() processors.AggregateDefinition { return r.From.aggregate }

// Check lists all that is wrong with the definition.
func (r Reaction) Check() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf("reaction %q: "+format, append([]any{r.Name}, args...)...))
		}
	}
	wrong(!processors.IsName(r.Name) || len(r.Name) > maxNameBytes,
		"its name must be of lower-case letters and digits, in parts that begin with a letter, with one - "+
			"between them, such as send-receipts, and have %d characters at most", maxNameBytes)
	wrong(r.From.aggregate == nil || r.From.open == nil, "From is empty; make it with reactions.To")
	wrong(r.StartAtOldest && !r.StartAt.IsZero(), "StartAtOldest and StartAt are set; only one can be")
	return errors.Join(errs...)
}

// Group returns the reaction's consumer group.
func (r Reaction) Group(prefix string) string { return processors.ReactionGroup(prefix, r.Name) }

// ReplayTopic returns the topic that dead letters of the reaction are replayed to. It has as many partitions
// as the events topic.
func (r Reaction) ReplayTopic(prefix string) string { return processors.LoopTopic(r.Group(prefix)) }

// Event is an event that is to be sent.
type Event[E any] struct {
	eventsourcing.Envelope[E]

	// Key is the idempotency key: the same whenever this event is sent by this reaction, and that of no other
	// one: <reaction>/<aggregate ID>/<sequence>. An event that a former version has written may be several
	// today; the second one's ends in .1, and so on.
	Key string
	// Attempt counts the tries of this process, from 1.
	Attempt int

	json func() ([]byte, error)
}

// JSON returns the event's data as JSON, as the HTTP API shows it. Of an event that a test has made, it is
// what encoding/json makes.
func (e Event[E]) JSON() ([]byte, error) {
	if e.json == nil {
		return json.Marshal(e.Data) //nolint:wrapcheck // it says what is wrong
	}
	return e.json()
}

// Source is what a reaction takes, and does. Make it with [To].
type Source struct {
	aggregate processors.AggregateDefinition
	open      func(*processors.OpenAggregate) decoder
}

// decoder returns what a record is to be sent as. The error is a *codecs.Malformed, or a fault.
type decoder func(ctx context.Context, record *kgo.Record) ([]sending, error)

// sending is an event that is to be sent.
type sending struct {
	key  string // without the reaction's name
	send func(ctx context.Context, key string, attempt int) error
}

// To sends the events of an aggregate. The context of send ends after Options.Timeout. An error is a fault,
// and the event is tried again, unless it is made by [Refuse]; see also [After]. A panic is a refusal. send
// is called by several goroutines, for events of different partitions.
func To[E any](of processors.EventsOf[E], send func(context.Context, Event[E]) error) Source {
	s := Source{aggregate: of}
	if send == nil {
		return s
	}
	s.open = func(o *processors.OpenAggregate) decoder {
		return func(ctx context.Context, record *kgo.Record) ([]sending, error) {
			return decode(ctx, o.Events, record, send)
		}
	}
	return s
}

func decode[E any](
	ctx context.Context, events *codecs.Set, record *kgo.Record, send func(context.Context, Event[E]) error,
) ([]sending, error) {
	metadata, _, err := codecs.StoredMetadata(record.Headers)
	if err != nil {
		return nil, err //nolint:wrapcheck // it is a *codecs.Malformed
	}
	value, err := events.Decode(ctx, codecs.Framed(record.Headers, record.Value))
	if err != nil {
		return nil, err //nolint:wrapcheck // the same, or a fault that says what it is
	}
	metadata.Subject = string(record.Key)
	values := codecs.Values(value)
	all := make([]sending, len(values))
	for i, value := range values {
		data, is := value.(E)
		if !is {
			return nil, &codecs.Malformed{
				Reason: codecs.ReasonUnknownType, Err: fmt.Errorf("%T is none of the events", value),
			}
		}
		e := Event[E]{Envelope: eventsourcing.Envelope[E]{Metadata: metadata, Data: data}}
		e.Type = eventsourcing.TypeName(data)
		e.json = func() ([]byte, error) { return events.ExampleJSON(data) }
		all[i].key = metadata.ID
		if i > 0 {
			all[i].key += "." + strconv.Itoa(i)
		}
		all[i].send = func(ctx context.Context, key string, attempt int) error {
			e.Key, e.Attempt = key, attempt
			return send(ctx, e)
		}
	}
	return all, nil
}
