package operator_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/kafka/local"
	"refold/operator"
)

// A group that has committed nothing begins at the start of its topics. Where only a marker of a transaction
// waits, nothing does.
func TestLags(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{{Name: "in", Partitions: 2}}})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	settings := kafka.Settings{Brokers: cluster.Brokers()}
	client, err := settings.Client(
		kgo.TransactionalID("writer"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	written := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	records := []*kgo.Record{
		{Topic: "in", Value: []byte("1"), Timestamp: written},
		{Topic: "in", Value: []byte("2"), Timestamp: written.Add(time.Minute)},
		{Topic: "in", Partition: 1, Value: []byte("3"), Timestamp: written},
	}
	if err := client.ProduceSync(ctx, records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := client.EndTransaction(ctx, kgo.TryCommit); err != nil {
		t.Fatal(err)
	}
	var at kadm.Offsets
	at.AddOffset("in", 0, 1, -1)
	at.AddOffset("in", 1, 1, -1) // behind its only record
	if err := kadm.NewClient(client).CommitAllOffsets(ctx, "reader", at); err != nil {
		t.Fatal(err)
	}
	lags, err := operator.Lags(ctx, settings, client, map[string][]string{"reader": {"in"}, "new": {"in"}})
	if err != nil {
		t.Fatal(err)
	}
	for group, want := range map[string][]operator.Lag{
		"reader": {
			{Topic: "in", Next: 1, End: 3, Records: 2, Oldest: written.Add(time.Minute)},
			{Topic: "in", Partition: 1, Next: 1, End: 2},
		},
		"new": {
			{Topic: "in", Next: 0, End: 3, Records: 3, Oldest: written},
			{Topic: "in", Partition: 1, Next: 0, End: 2, Records: 2, Oldest: written},
		},
	} {
		for i, got := range lags[group] {
			same := got.Oldest.Equal(want[i].Oldest)
			got.Oldest = want[i].Oldest
			if got != want[i] || !same {
				t.Errorf("%s: got %+v, want %+v", group, lags[group][i], want[i])
			}
		}
		if len(lags[group]) != len(want) {
			t.Errorf("%s has %d partitions, want %d", group, len(lags[group]), len(want))
		}
	}
}
