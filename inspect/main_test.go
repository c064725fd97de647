package inspect_test

import (
	"context"
	"encoding/binary"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"refold/codecs"
	"refold/inspect"
	"refold/kafka"
	"refold/kafka/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// stage is a cluster with a topic called t, and what a test needs to fill it.
type stage struct {
	*testing.T

	ctx      context.Context
	cluster  *local.Cluster
	settings kafka.Settings
	registry *codecs.Registry
	plain    *kgo.Client
	clock    int64 // of the next record, in milliseconds
}

func newStage(t *testing.T, partitions int32) *stage {
	t.Helper()
	cluster, err := local.Start(local.Options{Topics: []kafka.TopicSpec{{Name: "t", Partitions: partitions}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Close() })
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // the deadline of every wait
	t.Cleanup(cancel)
	s := &stage{
		T: t, ctx: ctx, cluster: cluster, settings: kafka.Settings{Brokers: cluster.Brokers()},
		clock: 1_800_000_000_000,
	}
	s.registry, err = codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{cluster.RegistryURL()}, Mode: codecs.Register,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.registry.Close)
	s.plain = s.client()
	return s
}

func (s *stage) client(more ...kgo.Opt) *kgo.Client {
	s.Helper()
	more = append(more, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	cl, err := s.settings.Client(more...)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(cl.Close)
	return cl
}

// write writes values to a partition, a millisecond after the other.
func (s *stage) write(cl *kgo.Client, partition int32, values ...string) {
	s.Helper()
	for _, value := range values {
		s.produce(cl, &kgo.Record{Partition: partition, Key: []byte("k"), Value: []byte(value)})
	}
}

func (s *stage) produce(cl *kgo.Client, r *kgo.Record) {
	s.Helper()
	r.Topic = "t"
	if r.Timestamp.IsZero() {
		r.Timestamp = s.now()
	}
	if err := cl.ProduceSync(s.ctx, r).FirstErr(); err != nil {
		s.Fatal(err)
	}
}

// now is the time of the next record.
func (s *stage) now() time.Time {
	s.clock++
	return time.UnixMilli(s.clock)
}

func (s *stage) begin(cl *kgo.Client) {
	s.Helper()
	if err := cl.BeginTransaction(); err != nil {
		s.Fatal(err)
	}
}

func (s *stage) end(cl *kgo.Client, try kgo.TransactionEndTry) {
	s.Helper()
	if err := cl.EndTransaction(s.ctx, try); err != nil {
		s.Fatal(err)
	}
}

// sold is a value in the wire format.
func (s *stage) sold(price int64) string {
	s.Helper()
	id, err := s.registry.ID(s.ctx, "shop.Sold", `{"type": "record", "name": "Sold", "namespace": "shop",
		"fields": [{"name": "price", "type": "long"}]}`)
	if err != nil {
		s.Fatal(err)
	}
	return string(binary.AppendVarint(codecs.AppendWireHeader(nil, id), price))
}

// cat reads topic t with the options, and returns the values that are shown.
func (s *stage) cat(o inspect.Options) ([]string, inspect.Report) {
	s.Helper()
	var values []string
	report, err := inspect.Cat(s.ctx, s.options(o), func(r *inspect.Record) error {
		values = append(values, string(r.Value)+r.Transaction)
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return values, report
}

func (s *stage) options(o inspect.Options) inspect.Options {
	o.Kafka, o.Registry, o.Topic = s.settings, s.registry, "t"
	return o
}

// refuse lets no one fetch from a partition any more.
func (s *stage) refuse(partition int32) {
	s.cluster.Kafka().ControlKey(int16(kmsg.Fetch), func(request kmsg.Request) (kmsg.Response, error, bool) {
		s.cluster.Kafka().KeepControl()
		fetch := request.(*kmsg.FetchRequest)
		if len(fetch.Topics) != 1 || fetch.Topics[0].Partitions[0].Partition != partition {
			return nil, nil, false
		}
		refused := kmsg.NewFetchResponseTopicPartition()
		refused.Partition, refused.ErrorCode = partition, kerr.TopicAuthorizationFailed.Code
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = fetch.Topics[0].Topic, fetch.Topics[0].TopicID
		topic.Partitions = append(topic.Partitions, refused)
		response := request.ResponseKind().(*kmsg.FetchResponse)
		response.Topics = append(response.Topics, topic)
		return response, nil, true
	})
}
