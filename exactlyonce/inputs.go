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

	"refold/kafka"
)

// checkInputs compares the group's offsets with what the brokers still have, before a session
// begins. A client left to itself would read a partition that does not fit from its beginning, and
// everything in it would be handled a second time.
//
//   - An offset beyond the end ends the Processor: the topic was truncated or made anew.
//   - No offset at all, though the table has rows, ends it, too: brokers forget the offsets of a
//     group that was empty for long (offsets.retention.minutes, a week by default).
//   - An offset before the start, because the broker deleted records that nobody had handled, is
//     moved to the start: what is left was never handled. The log and a metric say what is missing.
//
// Offsets must be stable, and nothing of the session's may be in hand.
func (r *run) checkInputs(ctx context.Context, s *session) error {
	inputs, err := r.inputs(ctx, s)
	if err != nil {
		return err
	}
	moved := make(map[topicPartition]int64)
	s.begins = make(map[topicPartition]int64, len(inputs))
	handled := make(map[int32]bool) // whether some input of the partition has an offset
	for tp, in := range inputs {
		handled[tp.partition] = handled[tp.partition] || in.at >= 0
		s.begins[tp] = max(in.at, in.start)
		switch {
		case in.at > in.end:
			return &fatalError{fmt.Errorf("the group is at offset %d of input %s/%d, which ends "+
				"at %d: the topic was truncated or made anew, and nobody knows which of its "+
				"records were handled; set the group's offset, or the topic, right%s",
				in.at, tp.topic, tp.partition, in.end, in.noted())}
		case in.at >= 0 && in.at < in.start:
			r.engine.cfg.Metrics.deleted(in.start - in.at)
			r.engine.log.Error("the broker deleted input records that were not handled yet; "+
				"going on with the oldest that is left", "topic", tp.topic,
				"partition", tp.partition, "from", in.at, "to", in.start)
			moved[tp] = in.start
		}
	}
	if err := r.checkForgotten(ctx, s, handled); err != nil || len(moved) == 0 {
		return err
	}
	// The consumer may have fetched the old offset already. Its first fetch then fails, and the
	// next run begins with the new one.
	_, err = commitPlainly(ctx, r.consumer, r.engine.group, r.features.ids,
		membership{s.member, s.generation}, moved)
	return err
}

// input is where the group is in an input partition, -1 if nowhere, and what the brokers have.
type input struct {
	at, start, end int64
	note           string // that was committed with the offset
}

// noted is what whoever set the offset wants to be known.
func (i input) noted() string {
	if i.note == "" {
		return ""
	}
	return " (the offset is noted: " + i.note + ")"
}

func (r *run) inputs(ctx context.Context, s *session) (map[topicPartition]input, error) {
	admin := kadm.NewClient(r.engine.admin)
	offsets, err := admin.FetchOffsets(ctx, r.engine.group)
	if err != nil {
		return nil, fmt.Errorf("fetch the group's offsets: %w", err)
	}
	topics := slices.Sorted(maps.Keys(s.assigned))
	starts, err := admin.ListStartOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("list where inputs start: %w", err)
	}
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err != nil {
		return nil, fmt.Errorf("list where inputs end: %w", err)
	}
	inputs := make(map[topicPartition]input)
	for tp := range s.claims {
		at, known := offsets.Lookup(tp.topic, tp.partition)
		start, started := starts.Lookup(tp.topic, tp.partition)
		end, ended := ends.Lookup(tp.topic, tp.partition)
		err := errors.Join(at.Err, start.Err, end.Err)
		if err == nil && (!started || !ended) {
			err = errors.New("the broker left the partition out of its answer")
		}
		if err != nil {
			return nil, fmt.Errorf("compare the group's offset with input %s/%d: %w",
				tp.topic, tp.partition, err)
		}
		if !known {
			at.At = -1
		}
		inputs[tp] = input{at: at.At, start: start.Offset, end: end.Offset, note: at.Metadata}
	}
	return inputs, nil
}

// checkForgotten looks whether the table has rows where no input has an offset. Rows and offsets
// are committed together, so that there can't be one without the other.
func (r *run) checkForgotten(ctx context.Context, s *session, handled map[int32]bool) error {
	if r.engine.table == "" {
		return nil
	}
	opts, err := r.engine.cfg.Kafka.Options()
	if err != nil {
		return err
	}
	found := errors.New("there is a row")
	for partition, is := range handled {
		if is {
			continue
		}
		at := kafka.Range{Topic: r.engine.table, Partition: partition, From: kafka.FromStart}
		_, err := kafka.ReadPartition(ctx, opts, at,
			func(records []*kgo.Record, _ kafka.Progress) error {
				if len(records) > 0 {
					return found
				}
				return nil
			})
		switch {
		case errors.Is(err, found):
			if err := r.askAgain(ctx, s, partition); err != nil {
				return err
			}
			return &fatalError{fmt.Errorf("group %s has no offset in partition %d of any input, "+
				"but its table %s has rows: the offsets were deleted, or have expired, and all "+
				"inputs would be handled a second time; set the group's offsets, or have the table "+
				"and the offsets made again from the events: docs/runbooks/reset-offline.md",
				r.engine.group, partition, r.engine.table)}
		case err != nil:
			return fmt.Errorf("look for rows in %s/%d: %w", r.engine.table, partition, err)
		}
	}
	return nil
}

// askAgain asks for the offsets once more, after rows were found: those that came between the first
// question and the look at the table are another worker's, who took the partition over meanwhile, and
// that is no more than a fault.
func (r *run) askAgain(ctx context.Context, s *session, partition int32) error {
	ids := r.features.ids
	if err := waitStable(ctx, r.engine.admin, r.engine.group, ids, s.assigned); err != nil {
		return err
	}
	inputs, err := r.inputs(ctx, s)
	if err != nil {
		return err
	}
	for tp, in := range inputs {
		if tp.partition == partition && in.at >= 0 {
			return fmt.Errorf("the group went on without us in %s/%d", tp.topic, tp.partition)
		}
	}
	return nil
}

// unreadable judges the errors of fetches. After one from beyond an input's ends, or of a topic that was
// made again, the partition is not read any more: only a new session finds out what has become of it.
// After any other answer of a broker the partition, or with one about a topic each of its partitions, is
// held until it can be read.
func (r *run) unreadable(s *session, fetches kgo.Fetches) {
	fetches.EachError(func(topic string, partition int32, err error) {
		switch {
		case errors.Is(err, kerr.OffsetOutOfRange), kafka.MadeAgain(err):
			r.do(r.machine.inputLost(fmt.Errorf("fetch from %s/%d: %w", topic, partition, err)))
		case kafka.Refused(err):
			for tp := range s.claims {
				if tp.topic == topic && (partition < 0 || tp.partition == partition) {
					s.holdUnreadable(tp, err)
				}
			}
		}
	})
}
