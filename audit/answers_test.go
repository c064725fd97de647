package audit_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/audit"
	"refold/kafka/local"
)

// What brokers refuse to tell of one partition is an error of the whole: a topic whose ends are not known
// would be taken for an empty one, and a group whose offset is not known for one that has committed none.
func TestErrorsOfPartitions(t *testing.T) {
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close() })
	if err := cluster.Kafka().CreateTopic("t", 1, nil); err != nil {
		t.Fatal(err)
	}
	client := newClient(t, cluster, kgo.ConsumerGroup("g"), kgo.ConsumeTopics("t"))
	if err := client.ProduceSync(t.Context(), &kgo.Record{Topic: "t"}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := client.CommitRecords(t.Context(), client.PollFetches(t.Context()).Records()...); err != nil {
		t.Fatal(err)
	}
	offsets := func() error {
		_, _, err := audit.Offsets(t.Context(), cluster.Brokers(), "g", "t")
		return err
	}
	scan := func() error {
		_, err := audit.Scan(t.Context(), cluster.Brokers(), "t", func(*kgo.Record) error { return nil })
		return err
	}
	// 0: the start, committed: the last stable offset. Both are asked for with the same request.
	listing := func(start, committed bool) func(kmsg.Request) bool {
		return func(r kmsg.Request) bool {
			list, is := r.(*kmsg.ListOffsetsRequest)
			return is && (list.Topics[0].Partitions[0].Timestamp == -2) == start &&
				(list.IsolationLevel == 1) == committed
		}
	}
	for name, test := range map[string]struct {
		key  kmsg.Key
		when func(kmsg.Request) bool
		ask  func() error
	}{
		"ends, of offsets":   {kmsg.ListOffsets, listing(false, false), offsets},
		"offsets of a group": {kmsg.OffsetFetch, nil, offsets},
		"starts, of a scan":  {kmsg.ListOffsets, listing(true, false), scan},
		"ends, of a scan":    {kmsg.ListOffsets, listing(false, false), scan},
		"stable, of a scan":  {kmsg.ListOffsets, listing(false, true), scan},
	} {
		t.Run(name, func(t *testing.T) {
			if err := test.ask(); err != nil {
				t.Fatal(err)
			}
			refuse := cluster.Kafka().Fault(kfake.Fault{
				Keys: []kmsg.Key{test.key}, Err: kerr.TopicAuthorizationFailed, Count: -1, When: test.when,
			})
			defer refuse.Remove()
			ended := make(chan error, 1)
			go func() { ended <- test.ask() }()
			select {
			case err := <-ended:
				if !errors.Is(err, kerr.TopicAuthorizationFailed) {
					t.Errorf("it says %v", err)
				}
			case <-time.After(30 * time.Second):
				t.Error("it does not end")
			}
		})
	}
}
