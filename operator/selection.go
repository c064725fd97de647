package operator

import (
	"context"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// selected returns which keys of a partition are verified: all, for a nil function.
func (v *Verification) selected(ctx context.Context, partition int32) (func(key []byte) bool, error) {
	share := v.options.Share
	var recent *keySet
	if since := v.options.Since; !since.IsZero() {
		var err error
		if recent, err = v.keysSince(ctx, partition, since); err != nil {
			return nil, err
		}
	}
	if recent == nil && share >= 1 {
		return nil, nil //nolint:nilnil // all keys
	}
	return func(key []byte) bool {
		h := hashOf(key)
		return inSample(h, share) && (recent == nil || recent.has(h))
	}, nil
}

// hashOf is the same on every machine, so that a sample is, too, and has nothing to do with partitions.
func hashOf(key []byte) uint64 {
	h := fnv.New64a()
	_, _ = h.Write(key) // never fails
	x := h.Sum64()
	x ^= x >> 33 // FNV's upper bits hardly depend on the last bytes
	x *= 0xff51afd7ed558ccd
	x ^= x >> 33
	x *= 0xc4ceb9fe1a85ec53
	return x ^ x>>33
}

func inSample(hash uint64, share float64) bool {
	const whole = 1 << 53
	return float64(hash>>11) < share*whole
}

// keySet remembers hashes in little memory: sometimes it has one that was not added, which costs the
// verification of one more aggregate.
type keySet struct{ bits []uint64 }

// keySetBits is for some millions of keys: 16 MiB.
const keySetBits = 1 << 27

func newKeySet() *keySet { return &keySet{make([]uint64, keySetBits/64)} }

func (s *keySet) add(hash uint64) {
	at := hash % keySetBits
	s.bits[at/64] |= 1 << (at % 64)
}

func (s *keySet) has(hash uint64) bool {
	at := hash % keySetBits
	return s.bits[at/64]&(1<<(at%64)) != 0
}

// keysSince are those of the events since a time.
func (v *Verification) keysSince(
	ctx context.Context, partition int32, since time.Time,
) (*keySet, error) {
	opts, err := v.options.Kafka.Options()
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	defer client.Close()
	topic := v.options.Aggregate.Topics.Events
	from, err := kafka.OffsetOf(topic, partition)(
		kadm.NewClient(client).ListOffsetsAfterMilli(ctx, since.UnixMilli(), topic))
	if err != nil {
		return nil, fmt.Errorf("ask where the topic was at %s: %w", since.Format(time.RFC3339), err)
	}
	keys := newKeySet()
	at := kafka.Range{Topic: topic, Partition: partition, From: from}
	_, err = kafka.ReadPartition(ctx, opts, at, func(records []*kgo.Record, _ kafka.Progress) error {
		for _, r := range records {
			keys.add(hashOf(r.Key))
		}
		return nil
	})
	return keys, err
}
