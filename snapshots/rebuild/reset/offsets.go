package reset

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Cause names the command that an event or a result comes from. It takes both fields to identify a command's
// record: a client may send an ID twice.
type Cause struct {
	Command string
	Time    int64 // the command record's timestamp, in milliseconds
}

// DeadLetter is the origin of a dead letter.
type DeadLetter struct {
	Group, Topic string
	Partition    int32
	Offset       int64
}

// Topics of an aggregate.
type Topics struct {
	// Results is empty for an aggregate that keeps none: its rejected commands are not known to have been
	// handled then.
	Commands, Events, Results, Table, DeadLetters, Group string
}

// OffsetFinder finds out which commands were handled. All fields are required.
type OffsetFinder struct {
	Kafka  kafka.Settings
	Topics Topics
	// Outcome reads an event or a result.
	Outcome func(*kgo.Record) (Cause, error)
	// Command reads the ID of a command; it is empty if the record has none.
	Command func(*kgo.Record) string
	// Letter reads a dead letter; false if it is none.
	Letter func(*kgo.Record) (DeadLetter, bool)
}

// tail is how many of the last offsets of events and results are read for commands that were handled. The
// last one alone would do: commands are handled in the order of their offsets. More of them help where
// commands were deleted meanwhile.
const tail = 20_000

// InputPosition is where a group resumes a partition of its input.
type InputPosition struct {
	// Next is the offset of the first command that has no outcome.
	Next int64
	// Start and End are what the commands topic holds; from Next on they are to be handled.
	Start, End int64
	// Waiting is how many commands there are from Next on, or how many offsets if no outcome is known.
	Waiting int64
	// Lost says that there are outcomes, but none of their commands: these were deleted, or the topic is
	// another one.
	Lost bool
}

// Find returns for each partition of the commands topic where to resume: behind the last command that has a
// committed result, event or dead letter. It waits for open transactions.
func (r *OffsetFinder) Find(ctx context.Context, partitions []int32) (map[int32]InputPosition, error) {
	letters, err := r.letters(ctx)
	if err != nil {
		return nil, err
	}
	client, err := r.Kafka.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	positions := make(map[int32]InputPosition, len(partitions))
	for _, partition := range partitions {
		at, err := r.position(ctx, kadm.NewClient(client), partition, letters[partition])
		if err != nil {
			return nil, fmt.Errorf("find out which commands of %s/%d were handled: %w",
				r.Topics.Commands, partition, err)
		}
		positions[partition] = at
	}
	return positions, nil
}

// letters returns the offset behind the last command of each partition that became a dead letter. A letter
// whose origin is not within the topic is of another topic of that name, or damaged, and does not count: it
// could set the group behind all commands.
func (r *OffsetFinder) letters(ctx context.Context) (map[int32]int64, error) {
	client, err := r.Kafka.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	count, err := kafka.Partitions(ctx, client, r.Topics.DeadLetters)
	if err != nil {
		return nil, err
	}
	ends, err := kadm.NewClient(client).ListEndOffsets(ctx, r.Topics.Commands)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("ask where %s ends: %w", r.Topics.Commands, err)
	}
	next := make(map[int32]int64)
	for partition := range count {
		err := r.read(ctx, r.Topics.DeadLetters, partition, kafka.FromStart, func(record *kgo.Record) error {
			l, is := r.Letter(record)
			end, known := ends.Lookup(r.Topics.Commands, l.Partition)
			ours := is && l.Group == r.Topics.Group && l.Topic == r.Topics.Commands
			if ours && known && l.Offset < end.Offset {
				next[l.Partition] = max(next[l.Partition], l.Offset+1)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the dead letters: %w", err)
		}
	}
	return next, nil
}

func (r *OffsetFinder) position(
	ctx context.Context, admin *kadm.Client, partition int32, letters int64,
) (p InputPosition, err error) {
	handled, oldest, err := r.traces(ctx, admin, partition)
	if err != nil {
		return p, err
	}
	topic := r.Topics.Commands
	if p.Start, err = kafka.OffsetOf(topic, partition)(admin.ListStartOffsets(ctx, topic)); err != nil {
		return p, err
	}
	if p.End, err = kafka.OffsetOf(topic, partition)(admin.ListEndOffsets(ctx, topic)); err != nil {
		return p, err
	}
	p.Next = max(p.Start, letters)
	if len(handled) == 0 {
		p.Waiting = p.End - p.Next
		return p, nil
	}
	// All commands of that time or later are at this offset or behind it.
	from, err := kafka.OffsetOf(topic, partition)(admin.ListOffsetsAfterMilli(ctx, oldest, topic))
	if err != nil {
		return p, err
	}
	found, err := r.match(ctx, &p, partition, max(p.Start, from), letters, handled,
		func(command *kgo.Record) Cause { return Cause{r.Command(command), command.Timestamp.UnixMilli()} })
	if err != nil || found {
		return p, err
	}
	// A topic that was restored from a backup may have other times: by their IDs, then.
	byID := make(map[Cause]int, len(handled))
	for t, n := range handled {
		byID[Cause{Command: t.Command}] += n
	}
	found, err = r.match(ctx, &p, partition, p.Start, letters, byID,
		func(command *kgo.Record) Cause { return Cause{Command: r.Command(command)} })
	if !found {
		p.Waiting, p.Lost = p.End-p.Next, letters == 0 && p.End > p.Start
	}
	return p, err
}

// match moves a position behind the last command that was handled, and reports whether there is one.
func (r *OffsetFinder) match(
	ctx context.Context, p *InputPosition, partition int32, from, letters int64, handled map[Cause]int,
	traceOf func(*kgo.Record) Cause,
) (found bool, err error) {
	p.Waiting = 0
	err = r.read(ctx, r.Topics.Commands, partition, from, func(command *kgo.Record) error {
		t := traceOf(command)
		if handled[t] > 0 {
			handled[t]--
			found = true
			p.Next = max(p.Next, command.Offset+1)
			p.Waiting = 0
		} else if command.Offset >= letters {
			p.Waiting++
		}
		return nil
	})
	return found, err
}

// traces returns how often each command of the last outcomes was handled, and the oldest of their times.
func (r *OffsetFinder) traces(
	ctx context.Context, admin *kadm.Client, partition int32,
) (handled map[Cause]int, oldest int64, err error) {
	handled = make(map[Cause]int)
	note := func(topic string, count func(Cause)) error {
		end, err := kafka.OffsetOf(topic, partition)(admin.ListEndOffsets(ctx, topic))
		if err != nil {
			return err
		}
		start, err := kafka.OffsetOf(topic, partition)(admin.ListStartOffsets(ctx, topic))
		if err != nil {
			return err
		}
		return r.read(ctx, topic, partition, max(start, end-tail), func(record *kgo.Record) error {
			t, err := r.Outcome(record)
			if err != nil {
				return fmt.Errorf("read the record at %s/%d offset %d: %w", topic, partition,
					record.Offset, err)
			}
			if t.Command == "" {
				return nil // another program wrote it
			}
			if len(handled) == 0 || t.Time < oldest {
				oldest = t.Time
			}
			count(t)
			return nil
		})
	}
	// Each command that was handled has one result, one that came again included.
	if r.Topics.Results != "" {
		err = note(r.Topics.Results, func(t Cause) { handled[t]++ })
	}
	if err == nil {
		// Where results are not kept any more, events know of those that had some.
		err = note(r.Topics.Events, func(t Cause) { handled[t] = max(handled[t], 1) })
	}
	return handled, oldest, err
}

func (r *OffsetFinder) read(
	ctx context.Context, topic string, partition int32, from int64, fn func(*kgo.Record) error,
) error {
	opts, err := r.Kafka.Options()
	if err != nil {
		return err
	}
	_, err = kafka.ReadPartition(ctx, opts, kafka.Range{Topic: topic, Partition: partition, From: from},
		func(records []*kgo.Record, _ kafka.Progress) error {
			for _, record := range records {
				if err := fn(record); err != nil {
					return err
				}
			}
			return nil
		})
	return err
}
