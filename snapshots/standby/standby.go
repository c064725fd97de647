package standby

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Copy is the local store of a partition. *snapshots.Follower is one.
type Copy interface {
	// Open restores the store to the end of its topic.
	Open() error
	Close() error
	// Apply files records of the tail; those that the store has are passed over.
	Apply(records ...*kgo.Record) error
	// GetOffset returns the offset before the first that the store lacks.
	GetOffset(byDefault int64) (int64, error)
	Damaged() <-chan struct{}
}

// Topic is a topic of which a group keeps copies.
type Topic struct {
	Name string
	// Open returns the copy of a partition, still to be opened; the end of ctx ends its restore.
	Open func(ctx context.Context, partition int32) (Copy, error)
	// Next returns the offset after the last record that the local store of a partition holds, 0 if there is
	// none, whoever has it open.
	Next func(partition int32) (int64, error)
}

// Options say how partitions are followed. Kafka is required.
type Options struct {
	// Kafka is the cluster. With a rack, records come from a replica there if brokers allow it.
	Kafka kafka.Settings
	// FetchBytes is how much each broker may send at a time, compressed. 1 MiB.
	FetchBytes int
	// FetchWait is how long a broker may gather records until there are FetchBytes/16 of them: many small
	// answers cost more than a few large ones, and a standby need not be up to date to the millisecond. 500
	// ms.
	FetchWait time.Duration
	// Restores limits how many stores are restored at once, so that most places that restores have
	// (snapshots.Options.ParallelRestores) are left to owners. 2.
	Restores int
	// PauseMin and PauseMax limit the pause before a copy that failed is opened anew; it doubles. 250 ms and
	// 15 s.
	PauseMin, PauseMax time.Duration

	Metrics *Metrics
	Logger  *slog.Logger
}

func (o Options) withDefaults() Options {
	setDefault(&o.FetchBytes, 1<<20)
	setDefault(&o.FetchWait, 500*time.Millisecond)
	setDefault(&o.Restores, 2)
	setDefault(&o.PauseMin, 250*time.Millisecond)
	setDefault(&o.PauseMax, 15*time.Second)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// Standbys follows partitions of any number of groups, with one client. It is safe for concurrent use.
type Standbys struct {
	options  Options
	client   *kgo.Client
	restores chan struct{}   // as many as may run at once
	ctx      context.Context //nolint:containedctx // ends with Close
	cancel   context.CancelFunc
	work     sync.WaitGroup

	mu     sync.Mutex
	copies map[kafka.TopicPartition]*copied // attached to the client
}

// metadataMinAge is the least time between two requests for leaders: with franz-go's default, a partition
// that is added waits for five seconds.
const metadataMinAge = 100 * time.Millisecond

// gathered is the part of FetchBytes that brokers wait for.
const gathered = 16

// New makes the client, which connects when there is something to follow.
func New(o Options) (*Standbys, error) {
	o = o.withDefaults()
	opts := []kgo.Opt{
		kgo.MetadataMinAge(metadataMinAge),
		kgo.KeepControlRecords(), // markers have offsets: without them a lag would never be zero
		kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchMinBytes(int32(o.FetchBytes / gathered)), kgo.FetchMaxWait(o.FetchWait),
		kgo.FetchMaxBytes(int32(o.FetchBytes)), kgo.FetchMaxPartitionBytes(int32(o.FetchBytes)),
	}
	if o.Kafka.Rack != "" {
		opts = append(opts, kgo.Rack(o.Kafka.Rack))
	}
	if !committedOnly {
		opts = append(opts, kgo.FetchIsolationLevel(kgo.ReadUncommitted()))
	}
	client, err := o.Kafka.Client(opts...)
	if err != nil {
		return nil, fmt.Errorf("standbys: %w", err)
	}
	s := &Standbys{
		options: o, client: client, restores: make(chan struct{}, o.Restores),
		copies: make(map[kafka.TopicPartition]*copied),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.work.Go(s.poll)
	o.Metrics.attach(s)
	return s, nil
}

// Close closes all copies and the client.
func (s *Standbys) Close() {
	s.options.Metrics.detach(s)
	s.mu.Lock()
	s.cancel() // start begins nothing any more
	s.mu.Unlock()
	s.client.Close()
	s.work.Wait()
}

// start begins work that ends with Close, and reports whether it did.
func (s *Standbys) start(work func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ctx.Err() != nil {
		return false
	}
	s.work.Go(work)
	return true
}

// pollRecords limits what is written to stores at a time.
const pollRecords = 10_000

// poll hands records to the copies.
func (s *Standbys) poll() {
	for {
		fetches := s.client.PollRecords(s.ctx, pollRecords)
		if s.ctx.Err() != nil || fetches.IsClientClosed() {
			return
		}
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			s.mu.Lock()
			c := s.copies[kafka.TopicPartition{Topic: p.Topic, Partition: p.Partition}]
			s.mu.Unlock()
			switch {
			case c == nil: // it has been let go
			case p.Err != nil:
				c.fail(fmt.Errorf("fetch %s: %w", c.at, p.Err))
			default:
				c.apply(p.Records, p.HighWatermark)
			}
		})
	}
}

// attach has the client read a partition on from an offset, into a copy.
func (s *Standbys) attach(c *copied, next int64) {
	s.mu.Lock()
	s.copies[c.at] = c
	s.mu.Unlock()
	s.client.AddConsumePartitions(map[string]map[int32]kgo.Offset{
		c.at.Topic: {c.at.Partition: kgo.NewOffset().At(next)},
	})
}

// detach undoes attach.
func (s *Standbys) detach(c *copied) {
	s.client.RemoveConsumePartitions(map[string][]int32{c.at.Topic: {c.at.Partition}})
	s.mu.Lock()
	delete(s.copies, c.at)
	s.mu.Unlock()
}

// attached returns the copies that follow their topics.
func (s *Standbys) attached() []*copied {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]*copied, 0, len(s.copies))
	for _, c := range s.copies {
		all = append(all, c)
	}
	return all
}
