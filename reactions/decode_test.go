package reactions

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors/foldtest"
	"refold/processors/orders"
)

// An event that a former version has written is sent as what it is today, each part under a key of its own.
func TestPartsOfAFormerEvent(t *testing.T) {
	r := foldtest.OpenReleases(t, "../processors/schemas/released", orders.Definition)
	written := r.Write(t, "OrderShipped", 1, map[string]any{"carrier": "DHL", "trackingNumber": "JJD 0001"})
	record := &kgo.Record{Key: []byte("order-1"), Value: written}
	metadata := eventsourcing.Metadata{ID: "order-1/4", Type: "OrderShipped", Sequence: 4}
	for name, value := range codecs.Headers(metadata) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	var got []string
	send := To(orders.Definition, func(_ context.Context, e Event[orders.Event]) error {
		text, err := e.JSON()
		got = append(got, e.Key+" "+e.Type+" "+e.Subject+" "+string(text))
		return err
	})
	events, err := send.open(r.Opened)(t.Context(), record)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		if err := e.send(t.Context(), "hook/"+e.key, 1); err != nil {
			t.Error(err)
		}
	}
	want := []string{
		`hook/order-1/4 ParcelHandedOver order-1 {"carrier":"DHL","trackingNumber":"JJD 0001"}`,
		`hook/order-1/4.1 OrderShipped order-1 {"parcelCount":1}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// The lag is what lies between the end of the partitions and what is sent next.
func TestLag(t *testing.T) {
	const topic = "events"
	at := func(p int32) kafka.TopicPartition { return kafka.TopicPartition{Topic: topic, Partition: p} }
	metrics := prometheus.NewRegistry()
	r := &Runner{
		reaction: Reaction{Name: "hook"}, o: Options{Metrics: NewMetrics(metrics)},
		lines: map[kafka.TopicPartition]*line{
			at(0): {at: at(0), offset: 7}, // nothing waits
			at(1): {at: at(1), offset: 3, queue: []*kgo.Record{{Offset: 4, Timestamp: time.Unix(1e9, 0)}}},
			at(2): {at: at(2), offset: -1}, // nothing was sent yet
		},
	}
	ends := kadm.ListedOffsets{topic: {
		0: {Topic: topic, Partition: 0, Offset: 7}, 1: {Topic: topic, Partition: 1, Offset: 10},
		2: {Topic: topic, Partition: 2, Offset: 5},
	}}
	r.measure(ends, map[string]map[int32]kgo.EpochOffset{topic: {2: {Offset: 3}}})
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := make(map[string]float64)
	for _, f := range families {
		got[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
	}
	if got["refold_reaction_lag_records"] != 6+2 || got["refold_reaction_lag_seconds"] < 1e8 {
		t.Errorf("metrics are %v", got)
	}
}
