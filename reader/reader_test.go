package reader_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/kafka/local"
	"refold/reader"
)

// What the writer has, and what it adds later.
type (
	MoneyMoved struct {
		Amount   int64  `avro:"amount"`
		Currency string `avro:"currency"`
	}
	AccountRenamed struct {
		Name string `avro:"name"`
	}
)

// service has its own idea of the events: fewer fields of one, and the other not at all.
func serviceTypes() reader.EventType {
	type MoneyMoved struct {
		Amount int64 `avro:"amount"`
	}
	return reader.Type[MoneyMoved]()
}

var moved = MoneyMoved{Amount: 9, Currency: "EUR"}

const topic = "account-events"

type log struct {
	t       *testing.T
	cluster *local.Cluster
	events  *codecs.Set
	client  *kgo.Client
	place   codecs.SchemaIDPlace
	next    int64
}

func newLog(t *testing.T) *log {
	t.Helper()
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{{Name: topic, Partitions: 1}}})
	must(t, err)
	t.Cleanup(func() { _ = cluster.Close() })
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{cluster.RegistryURL()}, Mode: codecs.Register,
	})
	must(t, err)
	t.Cleanup(registry.Close)
	o := codecs.StructOptions{Namespace: "accounts"}
	events, err := codecs.NewSet(registry, codecs.RecordOf[MoneyMoved](o), codecs.RecordOf[AccountRenamed](o))
	must(t, err)
	must(t, events.Prepare(t.Context()))
	client, err := kafka.Settings{Brokers: cluster.Brokers()}.Client()
	must(t, err)
	t.Cleanup(client.Close)
	return &log{t: t, cluster: cluster, events: events, client: client}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write appends events of the account alice.
func (l *log) write(events ...any) {
	l.t.Helper()
	for _, event := range events {
		l.next++
		value, err := l.events.Encode(event)
		must(l.t, err)
		var ids []kgo.RecordHeader
		if l.place == codecs.InHeader {
			ids, value = []kgo.RecordHeader{{Key: codecs.HeaderValueSchemaID, Value: value[:5]}}, value[5:]
		}
		record := &kgo.Record{Topic: topic, Key: []byte("alice"), Value: value, Headers: ids}
		metadata := eventsourcing.Metadata{
			ID: eventsourcing.EventRef{Subject: "alice", Sequence: l.next}.ID(), Source: "accounts",
			Type: eventsourcing.TypeName(event), Subject: "alice", Sequence: l.next,
			Time: time.UnixMilli(1_790_000_000_000 + l.next).UTC(),
		}
		for name, header := range codecs.Headers(metadata) {
			record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: header})
		}
		must(l.t, l.client.ProduceSync(l.t.Context(), record).FirstErr())
	}
}

func (l *log) reader(skipped *[]string, types ...reader.EventType) *reader.Reader {
	l.t.Helper()
	r, err := reader.New(reader.Options{
		Kafka:    kafka.Settings{Brokers: l.cluster.Brokers()},
		Registry: codecs.RegistrySettings{URLs: []string{l.cluster.RegistryURL()}},
		Topic:    topic, Group: "invoices", Namespace: "accounts", Batch: 2,
		Skipped: func(recordType string) { *skipped = append(*skipped, recordType) },
	}, types...)
	must(l.t, err)
	return r
}

var errEnough = errors.New("enough")

// read runs a reader until it has handled n events, and returns their sequences.
func read(t *testing.T, r *reader.Reader, n int, fail error) (sequences []int64, err error) {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	err = r.Run(ctx, func(_ context.Context, e eventsourcing.Envelope[any]) error {
		if e.Subject != "alice" || e.Time.IsZero() ||
			e.ID != (eventsourcing.EventRef{Subject: "alice", Sequence: e.Sequence}).ID() {
			t.Errorf("the envelope is %+v", e.Metadata)
		}
		if len(sequences) == n {
			return fail
		}
		sequences = append(sequences, e.Sequence)
		if len(sequences) == n && fail == nil {
			stop()
		}
		return nil
	})
	return sequences, err
}

// Events with their schema IDs in headers are read as those that have them before the data.
func TestSchemaIDsInHeaders(t *testing.T) {
	l := newLog(t)
	l.write(MoneyMoved{5, "EUR"})
	l.place = codecs.InHeader
	l.write(MoneyMoved{7, "EUR"})
	var skipped []string
	got, err := read(t, l.reader(&skipped, serviceTypes()), 2, nil)
	must(t, err)
	if len(got) != 2 || len(skipped) > 0 {
		t.Errorf("read %v, skipped %v", got, skipped)
	}
}

// Types that a service does not know are passed over, and fields that it does not declare left out.
func TestUnknownTypesAreSkipped(t *testing.T) {
	l := newLog(t)
	l.write(MoneyMoved{5, "EUR"}, AccountRenamed{"Zoë"}, MoneyMoved{7, "EUR"})
	var skipped []string
	got, err := read(t, l.reader(&skipped, serviceTypes()), 2, nil)
	must(t, err)
	if len(got) != 2 || got[0] != 1 || got[1] != 3 || len(skipped) != 1 || skipped[0] != "AccountRenamed" {
		t.Errorf("read %v, skipped %v", got, skipped)
	}
}

// What was handled does not come again, what was not does.
func TestOffsetsFollowTheHandler(t *testing.T) {
	l := newLog(t)
	l.write(MoneyMoved{1, "EUR"}, MoneyMoved{2, "EUR"}, MoneyMoved{3, "EUR"})
	var skipped []string
	if _, err := read(t, l.reader(&skipped, serviceTypes()), 1, errEnough); !errors.Is(err, errEnough) {
		t.Fatalf("the handler's error is %v", err)
	}
	got, err := read(t, l.reader(&skipped, serviceTypes()), 2, nil)
	must(t, err)
	if len(got) != 2 || got[0] != 2 || got[1] != 3 {
		t.Errorf("the second time it reads %v", got)
	}
}

// An event of a known type that can't be read ends the reader, with its place.
func TestUnreadableEvent(t *testing.T) {
	type MoneyMoved struct {
		Amount int64  `avro:"amount"`
		Reason string `avro:"reason"` // without a default
	}
	l := newLog(t)
	l.write(AccountRenamed{"Zoë"})
	l.write(moved)
	var skipped []string
	_, err := read(t, l.reader(&skipped, reader.Type[MoneyMoved]()), 1, nil)
	var place *reader.EventError
	if !errors.As(err, &place) || place.Offset != 1 || !strings.Contains(err.Error(), "reason") {
		t.Errorf("the error is %v", err)
	}
}

func TestIncompleteOptions(t *testing.T) {
	if _, err := reader.New(reader.Options{}, serviceTypes()); err == nil {
		t.Error("nothing is missing")
	}
}
