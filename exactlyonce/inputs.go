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

	"refold/exactlyonce/machine"
	"refold/kafka"
)

// checkInputs compares the group's offsets with what the brokers still have, before a session begins.
// Otherwise the client would read a partition whose offset does not fit from its beginning, and everything in
// it would be handled a second time.
//
//   - An offset beyond the end ends the Processor: the topic was truncated or made anew.
//   - No offset at all, though the table has rows, ends it, too: brokers forget the offsets of a group
//     that was empty for long (offsets.retention.minutes, a week by default).
//   - An offset before the start, because the broker deleted records that were not handled yet, moves to the
//     start: what is left was never handled. The log and a metric say how much is missing.
//   - A partition without an offset begins at its oldest record, or where Config.Start says (see first).
//
// Offsets must be stable, and nothing of the session's may be in hand.
func (r *run) checkInputs(ctx context.Context, s *session) error {
	inputs, err := r.askInputs(ctx, s)
	if err != nil {
		return err
	}
	moved := make(map[kafka.TopicPartition]int64)
	s.begins.at = make(map[kafka.TopicPartition]int64, len(inputs))
	handled := make(map[int32]bool) // whether some input of the partition has an offset
	for tp, in := range inputs {
		handled[tp.Partition] = handled[tp.Partition] || in.at >= 0
		s.begins.at[tp] = max(in.at, in.start)
		switch {
		case in.at > in.end:
			return &machine.FatalError{Err: fmt.Errorf("the group is at offset %d of input %s, which ends "+
				"at %d: the topic was truncated or made anew, and nobody knows which of its "+
				"records were handled; set the group's offset, or the topic, right%s",
				in.at, tp, in.end, in.noted())}
		case in.at >= 0 && in.at < in.start:
			r.engine.cfg.Metrics.deleted(in.start - in.at)
			r.engine.log.Error("the broker deleted input records that were not handled yet; "+
				"going on with the oldest that is left", "topic", tp.Topic,
				"partition", tp.Partition, "from", in.at, "to", in.start)
			moved[tp] = in.start
		}
	}
	if err := r.checkForgotten(ctx, s, handled); err != nil {
		return err
	}
	if err := r.first(ctx, s, inputs, moved); err != nil {
		return err
	}
	if len(moved) > 0 {
		// The consumer may have fetched the old offset already. Its first fetch then fails, and the next
		// run begins with the new one. Those of first wait for this commit.
		if _, err = s.offsets(moved).Plainly(ctx, r.consumer); err != nil {
			return err
		}
	}
	close(s.begins.decided)
	return nil
}

// input is the group's offset in an input partition, -1 if it has none, and the offsets that the brokers
// have.
type input struct {
	at, start, end int64
	note           string // that was committed with the offset
}

// errNoAnswer says that a broker's answer lacks a partition.
var errNoAnswer = errors.New("the broker left the partition out of its answer")

// noted returns the note that was committed with the offset, for an error.
func (i input) noted() string {
	if i.note == "" {
		return ""
	}
	return " (the offset is noted: " + i.note + ")"
}

// askInputs asks the brokers about the session's inputs.
func (r *run) askInputs(ctx context.Context, s *session) (map[kafka.TopicPartition]input, error) {
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
	inputs := make(map[kafka.TopicPartition]input)
	for tp := range s.claims {
		at, known := offsets.Lookup(tp.Topic, tp.Partition)
		start, started := starts.Lookup(tp.Topic, tp.Partition)
		end, ended := ends.Lookup(tp.Topic, tp.Partition)
		err := errors.Join(at.Err, start.Err, end.Err)
		if err == nil && (!started || !ended) {
			err = errNoAnswer
		}
		if err != nil {
			return nil, fmt.Errorf("compare the group's offset with input %s: %w", tp, err)
		}
		if !known {
			at.At = -1
		}
		inputs[tp] = input{at: at.At, start: start.Offset, end: end.Offset, note: at.Metadata}
	}
	return inputs, nil
}

// checkForgotten looks whether the table has rows where no input has an offset. Rows and offsets are
// committed together, so that there can't be one without the other.
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
			return &machine.FatalError{Err: fmt.Errorf("group %s has no offset in partition %d of any "+
				"input, but its table %s has rows: the offsets were deleted, or have expired, and all "+
				"inputs would be handled a second time; set the group's offsets, or have the table "+
				"and the offsets made again from the events: docs/runbooks/reset-offline.md",
				r.engine.group, partition, r.engine.table)}
		case err != nil:
			return fmt.Errorf("look for rows in %s/%d: %w", r.engine.table, partition, err)
		}
	}
	return nil
}

// askAgain asks for the offsets once more, after rows were found. Offsets that appeared between the first
// request and the look at the table were committed by another worker, which took the partition over
// meanwhile: that is a fault, and no reason to end.
func (r *run) askAgain(ctx context.Context, s *session, partition int32) error {
	err := kafka.WaitStable(ctx, r.engine.admin, r.engine.group, s.ids, s.assigned)
	if err != nil {
		return err
	}
	inputs, err := r.askInputs(ctx, s)
	if err != nil {
		return err
	}
	for tp, in := range inputs {
		if tp.Partition == partition && in.at >= 0 {
			return fmt.Errorf("the group went on without this worker in %s", tp)
		}
	}
	return nil
}

// unreadable judges the errors of fetches. After an error from beyond an input's ends, or of a topic that was
// made again, the partition is not read any more: only a new session finds out what has become of it. After
// any other answer of a broker the partition is held until it can be read; if the answer is about a topic,
// all of its partitions are.
func (r *run) unreadable(s *session, fetches kgo.Fetches) {
	fetches.EachError(func(topic string, partition int32, err error) {
		switch {
		case errors.Is(err, kerr.OffsetOutOfRange), kafka.MadeAgain(err):
			r.do(r.machine.InputLost(fmt.Errorf("fetch from %s/%d: %w", topic, partition, err)))
		case kafka.Refused(err):
			for tp := range s.claims {
				if tp.Topic == topic && (partition < 0 || tp.Partition == partition) {
					s.holdUnreadable(tp, err)
				}
			}
		}
	})
}
