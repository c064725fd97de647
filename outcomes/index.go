package outcomes

import (
	"context"
	"encoding/binary"
	"errors"
	"hash/maphash"
	"log/slog"
	"maps"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/kafka"
)

// Options say what an index remembers. Kafka, Topic, Remember, Memory, Read and Logger are required.
type Options struct {
	Kafka kafka.Settings
	// Topic is the results topic of the aggregate.
	Topic string
	// Remember is how long outcomes are remembered, by the times of the commands' records, as far as Memory
	// suffices.
	Remember time.Duration
	Memory   *Memory
	// Read reads a record of Topic; processors.Messages.Result does. A *codecs.Malformed is passed over.
	Read    func(context.Context, *kgo.Record) (eventsourcing.Result, eventsourcing.Metadata, error)
	Metrics *Metrics
	Logger  *slog.Logger
}

// Index remembers the outcomes of the latest commands of an aggregate, in the partitions that this worker
// owns. It is safe for concurrent use. A decision takes some 0.5 µs in Find and Add.
type Index struct {
	options    Options
	client     *kgo.Client
	seeds      [2]maphash.Seed
	mu         sync.Mutex // of changes to partitions
	partitions atomic.Pointer[map[int32]*partition]
}

// New returns an index that remembers nothing. It connects to Kafka when it is prepared.
func New(o Options) (*Index, error) {
	if o.Remember <= 0 {
		return nil, errors.New("outcomes: Options.Remember must be above zero")
	}
	client, err := o.Kafka.Client()
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	x := &Index{options: o, client: client, seeds: [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}}
	x.partitions.Store(&map[int32]*partition{})
	return x, nil
}

// Close closes the connections to Kafka.
func (x *Index) Close() { x.client.Close() }

// at returns a partition that the index was prepared for; nil if there is none.
func (x *Index) at(number int32) *partition { return (*x.partitions.Load())[number] }

// meet makes places for partitions, and returns how many there are. One that is lost keeps its place: what it
// has remembered stays true, and it may come back.
func (x *Index) meet(numbers []int32) (all int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := maps.Clone(*x.partitions.Load())
	for _, n := range numbers {
		if now[n] == nil {
			now[n] = &partition{next: unknown}
		}
	}
	x.partitions.Store(&now)
	return len(now)
}

// key hashes a command's identity.
func (x *Index) key(subject, commandID string) key {
	var buffer [160]byte // long enough for most, so that nothing is allocated
	b := binary.AppendUvarint(buffer[:0], uint64(len(subject)))
	b = append(append(b, subject...), commandID...)
	return key{maphash.Bytes(x.seeds[0], b), maphash.Bytes(x.seeds[1], b)}
}

// Find returns the outcome of a command to an aggregate, if it is remembered: also of one that was decided
// in a transaction that is not committed yet, which fails together with those after it.
func (x *Index) Find(subject, commandID string) (eventsourcing.Entry, bool) {
	return x.options.Memory.find(x.key(subject, commandID))
}

// Add remembers what has become of a command whose record has the time at. It belongs to the open layer of
// its partition. The first outcome of a command stays.
func (x *Index) Add(number int32, subject, commandID string, at time.Time, outcome eventsourcing.Entry) {
	p := x.at(number)
	if p == nil {
		return
	}
	if k := x.key(subject, commandID); x.add(k, outcome, at) {
		p.added(k)
	}
}

// add reports whether the outcome was not remembered before, and is now.
func (x *Index) add(k key, outcome eventsourcing.Entry, at time.Time) bool {
	added, early := x.options.Memory.add(k, outcome, seconds(at), seconds(at.Add(x.options.Remember)))
	if early {
		x.options.Metrics.early(x.options.Topic)
	}
	return added
}

// seconds returns a time in seconds since 1970, or the nearest one that 32 bits hold.
func seconds(t time.Time) uint32 { return uint32(min(max(t.Unix(), 0), math.MaxUint32)) }

// Seal closes the open layer of a partition, as Commit and Discard do what the table does with its rows: it
// is called when a layer with rows is sealed.
func (x *Index) Seal(number int32) {
	if p := x.at(number); p != nil {
		p.seal()
	}
}

// Commit makes the outcomes of the oldest sealed layer ones that stay, when its rows are committed.
func (x *Index) Commit(number int32) {
	if p := x.at(number); p != nil {
		p.commit()
	}
}

// Discard forgets the outcomes of all layers that are not committed, when their rows are discarded.
func (x *Index) Discard(number int32) {
	if p := x.at(number); p != nil {
		x.options.Memory.remove(p.discard())
	}
}

// Next returns the offset in the results topic before which no outcome of a partition is missing; 0 if
// nothing is known of it.
func (x *Index) Next(number int32) int64 {
	if p := x.at(number); p != nil {
		return max(p.position(), 0)
	}
	return 0
}

// Committed is told, after Commit, which records each transaction has written, so that a partition that comes
// back is not read again. each calls its argument with some records of one partition at a time.
func (x *Index) Committed(each func(func(at kafka.TopicPartition, records []kgo.Record))) {
	each(func(at kafka.TopicPartition, records []kgo.Record) {
		if p := x.at(at.Partition); p != nil && at.Topic == x.options.Topic && len(records) > 0 {
			p.written(records[len(records)-1].Offset + 1)
		}
	})
	for _, p := range *x.partitions.Load() {
		p.told()
	}
}
