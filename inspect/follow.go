package inspect

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// followRecords limits how many records that have arrived are put in order of time at once.
const followRecords = 1000

// follow shows what comes after the ends, until ctx ends, which is no error.
func (c *cat) follow(ctx context.Context, ends map[int32]int64) error {
	c.report.Open = nil // they are waited for
	from := make(map[int32]kgo.Offset, len(ends))
	for partition, end := range ends {
		from[partition] = kgo.NewOffset().At(end)
	}
	options := []kgo.Opt{
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{c.Topic: from}),
		// An offset that is gone must be told, not skipped.
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMaxBytes(fetchBytes / 4), kgo.FetchMaxPartitionBytes(mostFetchBytes),
	}
	if c.Uncommitted {
		options = append(options, kgo.FetchIsolationLevel(kgo.ReadUncommitted()))
	}
	cl, err := c.Kafka.Client(options...)
	if err != nil {
		return fmt.Errorf("follow topic %s: %w", c.Topic, err)
	}
	defer cl.Close()
	for {
		fetches := cl.PollRecords(ctx, followRecords)
		if ctx.Err() != nil {
			return nil
		}
		if err := merge(c.arrived(ctx, fetches), c.show); err != nil {
			return err
		}
		var errs []error
		fetches.EachError(func(_ string, partition int32, err error) {
			errs = append(errs, fmt.Errorf("follow partition %d: %w", partition, err))
		})
		if err := errors.Join(errs...); err != nil {
			return err
		}
	}
}

// arrived returns the records of a poll that are meant, by partition.
func (c *cat) arrived(ctx context.Context, fetches kgo.Fetches) []next {
	var all []next
	fetches.EachPartition(func(p kgo.FetchTopicPartition) {
		records := p.Records
		all = append(all, func() (*Record, bool) {
			for len(records) > 0 {
				r := records[0]
				records = records[1:]
				if shown, is := c.arrive(ctx, r); is {
					return shown, true
				}
			}
			return nil, false
		})
	})
	return all
}

// arrive is keep of a record that a client has consumed.
func (c *cat) arrive(ctx context.Context, r *kgo.Record) (*Record, bool) {
	r.Timestamp = kafka.ReadTime(r.Timestamp)
	shown, is := c.keep(ctx, r)
	if is && c.Uncommitted && r.Attrs.IsTransactional() {
		shown.Transaction = undecided // it may have been decided, but nobody tells
	}
	return shown, is
}
