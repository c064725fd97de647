package inspect

import (
	"errors"
	"fmt"
	"time"

	"refold/kafka"
)

// Options say what is read. Topic is required.
type Options struct {
	Kafka kafka.Settings
	// Registry has the schemas of values in the wire format; nil: they are shown as bytes.
	Registry Registry
	Topic    string

	Filter
	// Partitions are those that are read; empty: all.
	Partitions []int32
	// KeyPartition reads only the partition where Java's default partitioner places Filter.Key. Other
	// partitioners place it elsewhere, and so did any when the topic had fewer partitions.
	KeyPartition bool
	// From is the first offset that is read of each partition, To the one before which it ends; nil: all.
	From, To *int64
	// Tail reads only the last records of each partition, before any are filtered out; 0: all. At most
	// MaxTail.
	Tail int
	// Limit ends the reading after so many records; 0: no limit.
	Limit int64

	// Uncommitted also shows the records of transactions that were aborted or have not ended.
	Uncommitted bool
	// Patience is how long a partition waits for a transaction that is open; then it ends there. 0:
	// DefaultPatience.
	Patience time.Duration
	// Follow goes on with the records that come after the ends, until the context ends.
	Follow bool
}

const (
	// DefaultPatience is the default of Options.Patience: the transactions of workers take milliseconds.
	DefaultPatience = 10 * time.Second
	// MaxTail limits Options.Tail. The places of so many records of each partition are held in memory, 8
	// bytes each.
	MaxTail = 100_000
)

// The limits of what is fetched at a time. Compressed batches take ten to twenty times that in memory, and up
// to three answers of each partition are held at once.
const (
	fetchBytes      = 32 << 20  // of all partitions
	mostFetchBytes  = 256 << 10 // of one
	leastFetchBytes = 16 << 10
)

// Check lists what is wrong with the options, but for what only the brokers know.
func (o *Options) Check() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(o.Topic == "", "no topic is named")
	wrong(o.Tail < 0 || o.Tail > MaxTail, "tail is %d; must be 0 to %d", o.Tail, MaxTail)
	wrong(o.Limit < 0, "the limit is %d; must not be less than 0", o.Limit)
	wrong(o.Patience < 0, "the patience is %v; must not be less than 0", o.Patience)
	wrong(o.From != nil && *o.From < 0, "an offset to begin at must not be less than 0")
	wrong(o.From != nil && o.To != nil && *o.To < *o.From,
		"the offset to end at is before the one to begin at")
	wrong(!o.Since.IsZero() && !o.Until.IsZero() && o.Until.Before(o.Since),
		"the time to end at is before the one to begin at")
	wrong(o.Follow && (o.To != nil || !o.Until.IsZero()), "records that are still to come have no end")
	wrong(o.KeyPartition && o.Key == nil, "there is no key to find the partition of")
	return errors.Join(errs...)
}

// Report says what a reading has left out.
type Report struct {
	Shown int64
	// Partitions are those that were read.
	Partitions []int32
	// Failed is how many records the expression Where gave no answer for, FirstFailure the first of them in
	// the order of partitions and offsets.
	Failed       int64
	FirstFailure *Failure
	// Open are partitions that ended before a transaction which was open for longer than Options.Patience.
	Open []OpenEnd
}

// Failure is why an expression has no answer for a record.
type Failure struct {
	Partition int32
	Offset    int64
	Err       error
}

// OpenEnd is a partition whose records from Next on, to before End, were not read.
type OpenEnd struct {
	Partition int32
	Next, End int64
}
