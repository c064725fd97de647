package processors_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lovoo/goka"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// The counter is the smallest aggregate that can do everything the graph must bear: accept,
// accept without an event, reject, fail and panic.
type (
	Count   struct{ By int64 }
	Counted struct{ By int64 }
	counter int64
)

var counterDecider = eventsourcing.Decider[counter, Count, Counted]{
	Decide: func(_ eventsourcing.Context, c counter, command Count) ([]Counted, error) {
		switch {
		case command.By == 0:
			return nil, nil
		case command.By == 13:
			panic("thirteen")
		case command.By < 0:
			return nil, eventsourcing.Reject("by-not-positive", "by is %d", command.By)
		}
		return []Counted{{By: command.By}}, nil
	},
	Evolve: func(c counter, e eventsourcing.Recorded[Counted]) counter {
		event := e.Event
		if event.By == 14 {
			panic("fourteen")
		}
		return c + counter(event.By)
	},
}

func schemaOf(name string) string {
	return fmt.Sprintf(`{"type": "record", "name": %q, "namespace": "refold.test",
		"fields": [{"name": "By", "type": "long"}]}`, name)
}

// recordBytes is the largest record.
const recordBytes = 2000

// counterRows encodes rows as text: what a row looks like is the aggregate's business. Some states
// can't be rows.
type counterRows struct{}

func (counterRows) Encode(value any) ([]byte, error) {
	s, is := value.(eventsourcing.Snapshot[counter])
	if !is {
		return nil, fmt.Errorf("no row: %T", value)
	}
	switch s.State {
	case 15:
		panic("fifteen")
	case 16:
		return make([]byte, recordBytes), nil
	case 17:
		return nil, errors.New("seventeen")
	}
	return fmt.Appendf(nil, "%d %d %x", s.State, s.Sequence, s.Recent.Bytes()), nil
}

func (counterRows) Decode(data []byte) (any, error) {
	var (
		s      eventsourcing.Snapshot[counter]
		recent []byte
	)
	if _, err := fmt.Sscanf(string(data), "%d %d %x", &s.State, &s.Sequence, &recent); err != nil {
		return nil, fmt.Errorf("decoding a counter's row: %w", err)
	}
	var err error
	s.Recent, err = eventsourcing.ParseRecent(recent)
	return s, err
}

// story runs one counter graph and collects what comes out of it.
type story struct {
	*runner
	t        *testing.T
	topics   processors.Topics
	commands *codecs.Set
	codecs   map[string]goka.Codec // of outputs
	outcomes *remembered
	metrics  *prometheus.Registry
	spans    *tracetest.InMemoryExporter
}

// remembered is an index of outcomes that knows what it is told, and notes what it is given.
type remembered struct {
	first map[string]eventsourcing.Entry // by "subject ID"
	added []string
}

func (r *remembered) Find(subject, commandID string) (eventsourcing.Entry, bool) {
	first, found := r.first[subject+" "+commandID]
	return first, found
}

func (r *remembered) Add(
	partition int32, subject, commandID string, at time.Time, outcome eventsourcing.Entry,
) {
	r.added = append(r.added, fmt.Sprintf("%d %s %s %s %+v", partition, subject, commandID,
		at.Format(time.TimeOnly), outcome))
}

var commandTime = time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC)

func newStory(t *testing.T) *story {
	t.Helper()
	fake := srfake.New()
	t.Cleanup(fake.Close)
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{fake.URL()}, Mode: codecs.Register,
	})
	must(t, err)
	t.Cleanup(registry.Close)
	commands, err := codecs.NewSet(registry, codecs.Record[Count](schemaOf("Count")))
	must(t, err)
	events, err := codecs.NewSet(registry, codecs.Record[Counted](schemaOf("Counted")))
	must(t, err)
	results, err := processors.NewResultSet(registry)
	must(t, err)

	s := &story{
		t: t, topics: processors.NewTopics("", "counter", "counters"),
		commands: commands, metrics: prometheus.NewRegistry(), spans: tracetest.NewInMemoryExporter(),
	}
	s.codecs = map[string]goka.Codec{s.topics.Events: events.Codec(), s.topics.Results: results.Codec()}
	s.outcomes = &remembered{first: map[string]eventsourcing.Entry{}}
	aggregate := processors.AggregateGraph[counter, Count, Counted]{
		Name: "counter", Topics: s.topics, Decider: counterDecider,
		Commands: commands, Events: events, Results: results, Rows: counterRows{},
		RecentSize: 2, Outcomes: s.outcomes, RecordBytes: recordBytes, Version: "v7",
		Metrics: processors.NewMetrics(s.metrics),
		Tracer:  sdk.NewTracerProvider(sdk.WithSyncer(s.spans)).Tracer("test"),
		Logger:  slog.New(slog.DiscardHandler),
	}
	graph, err := aggregate.Graph()
	must(t, err)
	s.runner = newRunner(t, graph)
	return s
}

// send hands a well-formed command to the graph.
func (s *story) send(id string, by int64, more ...goka.Headers) {
	s.t.Helper()
	metadata := eventsourcing.Metadata{ID: id, Type: "Count"}
	value, err := s.commands.Encode(Count{By: by})
	must(s.t, err)
	s.sendRaw("c1", value, codecs.Headers(metadata).Merged(more...))
}

// sendRaw hands bytes to the graph.
func (s *story) sendRaw(key string, value []byte, headers goka.Headers) {
	s.t.Helper()
	s.sendAt(commandTime, key, value, headers)
}

// sendAt is sendRaw of a record of another time.
func (s *story) sendAt(at time.Time, key string, value []byte, headers goka.Headers) {
	s.t.Helper()
	s.handle(s.topics.Commands, &kgo.Record{
		Key: []byte(key), Value: value, Headers: recordHeaders(headers), Timestamp: at,
	})
}

// next returns the next record of a topic, which must be there.
func (s *story) next(topic string) (goka.Headers, any) {
	s.t.Helper()
	record, ok := s.runner.next(topic)
	if !ok {
		s.t.Fatalf("nothing (more) on %s", topic)
	}
	headers := goka.Headers{}
	for _, h := range record.Headers {
		headers[h.Key] = h.Value
	}
	codec := s.codecs[topic]
	if codec == nil {
		return headers, record.Value
	}
	value, err := codec.Decode(record.Value)
	must(s.t, err)
	return headers, value
}

// nothing fails if there is a record on a topic that was not looked at.
func (s *story) nothing(topics ...string) {
	s.t.Helper()
	for _, topic := range topics {
		if record, more := s.runner.next(topic); more {
			s.t.Fatalf("unexpected on %s: %v", topic, record)
		}
	}
}

func (s *story) row() eventsourcing.Snapshot[counter] {
	s.t.Helper()
	if s.rows["c1"] == nil {
		return eventsourcing.Snapshot[counter]{}
	}
	row, err := counterRows{}.Decode(s.rows["c1"])
	must(s.t, err)
	return row.(eventsourcing.Snapshot[counter])
}

// metadataOf reads headers that must be those of a record of ours.
func metadataOf(t *testing.T, headers goka.Headers) eventsourcing.Metadata {
	t.Helper()
	metadata, err := codecs.MetadataFromRecord(recordHeaders(headers))
	must(t, err)
	return metadata
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func equal[T any](t *testing.T, what string, got, want T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatalf("%s (-want +got):\n%s", what, diff)
	}
}
