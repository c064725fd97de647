package measure_test

import (
	"context"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
	"refold/worker/measure"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic, group = "account-commands", "accounts"

// put writes records of a time to a partition.
func put(t *testing.T, client *kgo.Client, partition int32, times ...time.Time) {
	t.Helper()
	for _, at := range times {
		r := &kgo.Record{Topic: topic, Partition: partition, Timestamp: at, Value: []byte("x")}
		if err := client.ProduceSync(t.Context(), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMeasure(t *testing.T) {
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{
		{Name: topic, Partitions: 2, ReplicationFactor: 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	settings := kafka.Settings{Brokers: cluster.Brokers()}
	client, err := settings.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	meter := measure.New(settings)
	defer meter.Close()
	look := func(ctx context.Context) (*measure.Reading, measure.Standing) {
		t.Helper()
		groups := []measure.Group{{Name: group, Topics: []string{topic}}}
		r, err := meter.Measure(ctx, []string{topic, "missing"}, groups)
		if err != nil {
			t.Fatal(err)
		}
		return r, r.Groups[group]
	}
	if _, s := look(t.Context()); !s.Known || s.Waiting != 0 {
		t.Errorf("nothing is there, and the group is at %+v", s)
	}
	old := time.Now().Add(-time.Hour).Truncate(time.Millisecond)
	put(t, client, 0, old.Add(-time.Minute), old, old.Add(time.Minute))
	put(t, client, 1, old.Add(time.Second))
	if _, s := look(t.Context()); s.Known {
		t.Errorf("it has committed nothing, and is at %+v", s)
	}
	commit := kadm.Offsets{}
	commit.AddOffset(topic, 0, 1, -1)
	commit.AddOffset(topic, 1, 0, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(t.Context(), group, commit); err != nil {
		t.Fatal(err)
	}
	r, s := look(t.Context())
	if r.Ends[topic] != 4 || s.Next != 1 || s.Waiting != 3 || !s.Known {
		t.Errorf("the topic ends at %d, and the group is at %+v", r.Ends[topic], s)
	}
	for s.Oldest.IsZero() { // ages are read between two looks
		if t.Context().Err() != nil || !kafka.Sleep(t.Context(), 10*time.Millisecond) {
			t.Fatal("no age came")
		}
		_, s = look(t.Context())
	}
	if !s.Oldest.Equal(old) && !s.Oldest.Equal(old.Add(time.Second)) {
		t.Errorf("the oldest that waits is of %v, want %v", s.Oldest, old)
	}
}
