package exactlyonce

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.opentelemetry.io/otel/trace"

	"refold/kafka"
)

// Config is how a Processor runs. Kafka is required; the zero value of every other field means the
// default that its comment names.
type Config struct {
	// Kafka is the cluster. Its session, rebalance and transaction time-outs are the group's and
	// the transactions'.
	Kafka kafka.Settings

	// TransactionalID names this worker's transactions and must be its own: two workers with the
	// same ID fence each other. Nothing is corrupted, but neither gets on; the log says so. With
	// an ID that a worker keeps over restarts (a pod's name in a stateful set) it ends at once
	// what its dead predecessor left open. The default, "<group>-<host>-<random>", is new with
	// every start: partitions of a worker that was killed in the middle of a transaction then
	// wait until the transaction's time-out.
	TransactionalID string

	// Start says where the group begins in an input partition for which it has no committed offset: at its
	// oldest record. A group that is added later to act on new records only, not on history, starts with
	// StartNewest.
	Start Start

	// Tables opens the local stores. The default keeps them in memory.
	Tables Tables

	// Held says why an input partition is held, nil if it isn't: it is assigned and its tables are
	// restored, but nothing of it is handled, and Ready names it. It is asked whenever partitions are
	// assigned, and about those that are held again and again, after a pause of up to BackoffMax. A
	// partition that is let go goes on. Nil: none is held.
	Held func(topic string, partition int32) error
	// HeldStill is Held after a new look, which may take a moment: it is asked about what is held
	// already, in a goroutine of its own. Nil: Held.
	HeldStill func(ctx context.Context, topic string, partition int32) error

	// Fit looks whether the topics are still those that they were, and fit together; the caller knows what
	// that means. It is asked before clients are made, without partitions; for each session before its
	// tables are restored, when offsets are stable and nothing of a former owner's can be committed any
	// more, and again once they are; and every TopicsMaxAge while it runs. partitions are those of the
	// group table, none if the graph has none. A partition in unfit is held, and Ready says why; when it
	// fits again, a new session begins. An error that wraps ErrUnfit ends the Processor; any other is a
	// fault: it is tried again. Nil: nobody looks.
	Fit func(ctx context.Context, partitions []int32) (unfit map[int32]error, err error)
	// MakeNoTopics: the graph's loop and table topics must exist. For those that know which topics there
	// are: one that is missing was lost, and an empty one in its place would be taken for it.
	MakeNoTopics bool

	// StallAfter is how long an input partition may have something to handle of which nothing is
	// committed, before Ready says that it stands still: 1 minute. A rebalance, the end of a dead
	// worker's transaction and a broker's restart take less, and whoever waits for a command has long
	// given up.
	StallAfter time.Duration

	// Copartitioned are topics that have as many partitions as the inputs, so that a key is in the
	// same partition of all: outputs, mostly. Inputs, joins and the table belong to them anyhow. When
	// one of them is given more, nothing is written by the new number: Run ends with an error that
	// wraps kafka.ErrPartitions, and names it. Those that the graph does not use itself may be missing.
	Copartitioned []string

	// BatchRecords limits the records that one transaction takes in. 20,000: larger batches take
	// over a second to commit, and are no cheaper.
	BatchRecords int
	// BatchBytes limits what one transaction takes in and gives out, in bytes: it is what a batch
	// may hold in memory, and up to two are held. Records count with keys and headers; a row, or its
	// deletion, counts each time that it is written; each of them some bytes more. Polls
	// are made smaller when one yields more, which only the first can notice too late. 32 MiB.
	BatchBytes int
	// HandleTime is the longest that the records of one poll should take to be handled. Polls are
	// made smaller when callbacks are slow, so that a rebalance never waits for much more. 250 ms.
	HandleTime time.Duration
	// LeastGap is the least time between the starts of two transactions. 5 ms: without it, 280
	// transactions a second cost a broker 1.4 cores; more only adds latency.
	LeastGap time.Duration
	// Producers take turns, one transaction each. 2: a broker is still writing the markers of the
	// last transaction of the one while the other starts; with 1 it would make us wait 20 ms.
	Producers int

	// ClaimBuffer is how many records wait, per input partition, for Goka to take them; less where
	// there are many partitions, see claimBuffer. PartitionBuffer is how many wait behind its
	// callback, per partition. 4,096 and 1,024: enough to change goroutines once in a thousand
	// records. All of them belong to the open batch; an empty place costs 8 bytes.
	ClaimBuffer     int
	PartitionBuffer int

	// LeaveTimeout is how long a rebalance or a stop waits for what is in hand to be finished,
	// before it is given up to be done again by the next owner. 3 s: a batch takes less than one,
	// and a stop, which at worst waits for a callback, for the transaction and to leave the group,
	// stays below 10 s.
	LeaveTimeout time.Duration
	// BackoffMin and BackoffMax limit the pause before something that failed is tried again; it
	// doubles each time. 50 ms, below what a user notices, and 10 s, which spares a broken
	// cluster and still recovers soon after it.
	BackoffMin, BackoffMax time.Duration
	// FetchMaxWait is how long a broker may hold a fetch that finds nothing. 250 ms: it answers
	// at once when something comes, and an idle worker asks four times a second.
	FetchMaxWait time.Duration
	// FetchMaxBytes is how much a broker may send ahead of what is polled, per broker, as it is sent:
	// compressed. Small records take ten to twenty times that in memory, most of it for headers.
	// 2 MiB: two batches of records that compress well.
	FetchMaxBytes int32
	// TopicsMaxAge is how late the engine may notice that a topic got more partitions. 10 s: it costs
	// one small request, and records in a partition that nobody reads wait for as long.
	TopicsMaxAge time.Duration

	// MemberData is told to the group: everybody who asks for its Members sees it. It must be the same
	// for as long as a Processor runs.
	MemberData []byte
	// Prepare is called for each session before the first record is handled, when the offsets of its
	// partitions are stable and nothing of a former owner's can be committed any more. partitions are
	// those of the group table, none if the graph has none. ctx ends when they are taken away
	// meanwhile. An error is a fault: it is tried again.
	Prepare func(ctx context.Context, partitions []int32) error
	// Background is called in a goroutine of its own with each session once it runs. When ctx ends it
	// must return: the next session does not begin before.
	Background func(ctx context.Context, s Session)
	// BetweenTimeout is how long a function that is given to Session.Between may hold the graph up
	// before it is given up. 5 s: it is meant to take some milliseconds, and whoever waits for a
	// command's result should be waiting still.
	BetweenTimeout time.Duration

	// Metrics are updated when given.
	Metrics *Metrics
	// Tracer makes a span for each transaction when given.
	Tracer trace.Tracer
	// Logger gets what operators should know. The default discards it.
	Logger *slog.Logger
}

func (c Config) withDefaults(group goka.Group) (Config, error) {
	if err := c.Kafka.Validate(); err != nil {
		return c, fmt.Errorf("exactlyonce: %w", err)
	}
	c.Kafka = c.Kafka.WithDefaults()
	setDefault(&c.BatchRecords, 20_000)
	setDefault(&c.BatchBytes, 32<<20)
	setDefault(&c.HandleTime, 250*time.Millisecond)
	setDefault(&c.LeastGap, 5*time.Millisecond)
	setDefault(&c.Producers, 2)
	setDefault(&c.ClaimBuffer, 4096)
	setDefault(&c.PartitionBuffer, 1024)
	setDefault(&c.LeaveTimeout, 3*time.Second)
	setDefault(&c.BackoffMin, 50*time.Millisecond)
	setDefault(&c.BackoffMax, 10*time.Second)
	setDefault(&c.FetchMaxWait, 250*time.Millisecond)
	setDefault(&c.FetchMaxBytes, 2<<20)
	setDefault(&c.TopicsMaxAge, 10*time.Second)
	setDefault(&c.BetweenTimeout, 5*time.Second)
	setDefault(&c.StallAfter, time.Minute)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.TransactionalID == "" {
		id, err := ownID(group)
		if err != nil {
			return c, err
		}
		c.TransactionalID = id
	}
	if c.Tables.Staged == nil || c.Tables.Follower == nil {
		memory := InMemory(c.Kafka)
		if c.Tables.Staged == nil {
			c.Tables.Staged = memory.Staged
		}
		if c.Tables.Follower == nil {
			c.Tables.Follower = memory.Follower
		}
	}
	return c, c.validate()
}

// validate reports every mistake at once.
func (c Config) validate() error {
	var wrong []error
	atLeast := func(name string, value, least int64) {
		if value < least {
			wrong = append(wrong,
				fmt.Errorf("%s is %d; it must be at least %d", name, value, least))
		}
	}
	atLeast("BatchRecords", int64(c.BatchRecords), 1)
	atLeast("BatchBytes", int64(c.BatchBytes), 1)
	atLeast("Producers", int64(c.Producers), 1)
	atLeast("ClaimBuffer", int64(c.ClaimBuffer), 1)
	atLeast("PartitionBuffer", int64(c.PartitionBuffer), 0)
	atLeast("FetchMaxBytes", int64(c.FetchMaxBytes), 1)
	for name, d := range map[string]time.Duration{
		"HandleTime": c.HandleTime, "LeastGap": c.LeastGap, "LeaveTimeout": c.LeaveTimeout,
		"BackoffMin": c.BackoffMin, "BackoffMax": c.BackoffMax, "FetchMaxWait": c.FetchMaxWait,
		"TopicsMaxAge": c.TopicsMaxAge, "BetweenTimeout": c.BetweenTimeout,
		"StallAfter": c.StallAfter,
	} {
		if d < 0 {
			wrong = append(wrong, fmt.Errorf("%s is %v; it must not be negative", name, d))
		}
	}
	if c.LeaveTimeout >= c.Kafka.RebalanceTimeout {
		wrong = append(wrong, fmt.Errorf("LeaveTimeout is %v; it must be below Kafka."+
			"RebalanceTimeout (%v), or a rebalance goes on without us",
			c.LeaveTimeout, c.Kafka.RebalanceTimeout))
	}
	if c.Start != StartOldest && c.Start != StartNewest {
		wrong = append(wrong, fmt.Errorf("Start is %d; it must be StartOldest or StartNewest", c.Start))
	}
	if c.BackoffMax < c.BackoffMin {
		wrong = append(wrong, fmt.Errorf("BackoffMax is %v; it must be at least BackoffMin (%v)",
			c.BackoffMax, c.BackoffMin))
	}
	if len(wrong) > 0 {
		return fmt.Errorf("exactlyonce: configuration: %w", errors.Join(wrong...))
	}
	return nil
}

// leastClaimBuffer spares most changes of goroutines still.
const leastClaimBuffer = 64

// claimBuffer is the size of each claim's buffer when there are so many: together they hold some
// batches, of which there is one at a time.
func (c Config) claimBuffer(claims int) int {
	share := 4 * c.BatchRecords / max(claims, 1)
	return min(max(share, leastClaimBuffer), c.ClaimBuffer)
}

// backoff is the pause before the attempt after n failures.
func (c Config) backoff(n int) time.Duration {
	return min(c.BackoffMin<<min(max(n-1, 0), 20), c.BackoffMax)
}

// balancer returns the group's: eager, all partitions move at once, those of the inputs together
// (copartitioned).
func (c Config) balancer() kgo.GroupBalancer {
	if len(c.MemberData) == 0 {
		return kgo.RangeBalancer()
	}
	return kafka.TellMembers(kgo.RangeBalancer(), c.MemberData)
}

// ownID makes a transactional ID that nobody else has.
func ownID(group goka.Group) (string, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	var random [6]byte
	if _, err := rand.Read(random[:]); err != nil {
		return "", fmt.Errorf("exactlyonce: make a transactional ID: %w", err)
	}
	return fmt.Sprintf("%s-%s-%s", group, host, hex.EncodeToString(random[:])), nil
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
