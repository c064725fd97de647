package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The limits of ReadPartition.
const (
	// readFetchBytes is asked for at a time: large enough that the way to the broker and back does
	// not count, small enough that some dozens of partitions may be restored at once. A batch that
	// is larger by itself comes whole; brokers limit it (message.max.bytes). At most three answers
	// are held at once: one with the caller, one waiting, one under way. It counts what is sent,
	// compressed: small records take ten to twenty times that in memory.
	readFetchBytes = 256 << 10

	// readMaxWait is how long a broker waits for something new before it answers that there is
	// nothing, and so the time between two reports while an open transaction holds the reading up.
	readMaxWait = 500 * time.Millisecond

	// readChunkRecords and readChunkBytes limit what the caller gets at once, so that it may write
	// each call as one batch of its store. Compressed answers can be many times larger than what
	// was fetched.
	readChunkRecords = 10_000
	readChunkBytes   = 1 << 20

	// readPatience is how long requests may go on failing without a good answer in between before
	// the fault goes to the caller, which can go on later from the offset that was reached. It covers
	// a change of leader (some seconds) and a broker's restart (some tens of seconds).
	readPatience = 2 * time.Minute

	// missingPatience is how long a topic may be unknown before it is taken for missing: right
	// after a topic is made, some brokers know of it and others don't yet.
	missingPatience = time.Second

	// readBackoffLeast and readBackoffMost frame the pause after a failed request; it doubles.
	readBackoffLeast = 20 * time.Millisecond
	readBackoffMost  = time.Second
)

// FromStart as Range.From reads from the oldest record that the partition still holds.
const FromStart int64 = -1

// Range is a partition from an offset to the end that it has when the reading begins.
type Range struct {
	Topic     string
	Partition int32
	From      int64 // the first offset to read; FromStart (or any below zero): the log's start
	// Uncommitted also gives out the records of aborted and of open transactions, each with its
	// [TransactionOf]. Nothing is waited for then: Progress.Held is never set.
	Uncommitted bool
	// FetchBytes is asked for at a time, compressed; 0: 256 KiB. Readers of many partitions take less.
	FetchBytes int32
}

// Progress tells where a reading is.
type Progress struct {
	Start int64 // where it began: Range.From, or the log's start
	Next  int64 // every record below it has been given out, or is not there
	End   int64 // it ends when Next gets here; does not change. -1 until a broker has told
	// Held says that the transaction which wrote the record at Next is still open (or its end is
	// decided and not yet written), so that there is nothing to do but wait. The broker ends it
	// after its producer's transaction time-out at the latest.
	Held bool
	// Fault is why the last request failed; it is tried again. Nil: it did not.
	Fault error
}

// ReadPartition gives fn the committed records of a partition, in order, from r.From to the end,
// and returns the offset after the last: the next to read, which is End when err is nil.
//
// The end is the high watermark at the moment of the call, uncommitted records included, though
// only committed ones are given out. A transaction whose commit is decided but whose marker is not
// yet written is thereby waited for, where the last stable offset would stop in front of it and
// lose its records (design §2, no. 5); so is a transaction that is still open. Commit and abort
// markers, aborted records and what compaction has removed count as read, so that the end is
// reached exactly, whatever the partition ends in.
//
// fn is called once without records when the end is known, then with at most 10,000 records and about 1 MiB
// at a time (each Timestamp is a ReadTime), and without records to report progress, at least every half
// second while nothing else comes. Keys and values share memory with other records of the same answer: fn
// copies what it keeps. An error of fn ends the reading and is returned; the offset returned is
// then the one after the last successful call.
//
// Faults of the network and of brokers are tried again, for two minutes without a good answer at
// most. ErrOffsetOutOfRange and ErrTopicMissing end the reading at once. When ctx ends, so does
// the reading, with ctx's error; to go on later, pass the offset returned.
//
// opts are those of a client of its own, which is closed at the end: Settings.Options.
func ReadPartition(
	ctx context.Context, opts []kgo.Opt, r Range, fn func([]*kgo.Record, Progress) error,
) (next int64, err error) {
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		return r.From, fmt.Errorf("reading %s/%d: %w", r.Topic, r.Partition, err)
	}
	defer cl.Close()
	return ReadPartitionBy(ctx, cl, r, fn)
}

// ReadPartitionBy is [ReadPartition] with a client that exists, made with Settings.Options: a caller that
// reads the end of a partition again and again needs no new connections.
func ReadPartitionBy(
	ctx context.Context, cl *kgo.Client, r Range, fn func([]*kgo.Record, Progress) error,
) (next int64, err error) {
	ctx, cancel := context.WithCancel(ctx)
	reader := &partitionReader{
		log:      newPartitionLog(cl, r.Topic, r.Partition),
		fetch:    (*partitionLog).fetch,
		steps:    make(chan step),
		progress: Progress{Start: r.From, Next: r.From, End: -1},
	}
	if r.Uncommitted {
		reader.fetch = (*partitionLog).fetchUncommitted
	}
	if r.FetchBytes > 0 {
		reader.log.bytes = r.FetchBytes
	}
	var readErr error // written before steps is closed, read after
	go func() {
		defer close(reader.steps)
		readErr = reader.run(ctx, r.From)
	}()
	defer func() {
		cancel()
		for range reader.steps { // waits for the goroutine, after an error of fn too
		}
	}()

	next = r.From
	for s := range reader.steps {
		if next, err = s.give(next, fn); err != nil {
			return next, err
		}
	}
	if readErr != nil {
		return next, fmt.Errorf("reading %s/%d: %w", r.Topic, r.Partition, readErr)
	}
	return next, nil
}

// step is an answer of a broker, on its way to the caller of ReadPartition.
type step struct {
	records  []*kgo.Record
	progress Progress // after all records
}

// give hands a step to fn in pieces and returns the offset after the last that fn took.
func (s step) give(
	next int64, fn func([]*kgo.Record, Progress) error,
) (int64, error) {
	records := s.records
	for {
		n := chunk(records)
		progress := s.progress
		if n < len(records) {
			progress.Next = records[n].Offset
		}
		if err := fn(records[:n], progress); err != nil {
			return next, err
		}
		next = progress.Next
		if records = records[n:]; len(records) == 0 {
			return next, nil
		}
	}
}

// chunk returns how many of the records go out at once.
func chunk(records []*kgo.Record) int {
	size := 0
	for i, record := range records {
		size += len(record.Key) + len(record.Value)
		if i+1 == readChunkRecords || size >= readChunkBytes {
			return i + 1
		}
	}
	return len(records)
}

// partitionReader reads ahead of the caller by one answer.
type partitionReader struct {
	log      *partitionLog
	fetch    func(*partitionLog, context.Context, int64) (answer, error)
	steps    chan step
	progress Progress

	lastGood time.Time // when a request was last answered well
	missing  time.Time // since when the topic has been unknown; zero: it is known
	backoff  time.Duration
}

// run sends steps until the end is reached.
func (r *partitionReader) run(ctx context.Context, from int64) error {
	r.lastGood = time.Now()
	for {
		err := r.begin(ctx, from)
		if err == nil {
			break
		}
		if err := r.endure(ctx, err); err != nil {
			return err
		}
	}
	if err := r.send(ctx, nil); err != nil {
		return err
	}
	for r.progress.Next < r.progress.End {
		records, err := r.advance(ctx)
		if err != nil {
			if err := r.endure(ctx, err); err != nil {
				return err
			}
			continue
		}
		r.lastGood, r.missing, r.backoff = time.Now(), time.Time{}, 0
		if err := r.send(ctx, records); err != nil {
			return err
		}
	}
	return nil
}

// begin finds where to start and where to end.
func (r *partitionReader) begin(ctx context.Context, from int64) error {
	start, end, err := r.bounds(ctx)
	if err != nil {
		return err
	}
	if from < 0 {
		from = start
	}
	if err := within(from, start, end); err != nil {
		return err
	}
	r.progress = Progress{Start: from, Next: from, End: end}
	return nil
}

// bounds asks what the log holds.
func (r *partitionReader) bounds(ctx context.Context) (start, end int64, err error) {
	if err := r.log.locate(ctx); err != nil {
		return 0, 0, err
	}
	if start, err = r.log.offsetAt(ctx, offsetLogStart); err != nil {
		return 0, 0, err
	}
	end, err = r.log.offsetAt(ctx, offsetHighWatermark)
	return start, end, err
}

func within(offset, start, end int64) error {
	if offset < start || offset > end {
		return fmt.Errorf("%w: %d, the log holds %d to %d", ErrOffsetOutOfRange, offset, start, end)
	}
	return nil
}

// errNotOutOfRange is a fault: a broker says that it has no such offset, and has it.
var errNotOutOfRange = errors.New("a broker took an offset of the log for one that is out of range")

// judge tells what it means that a broker says that the next offset is out of range. One that has just
// become the leader may say so for a moment; it is believed only if what the log holds bears it out.
func (r *partitionReader) judge(ctx context.Context) error {
	start, end, err := r.bounds(ctx)
	if err != nil {
		return err
	}
	if err := within(r.progress.Next, start, end); err != nil {
		return err
	}
	return fmt.Errorf("%w: %d", errNotOutOfRange, r.progress.Next)
}

// advance asks for the next records and moves progress behind them.
func (r *partitionReader) advance(ctx context.Context) ([]*kgo.Record, error) {
	p := &r.progress
	if !r.log.located {
		if err := r.log.locate(ctx); err != nil {
			return nil, err
		}
	}
	answer, err := r.fetch(r.log, ctx, p.Next)
	if errors.Is(err, ErrOffsetOutOfRange) {
		err = r.judge(ctx)
	}
	if err != nil {
		return nil, err
	}
	p.Fault, p.Held = nil, false
	switch {
	case answer.next > p.Next:
		p.Next = min(answer.next, p.End)
	case !answer.empty:
		return nil, errNoProgress
	case p.Next >= answer.stable:
		p.Held = true
	default:
		// Nothing at all below the last stable offset. Brokers read up to there, and found nothing:
		// compaction has removed the last records of a segment, the segment behind is still empty,
		// and so there is no batch whose last offset would be greater. Unless the records are in
		// tiered storage, which can answer late; then the request is repeated.
		local, err := r.log.offsetAt(ctx, offsetLocalLogStart)
		if err != nil {
			return nil, err
		}
		if p.Next >= local {
			p.Next = min(answer.stable, p.End)
		}
	}
	records := answer.records
	for len(records) > 0 && records[len(records)-1].Offset >= p.End {
		records = records[:len(records)-1]
	}
	for _, record := range records {
		record.Timestamp = ReadTime(record.Timestamp)
	}
	return records, nil
}

// errNoProgress is an answer of a broken broker: bytes, but no batch that was not read before.
var errNoProgress = errors.New("the broker answered with a batch that does not hold the offset")

// endure decides about an error: it returns nil when the request is to be tried again, after a
// pause, and the error to end with otherwise.
func (r *partitionReader) endure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	now := time.Now()
	switch {
	case errors.Is(err, ErrTopicMissing) && !errors.Is(err, errMadeAgain):
		if r.missing.IsZero() {
			r.missing = now
		}
		if now.Sub(r.missing) > missingPatience {
			return err
		}
	case isFinal(err), now.Sub(r.lastGood) > readPatience:
		return err
	}
	r.log.located = false // whatever it was, the leader may be another one now
	r.backoff = min(max(2*r.backoff, readBackoffLeast), readBackoffMost)
	r.progress.Fault = err
	if err := r.send(ctx, nil); err != nil {
		return err
	}
	if !Sleep(ctx, r.backoff) {
		return ctx.Err()
	}
	return nil
}

// send hands a step over, as soon as the one before is done with.
func (r *partitionReader) send(ctx context.Context, records []*kgo.Record) error {
	select {
	case r.steps <- step{records, r.progress}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
