package processors_test

import (
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/tester"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr/srfake"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
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
	t        *testing.T
	tester   *tester.Tester
	topics   processors.Topics
	trackers map[string]*tester.QueueTracker
	commands *codecs.Set
	codecs   map[string]goka.Codec // of outputs
	metrics  *prometheus.Registry
	spans    *tracetest.InMemoryExporter
	err      chan error
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
		t: t, tester: tester.New(t), topics: processors.NewTopics("", "counter", "counters"),
		commands: commands, metrics: prometheus.NewRegistry(), err: make(chan error, 1),
		trackers: map[string]*tester.QueueTracker{},
		spans:    tracetest.NewInMemoryExporter(),
	}
	s.codecs = map[string]goka.Codec{s.topics.Events: events.Codec(), s.topics.Results: results.Codec()}
	aggregate := processors.AggregateGraph[counter, Count, Counted]{
		Name: "counter", Topics: s.topics, Decider: counterDecider,
		Commands: commands, Events: events, Results: results, Rows: counterRows{},
		RecentSize: 2, RecordBytes: recordBytes, Version: "v7",
		Metrics: processors.NewMetrics(s.metrics),
		Tracer:  sdk.NewTracerProvider(sdk.WithSyncer(s.spans)).Tracer("test"),
		Logger:  slog.New(slog.DiscardHandler),
	}
	graph, err := aggregate.Graph()
	must(t, err)
	processor, err := goka.NewProcessor(nil, graph, goka.WithTester(s.tester),
		goka.WithNilHandling(goka.NilProcess))
	must(t, err)
	for _, topic := range []string{s.topics.Events, s.topics.Results, s.topics.DeadLetters} {
		s.trackers[topic] = s.tester.NewQueueTracker(topic)
	}
	go func() { s.err <- processor.Run(t.Context()) }()
	must(t, processor.WaitForReadyContext(t.Context()))
	return s
}

// send hands a well-formed command to the graph.
func (s *story) send(id string, by int64, more ...goka.Headers) {
	s.t.Helper()
	metadata := eventsourcing.Metadata{ID: id, Type: "Count"}
	message := &codecs.Message{Metadata: &metadata, Data: Count{By: by}}
	for name, value := range (goka.Headers{}).Merged(more...) {
		message.Extra = append(message.Extra, codecs.Header{Name: name, Value: string(value)})
	}
	s.tester.Consume(s.topics.Commands, "c1", message, tester.WithTime(commandTime))
}

// sendRaw hands bytes to the graph.
func (s *story) sendRaw(key string, value []byte, headers goka.Headers) {
	s.t.Helper()
	s.sendAt(commandTime, key, value, headers)
}

// sendAt is sendRaw of a record of another time.
func (s *story) sendAt(at time.Time, key string, value []byte, headers goka.Headers) {
	s.t.Helper()
	s.tester.Consume(s.topics.Commands, key, processors.Raw(framed(key, value, headers)), tester.WithTime(at))
}

// framed returns the frame of a record, as the runner of a graph would.
func framed(key string, value []byte, headers goka.Headers) []byte {
	var frame []byte
	for name, header := range headers {
		frame = kafka.AppendHeader(frame, name, header)
	}
	return kafka.EndFrame(frame, []byte(key), value)
}

// next returns the next record of a topic, which must be there.
func (s *story) next(topic string) (goka.Headers, any) {
	s.t.Helper()
	beside, _, frame, ok := s.trackers[topic].NextRawWithHeaders()
	if !ok {
		s.t.Fatalf("nothing (more) on %s", topic)
	}
	equal(s.t, "headers beside the frame", len(beside), 0)
	split, err := kafka.SplitFrame(nil, frame)
	must(s.t, err)
	headers := goka.Headers{}
	for _, h := range split.Headers {
		headers[h.Key] = h.Value
	}
	codec := s.codecs[topic]
	if codec == nil {
		return headers, split.Value
	}
	value, err := codec.Decode(split.Value)
	must(s.t, err)
	return headers, value
}

// nothing fails if there is a record on a topic that was not looked at.
func (s *story) nothing(topics ...string) {
	s.t.Helper()
	for _, topic := range topics {
		if headers, _, value, more := s.trackers[topic].NextWithHeaders(); more {
			s.t.Fatalf("unexpected on %s: %v %v", topic, value, headers)
		}
	}
}

func (s *story) row() eventsourcing.Snapshot[counter] {
	value := s.tester.TableValue(goka.Table(s.topics.Table), "c1")
	row, _ := value.(eventsourcing.Snapshot[counter])
	return row
}

// metadataOf reads headers that must be those of a record of ours.
func metadataOf(t *testing.T, headers goka.Headers) eventsourcing.Metadata {
	t.Helper()
	var ofRecord []kgo.RecordHeader
	for name, value := range headers {
		ofRecord = append(ofRecord, kgo.RecordHeader{Key: name, Value: value})
	}
	metadata, err := codecs.MetadataFromRecord(ofRecord)
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
