package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Standing is where a reader of a partition stands, as far as the brokers tell.
type Standing struct {
	At int64 // the reader's next offset
	// Lag is how many offsets At is behind the end of the partition; -1: the brokers don't tell.
	// Transaction markers count until a look has shown that nothing else is left.
	Lag int64
	// Waits is since when there has been something to read at At; zero if there is nothing, or At moves.
	Waits time.Time
	// Err is why the partition can't be read at At, nil if it can: the answer to a fetch, or that the
	// brokers do not tell where the partition ends.
	Err error
}

// Watch finds out whether readers of partitions make progress. It asks the brokers itself: a client's own
// fetches may fail without an error, and a partition that ends in transaction markers looks like one that has
// something to read. One goroutine at a time may use it.
type Watch struct {
	cl     *kgo.Client
	ids    map[string][16]byte
	places map[TopicPartition]*watched
}

// watched is what the last look at a reader has found.
type watched struct {
	log   *partitionLog
	at    int64
	clear int64     // nothing is to be read between at and here
	waits time.Time // since when something is
}

// NewWatch returns a Watch that uses a client, which it does not close. ids are the IDs of the topics, as far
// as they are known: a topic that has replaced one of them is not read.
func NewWatch(cl *kgo.Client, ids map[string][16]byte) *Watch {
	return &Watch{cl: cl, ids: ids, places: make(map[TopicPartition]*watched)}
}

// Look returns where readers stand, given their next offsets; readers that are left out are forgotten. It
// costs a request to each broker, and a fetch of one batch for each partition that is behind and has not
// moved since the last look.
func (w *Watch) Look(ctx context.Context, at map[TopicPartition]int64) map[TopicPartition]Standing {
	maps.DeleteFunc(w.places, func(p TopicPartition, _ *watched) bool { _, is := at[p]; return !is })
	ends, err := w.ends(ctx, at)
	standings := make(map[TopicPartition]Standing, len(at))
	for place, offset := range at {
		one := w.places[place]
		moved := one == nil || one.at != offset
		if one == nil {
			one = &watched{log: newPartitionLog(w.cl, place.Topic, place.Partition)}
			one.log.once, one.log.id = true, w.ids[place.Topic]
			w.places[place] = one
		}
		if moved {
			one.at, one.clear, one.waits = offset, offset, time.Time{}
		}
		s := Standing{At: offset, Lag: -1, Err: err}
		if err == nil {
			s = one.stand(ctx, place, ends, moved)
		}
		if s.Err != nil || s.Lag > 0 {
			if one.waits.IsZero() {
				one.waits = time.Now()
			}
		} else {
			one.waits = time.Time{}
		}
		s.Waits = one.waits
		standings[place] = s
	}
	return standings
}

// ends asks where the partitions end.
func (w *Watch) ends(ctx context.Context, at map[TopicPartition]int64) (kadm.ListedOffsets, error) {
	topics := make(map[string]bool)
	for p := range at {
		topics[p.Topic] = true
	}
	if len(topics) == 0 {
		return nil, nil
	}
	ends, err := kadm.NewClient(w.cl).ListEndOffsets(ctx, slices.Sorted(maps.Keys(topics))...)
	// If some brokers have answered, their answers count, and the others' partitions are missing.
	if some, is := errors.AsType[*kadm.ShardErrors](err); err != nil && (!is || some.AllFailed) {
		return nil, fmt.Errorf("ask where topics end: %w", err)
	}
	return ends, nil
}

// stand returns where a reader stands. For a reader that is behind and has not moved it fetches: what is left
// may not be readable, or there may be nothing left.
func (w *watched) stand(
	ctx context.Context, place TopicPartition, ends kadm.ListedOffsets, moved bool,
) Standing {
	s := Standing{At: w.at, Lag: -1}
	end, err := OffsetOf(place.Topic, place.Partition)(only(ends, place), nil)
	switch {
	case err != nil:
		s.Err = err
	case end < w.at:
		s.Lag = 0
		s.Err = fmt.Errorf("%w: %d, the log ends at %d", ErrOffsetOutOfRange, w.at, end)
	case moved || end <= w.clear:
		s.Lag = end - w.clear
	default:
		s.Err = w.look(ctx, end)
		s.Lag = end - w.clear
	}
	return s
}

// only picks the answer about one partition, so that errors of others do not matter.
func only(ends kadm.ListedOffsets, place TopicPartition) kadm.ListedOffsets {
	listed, is := ends.Lookup(place.Topic, place.Partition)
	if !is { // a topic that may not be described has no partitions, or one of number -1
		for _, other := range ends[place.Topic] {
			if other.Err != nil {
				listed, is = other, true
			}
		}
	}
	if !is {
		return nil
	}
	listed.Partition = place.Partition
	return kadm.ListedOffsets{place.Topic: {place.Partition: listed}}
}

// look fetches until there is a record, or nothing is left up to end.
func (w *watched) look(ctx context.Context, end int64) error {
	for w.clear < end {
		if !w.log.located {
			if err := w.log.locate(ctx); err != nil {
				return err
			}
		}
		got, err := w.log.fetch(ctx, w.clear)
		switch {
		case err != nil:
			w.log.located = false
			return err
		case len(got.records) > 0:
			w.clear = got.records[0].Offset
			return nil
		case got.next > w.clear:
			w.clear = got.next
		case got.stable < end:
			return fmt.Errorf("%w, at offset %d", errOpenTransaction, got.stable)
		default: // compaction has removed what was there
			w.clear = end
		}
	}
	return nil
}

// errOpenTransaction says why a reader of committed records waits.
var errOpenTransaction = errors.New("another producer's transaction is open: " +
	"docs/runbooks/stuck-transaction.md")

// MadeAgain reports whether an error says that a topic was deleted and made again, so that its known offsets
// mean nothing any more.
func MadeAgain(err error) bool {
	return errors.Is(err, errMadeAgain) || errors.Is(err, kerr.UnknownTopicID) ||
		errors.Is(err, kerr.InconsistentTopicID)
}

// Readable fetches from a partition at an offset, and returns why that fails; nil if it works.
func Readable(ctx context.Context, cl *kgo.Client, place TopicPartition, at int64) error {
	log := newPartitionLog(cl, place.Topic, place.Partition)
	log.once = true
	if err := log.locate(ctx); err != nil {
		return err
	}
	_, err := log.fetch(ctx, at)
	return err
}

// Refused reports whether an error is an answer that a retry seldom changes, so that the partition can't be
// read; it is not that a broker is away for a moment.
func Refused(err error) bool {
	if errors.Is(err, ErrTopicMissing) || errors.Is(err, errUndecodable) {
		return true
	}
	answered, is := errors.AsType[*kerr.Error](err)
	return is && (!answered.Retriable || answered.Code == kerr.CorruptMessage.Code ||
		answered.Code == kerr.KafkaStorageError.Code)
}
