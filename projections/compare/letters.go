package compare

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/processors"
	"refold/projections"
)

// maxLetters limits the dead letters of a build that are held, some 40 bytes each.
const maxLetters = 1_000_000

// letters are the events whose rows the store has refused, by their dead letters. The fold alone can't know
// them: another store would take the rows. So are those that have looked up a state before it was there.
type letters struct {
	client *kgo.Client
	topic  string
	group  string
	next   map[int32]int64
	events map[kafka.TopicPartition]map[int64]bool
	size   int
}

func newLetters(client *kgo.Client, topic, group string) *letters {
	return &letters{
		client: client, topic: topic, group: group, next: make(map[int32]int64),
		events: make(map[kafka.TopicPartition]map[int64]bool),
	}
}

// read reads the dead letters that have come since the last time. A projector writes one before it passes the
// event, so those of all events below a progress that was read before are there.
func (l *letters) read(ctx context.Context) error {
	if l.group == "" {
		return nil
	}
	partitions, err := kafka.Partitions(ctx, l.client, l.topic)
	if errors.Is(err, kerr.UnknownTopicOrPartition) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read dead letters: %w", err)
	}
	for p := range partitions {
		from, began := l.next[p]
		if !began {
			from = kafka.FromStart
		}
		l.next[p], err = kafka.ReadPartitionBy(ctx, l.client,
			kafka.Range{Topic: l.topic, Partition: p, From: from},
			func(records []*kgo.Record, _ kafka.Progress) error {
				for _, r := range records {
					if err := l.note(r); err != nil {
						return err
					}
				}
				return nil
			})
		if err != nil {
			return fmt.Errorf("read dead letters: %w", err)
		}
	}
	return nil
}

// note takes a dead letter in, if it is of this build, and of a reason that the fold does not find by itself.
func (l *letters) note(r *kgo.Record) error {
	if string(kafka.Header(r.Headers, processors.HeaderGroup)) != l.group {
		return nil
	}
	switch projections.PoisonCode(kafka.Header(r.Headers, processors.HeaderReason)) {
	case projections.PoisonRefused, projections.PoisonSum, projections.PoisonLookup:
	default:
		return nil
	}
	partition, err := strconv.ParseInt(string(kafka.Header(r.Headers, processors.HeaderPartition)), 10, 32)
	offset, err2 := strconv.ParseInt(string(kafka.Header(r.Headers, processors.HeaderOffset)), 10, 64)
	if errors.Join(err, err2) != nil {
		return nil //nolint:nilerr // somebody else has written it
	}
	at := kafka.TopicPartition{
		Topic: string(kafka.Header(r.Headers, processors.HeaderTopic)), Partition: int32(partition),
	}
	if l.events[at] == nil {
		l.events[at] = make(map[int64]bool)
	}
	if !l.events[at][offset] {
		l.events[at][offset] = true
		l.size++
	}
	if l.size > maxLetters {
		return fmt.Errorf("the build has more than %d dead letters", maxLetters)
	}
	return nil
}

// refused reports whether the store has refused the rows of an event.
func (l *letters) refused(event *kgo.Record) bool {
	return l.events[kafka.TopicPartition{Topic: event.Topic, Partition: event.Partition}][event.Offset]
}
