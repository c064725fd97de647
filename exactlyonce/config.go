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
	"go.opentelemetry.io/otel/trace"

	"refold/kafka"
)

// Config is how a Processor runs. Kafka is required; the zero value of every other field means the default
// that its comment names.
type Config struct {
	// Kafka is the cluster. Its session, rebalance and transaction time-outs apply to the group and the
	// transactions.
	Kafka kafka.Settings

	// TransactionalID names this worker's transactions. No other worker may use it: two workers with the
	// same ID fence each other, so that neither makes progress, though nothing is corrupted; the log says
	// so. A worker that keeps its ID over restarts (a pod's name in a stateful set) ends at once the
	// transaction that its dead predecessor left open. The default, "<group>-<host>-<random>", is new with
	// every start. What a worker that was killed has left open, the heir of its partitions aborts, if all
	// members tell their IDs (earlier releases don't); otherwise it ends by its time-out.
	TransactionalID string

	// Start says where the group begins in an input partition for which it has no committed offset. The
	// default is StartOldest. A group that is added later, and must act on new records only, uses
	// StartNewest.
	Start Start

	// Tables opens the local stores. The default keeps them in memory.
	Tables Tables

	// Held returns why an input partition is held, nil if it isn't. A held partition is assigned and its
	// tables are restored, but none of its records is handled, and Ready names it. Held is called whenever
	// partitions are assigned, and for those that are held again and again, after a pause of up to
	// BackoffMax. The default holds none.
	Held func(topic string, partition int32) error
	// HeldStill is called in place of Held for partitions that are held already, in a goroutine of its
	// own, so that it may take some time to look again. The default is Held.
	HeldStill func(ctx context.Context, topic string, partition int32) error

	// Fit reports whether the topics are still those that they were, and fit together; the caller knows
	// what that means. It is called before clients are made, without partitions; for each session before
	// its tables are restored, when offsets are stable and nothing of a former owner's can be committed any
	// more, and again once they are restored; and every TopicsMaxAge while the session runs. partitions are
	// those of the group table, none if the graph has none. A partition in unfit is held, and Ready gives
	// the error; when it fits again, a new session begins. An error that wraps ErrUnfit ends the Processor;
	// any other is a fault: it is tried again. By default nothing is checked.
	Fit func(ctx context.Context, partitions []int32) (unfit map[int32]error, err error)
	// MakeNoTopics: the graph's loop and table topics must exist; none is made. It is for callers that know
	// which topics there are: a topic that is missing was lost, and must not be replaced by an empty one.
	MakeNoTopics bool

	// StallAfter is how long an input partition may have something to handle of which nothing is committed,
	// before Ready reports that it stands still. 1 minute: a rebalance, the end of a dead worker's
	// transaction and a broker's restart take less, and a client that waits for a command gives up sooner.
	StallAfter time.Duration

	// Copartitioned are topics that must have as many partitions as the inputs, so that a key is in the
	// same partition of all: outputs, mostly. Inputs, joins and the table are checked anyway. When one of
	// them gets more partitions, nothing is written by the new number: Run ends with an error that wraps
	// kafka.ErrPartitions and names it. Topics that the graph does not use may be missing.
	Copartitioned []string

	// BatchRecords limits the records that one transaction takes in. 8,000: larger batches need more memory,
	// take longer to commit, and are no cheaper.
	BatchRecords int
	// BatchBytes limits what one transaction takes in and gives out, in bytes. That is what a batch may
	// hold in memory, and up to two batches are held. Records count with keys and headers; a row, or its
	// deletion, counts each time that it is written; each of them counts for some bytes more. A poll that
	// yields more makes the next polls smaller, so that only the first can exceed the limit. 32 MiB.
	BatchBytes int
	// HandleTime is how long the records of one poll should take to be handled. Polls are made smaller when
	// callbacks are slow, so that a rebalance never waits for much longer. 250 ms.
	HandleTime time.Duration
	// LeastGap is the least time between the starts of two transactions. 5 ms: without it, 280 transactions
	// a second cost a broker 1.4 cores; more only adds latency.
	LeastGap time.Duration
	// Producers take turns, one transaction each. 2: while a broker still writes the markers of one
	// producer's last transaction, the other starts; a single one would have to wait 20 ms.
	Producers int

	// ClaimBuffer is how many records wait for Goka to take them, per input partition; fewer where there
	// are many partitions, see claimBuffer. PartitionBuffer is how many wait for Goka's callback, per
	// partition. 4,096 and 1,024: enough to change goroutines once in a thousand records. All of them
	// belong to the open batch; an empty place costs 8 bytes.
	ClaimBuffer     int
	PartitionBuffer int

	// LeaveTimeout is how long a rebalance or a stop waits until what is in hand is finished. After that it
	// is given up, and the next owner does it again. 3 s: a batch takes less than one, and a stop, which at
	// worst waits for a callback, for the transaction and to leave the group, stays below 10 s.
	LeaveTimeout time.Duration
	// BackoffMin and BackoffMax limit the pause before something that failed is tried again; the pause
	// doubles each time. 50 ms, below what a user notices, and 10 s, which spares a broken cluster and
	// still recovers soon after it.
	BackoffMin, BackoffMax time.Duration
	// FetchMaxWait is how long a broker may hold a fetch that finds nothing. 250 ms: it answers at once
	// when something comes, and an idle worker sends four fetches a second.
	FetchMaxWait time.Duration
	// FetchMaxBytes is how much a broker may send ahead of what is polled, in bytes, compressed, per
	// broker. Small records take ten to twenty times that in memory, most of it for headers. 2 MiB: two
	// batches of records that compress well.
	FetchMaxBytes int32
	// TopicsMaxAge is how late the engine may notice that a topic got more partitions. 10 s: it costs one
	// small request, and records in a partition that nothing reads wait for as long.
	TopicsMaxAge time.Duration

	// InstanceID makes the worker a static member of its group (KIP-345): it does not leave the group when
	// it stops, and has its partitions again, without a rebalance, when it comes back within
	// Kafka.SessionTimeout. If it does not, its partitions stand still for so long, also after a clean
	// stop. It must be one process's at a time, such as the pod of a stateful set: of two with the same ID
	// the group keeps the later one, at once, while reads of the earlier go on until its lease is over.
	// Empty: it is not static.
	InstanceID string
	// Follower keeps partitions of other members warm. Nil: nothing is followed, and partitions move cold.
	Follower Follower
	// Standbys are how many members follow each partition beside its owner, as far as there are enough. 1;
	// below zero: none but those that will own it.
	Standbys int
	// AcceptableLag is how many records a member may lack of a partition and be given it in favour of its
	// owner, or of another standby: commands wait until it has read them. 10,000: some 30 ms at the pace of
	// a restore.
	AcceptableLag int64
	// ProbingInterval is the least time between two rebalances by which this worker asks for partitions
	// that it has caught up with. 1 minute: a rebalance stops all members for a moment.
	ProbingInterval time.Duration

	// MemberData is told to the group: kafka.Members returns it. It must stay the same while a Processor
	// runs.
	MemberData []byte
	// Prepare is called for each session before the first record is handled, when the offsets of its
	// partitions are stable and nothing of a former owner's can be committed any more; the session's stores
	// are opened at the same time. partitions are those of the group table, none if the graph has none. ctx
	// ends when they are taken away meanwhile. An error is a fault: it is tried again.
	Prepare func(ctx context.Context, partitions []int32) error
	// Background is called in a goroutine of its own with each session once it runs. When ctx ends it must
	// return: the next session does not begin before.
	Background func(ctx context.Context, s Session)
	// Committed is called with what each transaction has made visible, when its rows are in the local store
	// and before the next transaction ends: in the order of the transactions. What it does holds up the
	// commit after it, so it should take no longer than a transaction. It is also called for rows that
	// Session.Between has written. A transaction whose outcome is not known is not told, nor one whose rows
	// the local store did not take: the session ends, and whoever keeps copies reads on from Kafka, as at the
	// beginning of each session (Prepare).
	Committed func(c Commit)
	// BetweenTimeout is how long a function that is given to Session.Between may hold the graph up. 5 s: it
	// should take some milliseconds, and clients that wait for a command's result should still be waiting.
	BetweenTimeout time.Duration

	// Metrics are updated when given.
	Metrics *Metrics
	// Tracer makes a span for each transaction when given.
	Tracer trace.Tracer
	// Logger gets what operators should know. The default discards it.
	Logger *slog.Logger
}

// WithDefaults returns the configuration with the default limits in the place of zeros.
func (c Config) WithDefaults() Config {
	setDefault(&c.BatchRecords, 8_000)
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
	setDefault(&c.Standbys, 1)
	setDefault(&c.AcceptableLag, 10_000)
	setDefault(&c.ProbingInterval, time.Minute)
	return c
}

func (c Config) withDefaults(group goka.Group) (Config, error) {
	if err := c.Kafka.Validate(); err != nil {
		return c, fmt.Errorf("exactlyonce: %w", err)
	}
	c.Kafka = c.Kafka.WithDefaults()
	c = c.WithDefaults()
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
	atLeast("AcceptableLag", c.AcceptableLag, 0)
	for name, d := range map[string]time.Duration{
		"HandleTime": c.HandleTime, "LeastGap": c.LeastGap, "LeaveTimeout": c.LeaveTimeout,
		"BackoffMin": c.BackoffMin, "BackoffMax": c.BackoffMax, "FetchMaxWait": c.FetchMaxWait,
		"TopicsMaxAge": c.TopicsMaxAge, "BetweenTimeout": c.BetweenTimeout,
		"StallAfter": c.StallAfter, "ProbingInterval": c.ProbingInterval,
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

// leastClaimBuffer is large enough to avoid most changes of goroutines.
const leastClaimBuffer = 64

// claimBuffer returns the size of each claim's buffer when there are so many claims: together the buffers
// hold a few batches, of which one at a time is open.
func (c Config) claimBuffer(claims int) int {
	share := 4 * c.BatchRecords / max(claims, 1)
	return min(max(share, leastClaimBuffer), c.ClaimBuffer)
}

// backoff returns the pause before the next attempt after n failures.
func (c Config) backoff(n int) time.Duration {
	return min(c.BackoffMin<<min(max(n-1, 0), 20), c.BackoffMax)
}

// ownID makes a transactional ID that no other worker has.
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
