package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// errTruncated: an input ends before the group's offset.
var errTruncated = errors.New("the topic was truncated or made anew, and nobody knows which of " +
	"its records were handled; set the group's offset, or the topic, right")

// checkInputs compares the group's offsets with what the brokers still have, before a session
// begins. A client left to itself would read such a partition from its beginning, and everything
// in it would be handled a second time.
//
//   - An offset beyond the end ends the Processor (errTruncated): never guess.
//   - An offset before the start, because the broker deleted records that nobody had handled, is
//     moved to the start: what is left was never handled. The log and a metric say what is missing.
//
// Offsets must be stable, and nothing of the session's may be in hand.
func (r *run) checkInputs(ctx context.Context, s *session) error {
	admin := kadm.NewClient(r.engine.admin)
	offsets, err := admin.FetchOffsets(ctx, r.engine.group)
	if err != nil {
		return fmt.Errorf("fetch the group's offsets: %w", err)
	}
	topics := slices.Sorted(maps.Keys(s.assigned))
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return fmt.Errorf("list where inputs start: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return fmt.Errorf("list where inputs end: %w", err)
	}
	moved := make(map[topicPartition]int64)
	for tp := range s.claims {
		at, known := offsets.Lookup(tp.topic, tp.partition)
		if !known || at.At < 0 {
			continue // never committed: read from the start
		}
		start, _ := starts.Lookup(tp.topic, tp.partition)
		end, _ := ends.Lookup(tp.topic, tp.partition)
		switch err := errors.Join(at.Err, start.Err, end.Err); {
		case err != nil:
			return fmt.Errorf("compare the group's offset with input %s/%d: %w",
				tp.topic, tp.partition, err)
		case at.At > end.Offset:
			return fmt.Errorf("the group is at offset %d of input %s/%d, which ends at %d: %w",
				at.At, tp.topic, tp.partition, end.Offset, errTruncated)
		case at.At < start.Offset:
			r.engine.cfg.Metrics.deleted(start.Offset - at.At)
			r.engine.log.Error("the broker deleted input records that were not handled yet; "+
				"going on with the oldest that is left", "topic", tp.topic,
				"partition", tp.partition, "from", at.At, "to", start.Offset)
			moved[tp] = start.Offset
		}
	}
	if len(moved) == 0 {
		return nil
	}
	// The consumer may have fetched the old offset already. Its first fetch then fails, and the
	// next run begins with the new one.
	_, err = commitPlainly(ctx, r.consumer, r.engine.group, r.features.ids,
		membership{s.member, s.generation}, moved)
	return err
}

// unreadable is the error of a fetch from beyond an input's ends, if there is one. The partition
// is not read any more: only a new session finds out what has become of it.
func unreadable(fetches kgo.Fetches) (found error) {
	fetches.EachError(func(topic string, partition int32, err error) {
		if errors.Is(err, kerr.OffsetOutOfRange) {
			found = fmt.Errorf("fetch from %s/%d: %w", topic, partition, err)
		}
	})
	return found
}
