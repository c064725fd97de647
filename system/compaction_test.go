//go:build system

package system_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// What inventory.Fit relies on: a broker that compacts a log lets it start at zero, also when none of its
// first records is left. Only a deletion of records moves it, which brokers refuse as long as the policy of
// the topic is compaction alone.
func TestCompactionLeavesTheStart(t *testing.T) {
	c := startCluster(t, 1)
	client, err := kgo.NewClient(kgo.SeedBrokers(c.brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	const topic = "compacted"
	if _, err := kafka.Ensure(t.Context(), client, []kafka.TopicSpec{{
		Name: topic, Partitions: 1, ReplicationFactor: 1, Config: map[string]string{
			"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001",
			"max.compaction.lag.ms": "100", "delete.retention.ms": "0",
		},
	}}); err != nil {
		t.Fatal(err)
	}
	first := func(ctx context.Context) (offset int64, err error) {
		options, err := kafka.Settings{Brokers: c.brokers()}.Options()
		if err != nil {
			return 0, err
		}
		offset = -1
		_, err = kafka.ReadPartition(ctx, options, kafka.Range{Topic: topic, From: kafka.FromStart},
			func(records []*kgo.Record, _ kafka.Progress) error {
				if offset < 0 && len(records) > 0 {
					offset = records[0].Offset
				}
				return nil
			})
		return offset, err
	}
	n := 0
	eventually(t, 3*time.Minute, func(ctx context.Context) error {
		for range 50 { // the last segment is never compacted, so there is always another
			n++
			r := &kgo.Record{Topic: topic, Key: []byte("key"), Value: []byte(fmt.Sprint(n))}
			if err := client.ProduceSync(ctx, r).FirstErr(); err != nil {
				return err
			}
		}
		at, err := first(ctx)
		if err == nil && at < 50 {
			err = errors.New("nothing is compacted yet")
		}
		return err
	})
	admin := kadm.NewClient(client)
	starts, err := admin.ListStartOffsets(t.Context(), topic)
	if start, err := kafka.OffsetOf(topic, 0)(starts, err); err != nil || start != 0 {
		t.Errorf("the compacted log starts at %d, %v", start, err)
	}
	before := kadm.Offsets{}
	before.AddOffset(topic, 0, 60, -1)
	remove := func() error {
		responses, err := admin.DeleteRecords(t.Context(), before)
		if err == nil {
			err = responses.Error()
		}
		return err
	}
	if err := remove(); !errors.Is(err, kerr.PolicyViolation) {
		t.Errorf("a deletion from a compacted topic: %v", err)
	}
	if _, err := admin.AlterTopicConfigs(t.Context(), []kadm.AlterConfig{{
		Op: kadm.SetConfig, Name: "cleanup.policy", Value: kadm.StringPtr("compact,delete"),
	}}, topic); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, func(context.Context) error { return remove() })
	starts, err = admin.ListStartOffsets(t.Context(), topic)
	if start, err := kafka.OffsetOf(topic, 0)(starts, err); err != nil || start != 60 {
		t.Errorf("after records were deleted it starts at %d, %v", start, err)
	}
}
