package kafka_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/kafka/local"
)

func TestReadPartitionTypedErrors(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	cl := connect(t, opts...)
	for _, value := range []string{"0", "1", "2", "3"} {
		produce(ctx, t, cl, record("a", value))
	}
	if err := cluster.Kafka().DeleteRecords("t", 0, 2); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		r    kafka.Range
		want error
	}{
		"below the log's start": {kafka.Range{Topic: "t", From: 1}, kafka.ErrOffsetOutOfRange},
		"beyond its end":        {kafka.Range{Topic: "t", From: 5}, kafka.ErrOffsetOutOfRange},
		"no such topic":         {kafka.Range{Topic: "none"}, kafka.ErrTopicMissing},
		"no such partition":     {kafka.Range{Topic: "t", Partition: 1}, kafka.ErrTopicMissing},
		"the log's start":       {kafka.Range{Topic: "t", From: 2}, nil},
		"from the start":        {kafka.Range{Topic: "t", From: kafka.FromStart}, nil},
		"its end":               {kafka.Range{Topic: "t", From: 4}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			next, err := kafka.ReadPartition(ctx, opts, test.r, ignore)
			if !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if test.want == nil && next != 4 {
				t.Errorf("next %d", next)
			}
		})
	}
}

// held reads topic t, which ends in an open transaction, and calls then, once, when the reading
// reports that it is held up.
func held(ctx context.Context, t *testing.T, opts []kgo.Opt, then func()) (
	next int64, rows int, err error,
) {
	t.Helper()
	called := false
	next, err = kafka.ReadPartition(ctx, opts, kafka.Range{Topic: "t"},
		func(records []*kgo.Record, p kafka.Progress) error {
			rows += len(records)
			if p.Held && !called {
				called = true
				then()
			}
			return nil
		})
	if !called {
		t.Error("it was never held up")
	}
	return next, rows, err
}

func TestReadPartitionWaitsForAnOpenTransaction(t *testing.T) {
	for name, test := range map[string]struct {
		end  kgo.TransactionEndTry
		rows int
	}{"that commits": {kgo.TryCommit, 3}, "that aborts": {kgo.TryAbort, 1}} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			cluster := start(t, local.Options{Topics: one("t")})
			opts := options(t, cluster)
			tx := transactional(t, cluster, "x")
			produce(ctx, t, connect(t, opts...), record("a", "1"))
			begin(ctx, t, tx, record("b", "2"), record("c", "3"))
			next, rows, err := held(ctx, t, opts, func() { end(ctx, t, tx, test.end) })
			if err != nil || next != 3 || rows != test.rows {
				t.Errorf("next %d, %d rows, %v", next, rows, err)
			}
		})
	}
}

// A producer died in the middle of a transaction and never comes back: the broker ends it when it
// has become too old.
func TestReadPartitionWaitsUntilTheBrokerAbortsATransaction(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	tx := transactional(t, cluster, "x", kgo.TransactionTimeout(time.Second))
	begin(ctx, t, tx, record("b", "2"))
	next, rows, err := held(ctx, t, opts, func() {})
	if err != nil || next != 1 || rows != 0 {
		t.Errorf("next %d, %d rows, %v", next, rows, err)
	}
}

func TestReadPartitionEndsWithItsContext(t *testing.T) {
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	tx := transactional(t, cluster, "x")
	begin(deadline(t), t, tx, record("b", "2"))
	ctx, cancel := context.WithCancel(deadline(t))
	next, _, err := held(ctx, t, opts, cancel)
	if !errors.Is(err, context.Canceled) || next != 0 {
		t.Errorf("next %d, %v", next, err)
	}
	end(deadline(t), t, tx, kgo.TryAbort)
}

func TestReadPartitionWhileTheTopicIsDeletedAndMadeAgain(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	begin(ctx, t, transactional(t, cluster, "x"), record("b", "2"))
	_, _, err := held(ctx, t, opts, func() {
		if err := cluster.Kafka().DeleteTopic("t"); err != nil {
			t.Error(err)
		}
		if err := cluster.Kafka().CreateTopic("t", 1, nil); err != nil {
			t.Error(err)
		}
	})
	if !errors.Is(err, kafka.ErrTopicMissing) {
		t.Error(err)
	}
}

func TestReadPartitionWhileTheLogStartMoves(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	begin(ctx, t, transactional(t, cluster, "x"), record("a", "1"), record("a", "2"))
	_, _, err := held(ctx, t, opts, func() {
		var gone kadm.Offsets
		gone.AddOffset("t", 0, 1, -1)
		if _, err := kadm.NewClient(connect(t, opts...)).DeleteRecords(ctx, gone); err != nil {
			t.Error(err)
		}
	})
	if !errors.Is(err, kafka.ErrOffsetOutOfRange) {
		t.Error(err)
	}
}

func TestReadPartitionFollowsTheLeader(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Brokers: 3, Topics: one("t")})
	opts := options(t, cluster)
	tx := transactional(t, cluster, "x")
	begin(ctx, t, tx, record("a", "1"))
	next, rows, err := held(ctx, t, opts, func() {
		other := (cluster.Kafka().LeaderFor("t", 0) + 1) % 3
		if err := cluster.Kafka().MoveTopicPartition("t", 0, other); err != nil {
			t.Error(err)
		}
		end(ctx, t, tx, kgo.TryCommit)
	})
	if err != nil || next != 1 || rows != 1 {
		t.Errorf("next %d, %d rows, %v", next, rows, err)
	}
}

// Whatever can pass is tried again, and told.
func TestReadPartitionOutlivesFaults(t *testing.T) {
	hangUp := errors.New("hang up")
	for name, inject := range map[string]func(*kfake.Cluster){
		"no leader": func(c *kfake.Cluster) {
			c.Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.Fetch}, Topic: "t", Err: kerr.LeaderNotAvailable, Count: 3,
			})
		},
		"new leader, end not known yet": func(c *kfake.Cluster) {
			c.Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.ListOffsets}, Topic: "t", Err: kerr.OffsetNotAvailable,
				Count: 3,
			})
		},
		"an offset that is there, out of range": func(c *kfake.Cluster) {
			c.Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.Fetch}, Topic: "t", Err: kerr.OffsetOutOfRange, Count: 3,
			})
		},
		"topic not known yet": func(c *kfake.Cluster) {
			c.Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.Metadata}, Topic: "t", Err: kerr.UnknownTopicOrPartition,
				Count: 3,
			})
		},
		"connection lost": func(c *kfake.Cluster) {
			c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
				return nil, hangUp, true
			})
		},
		"throttled: an answer without the partition": func(c *kfake.Cluster) {
			c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
				return r.ResponseKind(), nil, true
			})
		},
		"an answer of batches long read": func(c *kfake.Cluster) {
			c.ControlKey(int16(kmsg.Fetch), answerFetch(func(p *kmsg.FetchResponseTopicPartition) {
				p.RecordBatches = []byte{0} // the beginning of a batch, cut off
				p.LastStableOffset = 2
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx := deadline(t)
			cluster := start(t, local.Options{Topics: one("t")})
			opts := options(t, cluster)
			produce(ctx, t, connect(t, opts...), record("a", "1"), record("b", "2"))
			inject(cluster.Kafka())
			var rows, faults int
			next, err := kafka.ReadPartition(ctx, opts, kafka.Range{Topic: "t"},
				func(records []*kgo.Record, p kafka.Progress) error {
					rows += len(records)
					if p.Fault != nil {
						faults++
					}
					return nil
				})
			if err != nil || next != 2 || rows != 2 || faults == 0 {
				t.Errorf("next %d, %d rows, %d faults, %v", next, rows, faults, err)
			}
		})
	}
}

// What no waiting mends ends the reading at once.
func TestReadPartitionEndsWhenItMayNotRead(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	produce(ctx, t, connect(t, opts...), record("a", "1"))
	cluster.Kafka().Fault(kfake.Fault{
		Keys: []kmsg.Key{kmsg.Fetch}, Topic: "t", Err: kerr.TopicAuthorizationFailed, Count: -1,
	})
	_, _, err := collect(ctx, t, opts, kafka.Range{Topic: "t"})
	if !errors.Is(err, kerr.TopicAuthorizationFailed) {
		t.Error(err)
	}
}

// answerFetch answers a fetch of one partition with what fill makes of an empty answer.
func answerFetch(fill func(*kmsg.FetchResponseTopicPartition)) func(
	kmsg.Request,
) (kmsg.Response, error, bool) {
	return func(request kmsg.Request) (kmsg.Response, error, bool) {
		asked := request.(*kmsg.FetchRequest)
		answer := request.ResponseKind().(*kmsg.FetchResponse)
		partition := kmsg.NewFetchResponseTopicPartition()
		partition.HighWatermark = 2
		partition.RecordBatches = []byte{}
		fill(&partition)
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = asked.Topics[0].Topic, asked.Topics[0].TopicID
		topic.Partitions = append(topic.Partitions, partition)
		answer.Topics = append(answer.Topics, topic)
		return answer, nil, true
	}
}

// Compaction removed the last records of a log whose newest segment is still empty: the broker
// answers with nothing at all, for ever. There is nothing to wait for.
func TestReadPartitionOfALogWhoseTailIsGone(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	produce(ctx, t, connect(t, opts...), record("a", "1"), record("b", "2"))
	nothing := answerFetch(func(p *kmsg.FetchResponseTopicPartition) { p.LastStableOffset = 2 })
	cluster.Kafka().ControlKey(int16(kmsg.Fetch),
		func(request kmsg.Request) (kmsg.Response, error, bool) {
			cluster.Kafka().KeepControl()
			return nothing(request)
		})
	rows, next, err := collect(ctx, t, opts, kafka.Range{Topic: "t"})
	if err != nil || next != 2 || len(rows) != 0 {
		t.Errorf("next %d, %v, %v", next, rows, err)
	}
}

// The same answer means nothing while the records are in tiered storage: then it may only be late.
func TestReadPartitionAsksAgainForWhatIsInTieredStorage(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	produce(ctx, t, connect(t, opts...), record("a", "1"), record("b", "2"))
	var asked atomic.Int32
	cluster.Kafka().ControlKey(int16(kmsg.ListOffsets),
		func(request kmsg.Request) (kmsg.Response, error, bool) {
			cluster.Kafka().KeepControl()
			partition := &request.(*kmsg.ListOffsetsRequest).Topics[0].Partitions[0]
			if partition.Timestamp == -4 { // the local log's start: say its end instead
				asked.Add(1)
				partition.Timestamp = -1
			}
			return nil, nil, false
		})
	cluster.Kafka().ControlKey(int16(kmsg.Fetch),
		answerFetch(func(p *kmsg.FetchResponseTopicPartition) { p.LastStableOffset = 2 }))
	rows, next, err := collect(ctx, t, opts, kafka.Range{Topic: "t"})
	if diff := cmp.Diff([]row{{0, "a", "1"}, {1, "b", "2"}}, rows); diff != "" {
		t.Error(diff)
	}
	if err != nil || next != 2 || asked.Load() != 1 {
		t.Errorf("next %d, asked %d times, %v", next, asked.Load(), err)
	}
}

// Where compaction keeps a batch for its last offset, but none of its records.
func TestReadPartitionOfALogThatEndsInAnEmptyBatch(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	opts := options(t, cluster)
	produce(ctx, t, connect(t, opts...), record("a", "1"), record("b", "2"))
	cluster.Kafka().ControlKey(int16(kmsg.Fetch),
		answerFetch(func(p *kmsg.FetchResponseTopicPartition) {
			p.LastStableOffset = 2
			p.RecordBatches = emptyBatch(0, 1)
		}))
	rows, next, err := collect(ctx, t, opts, kafka.Range{Topic: "t"})
	if err != nil || next != 2 || len(rows) != 0 {
		t.Errorf("next %d, %v, %v", next, rows, err)
	}
}
