package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Start says where a group begins in an input partition for which it has no committed offset.
type Start int

const (
	// StartOldest begins at the oldest record: all history is handled.
	StartOldest Start = iota
	// StartNewest begins at the end: only records that become visible from the first start on are handled.
	// The group commits that position before it handles anything, so that a crash does not move it further.
	// A loop's topic begins at its oldest record all the same. Brokers forget the offsets of a group that has
	// had no member for long (offsets.retention.minutes, a week by default): a graph without a table then
	// begins at the end again; one whose table has rows ends with an error, as with StartOldest.
	StartNewest
)

// begins are the offsets at which a session begins in its inputs. checkInputs decides on them.
type begins struct {
	decided chan struct{} // closed when the session may consume; then at does not change any more
	at      map[kafka.TopicPartition]int64
}

// first adds to moved where the partitions without an offset begin that do not begin at their oldest record.
// It does nothing unless Config.Start is StartNewest. The caller commits moved at once, before a record is
// handled, which prevents this loss:
//
//	a worker begins at the end of an empty group's input, offset 100, and commits nothing yet
//	records 100 to 149 are written
//	the worker crashes before its first batch is committed
//	the next worker finds no offset and begins at the end, offset 150: records 100 to 149 are never handled
//
// The end is the last stable offset, as for a consumer of Kafka's own: records of a transaction that is open
// now become visible later, and are handled. A loop's topic begins at its oldest record: the group itself has
// written what is in it.
func (r *run) first(
	ctx context.Context, s *session, inputs map[kafka.TopicPartition]input,
	moved map[kafka.TopicPartition]int64,
) error {
	if r.engine.cfg.Start != StartNewest {
		return nil
	}
	var fresh []kafka.TopicPartition
	for tp, in := range inputs {
		if in.at < 0 && tp.Topic != r.engine.loop {
			fresh = append(fresh, tp)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	topics := slices.Sorted(maps.Keys(s.assigned))
	ends, err := kadm.NewClient(r.engine.admin).ListCommittedOffsets(ctx, topics...)
	if err != nil {
		return fmt.Errorf("list where inputs end: %w", err)
	}
	for _, tp := range fresh {
		end, is := ends.Lookup(tp.Topic, tp.Partition)
		if !is || end.Err != nil {
			return fmt.Errorf("list where input %s ends: %w", tp, errors.Join(errNoAnswer, end.Err))
		}
		s.begins.at[tp] = end.Offset
		if startCommitted {
			moved[tp] = end.Offset
		}
	}
	r.engine.log.Info("the group has no offsets in some inputs; it begins at their ends", "partitions", fresh)
	return nil
}

// offsetsByTopic is franz-go's map of offsets by topic and partition.
type offsetsByTopic = map[string]map[int32]kgo.Offset

// beginAt gives the consumer the offsets of partitions where the group has none, when checkInputs has decided
// on them: by itself the consumer would begin at the oldest records. The consumer calls it for each
// assignment, when it has fetched the group's offsets. ctx ends when the partitions are taken away.
func (r *run) beginAt(ctx context.Context, b *begins, offsets offsetsByTopic) (offsetsByTopic, error) {
	for topic, partitions := range offsets {
		for partition, offset := range partitions {
			if offset.EpochOffset().Offset >= 0 {
				continue
			}
			select {
			case <-b.decided:
			case <-r.done:
				return nil, errNoSession
			case <-ctx.Done():
				return nil, ctx.Err()
			}
			begin, is := b.at[kafka.TopicPartition{Topic: topic, Partition: partition}]
			if is {
				partitions[partition] = kgo.NewOffset().At(begin)
			}
		}
	}
	return offsets, nil
}
