package reset

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/kafka/local"
)

// Rows that no broker answers for are not waited for without a bound, though the client would.
func TestWriterOfBrokersThatDoNotAnswer(t *testing.T) {
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{{Name: "table", Partitions: 1}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	w, err := newWriter(t.Context(), kafka.Settings{Brokers: cluster.Brokers()}, "id")
	if err != nil {
		t.Fatal(err)
	}
	defer w.close()
	hangs := make(chan struct{})
	defer close(hangs)
	cluster.Kafka().ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.Kafka().KeepControl()
		cluster.Kafka().SleepControl(func() { <-hangs })
		return nil, nil, false
	})
	if err := w.client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	w.batch = []*kgo.Record{{Topic: "table", Value: []byte("row")}}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- w.produce(ctx) }()
	select {
	case err := <-ended:
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it says %v", err)
		}
	case <-time.After(30 * time.Second):
		t.Error("it does not end")
	}
}
