package inspect

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// span is what is read of a partition: from the first offset to before the last.
type span struct {
	partition int32
	from, to  int64
}

// spans asks the brokers what there is to read.
func (o *Options) spans(ctx context.Context, cl *kgo.Client) ([]span, error) {
	topics, err := kafka.DescribeTopics(ctx, cl, o.Topic)
	if err == nil {
		err = topics[o.Topic].Err
	}
	if err != nil {
		return nil, fmt.Errorf("topic %s: %w", o.Topic, err)
	}
	partitions, err := o.partitions(topics[o.Topic].Partitions)
	if err != nil {
		return nil, err
	}
	admin := kadm.NewClient(cl)
	listed := map[string]kadm.ListedOffsets{}
	for _, ask := range []struct {
		name string
		list func() (kadm.ListedOffsets, error)
		need bool
	}{
		{"start", func() (kadm.ListedOffsets, error) { return admin.ListStartOffsets(ctx, o.Topic) }, true},
		{"end", func() (kadm.ListedOffsets, error) { return admin.ListEndOffsets(ctx, o.Topic) }, true},
		{"since", after(ctx, admin, o.Topic, o.Since), !o.Since.IsZero()},
		{"until", after(ctx, admin, o.Topic, o.Until), !o.Until.IsZero()},
	} {
		if !ask.need {
			continue
		}
		if listed[ask.name], err = ask.list(); err != nil {
			return nil, fmt.Errorf("ask for the offsets of topic %s: %w", o.Topic, err)
		}
	}
	spans := make([]span, len(partitions))
	for i, p := range partitions {
		if spans[i], err = o.span(p, listed); err != nil {
			return nil, err
		}
	}
	return spans, nil
}

// after returns a request for the first offsets whose records have a time or a later one; the ends, where
// there are none.
func after(
	ctx context.Context, admin *kadm.Client, topic string, t time.Time,
) func() (kadm.ListedOffsets, error) {
	return func() (kadm.ListedOffsets, error) {
		// Rounded up: a record in the same millisecond is before t.
		ms := t.Add(time.Millisecond - 1).UnixMilli()
		return admin.ListOffsetsAfterMilli(ctx, ms, topic)
	}
}

// partitions returns the partitions that are read, of a topic that has so many.
func (o *Options) partitions(count int32) ([]int32, error) {
	if o.KeyPartition {
		return []int32{kafka.Partition([]byte(*o.Key), count)}, nil
	}
	if len(o.Partitions) == 0 {
		all := make([]int32, count)
		for i := range all {
			all[i] = int32(i)
		}
		return all, nil
	}
	for _, p := range o.Partitions {
		if p < 0 || p >= count {
			return nil, fmt.Errorf("topic %s has no partition %d; it has 0 to %d", o.Topic, p, count-1)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(o.Partitions))), nil
}

// span returns what is read of a partition, given what the brokers have listed.
func (o *Options) span(partition int32, listed map[string]kadm.ListedOffsets) (span, error) {
	at := map[string]int64{}
	for name, offsets := range listed {
		offset, err := kafka.OffsetOf(o.Topic, partition)(offsets, nil)
		if err != nil {
			return span{}, err //nolint:wrapcheck // it says what was asked
		}
		at[name] = offset
	}
	s := span{partition, at["start"], at["end"]}
	if o.From != nil {
		s.from = min(max(s.from, *o.From), s.to)
	}
	if o.To != nil {
		s.to = max(min(s.to, *o.To), s.from)
	}
	if since, is := at["since"]; is {
		s.from = min(max(s.from, since), s.to)
	}
	if until, is := at["until"]; is {
		s.to = max(min(s.to, until), s.from)
	}
	return s, nil
}
