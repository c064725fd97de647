package kafka_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/codec"
	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/kafka/local"
)

// silent is a logger for Goka, which otherwise writes to standard error.
var silent = kafka.GokaLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))

// runView runs a Goka view on topic t until the test ends.
func runView(t *testing.T, cluster *local.Cluster, build storage.Builder) *goka.View {
	t.Helper()
	config, err := kafka.Settings{Brokers: cluster.Brokers()}.Sarama()
	if err != nil {
		t.Fatal(err)
	}
	manager := goka.NewTopicManagerConfig()
	manager.NoCreate = true
	view, err := goka.NewView(cluster.Brokers(), "t", new(codec.String),
		goka.WithViewStorageBuilder(build), goka.WithViewLogger(silent),
		goka.WithViewHasher(kafka.NewHasher),
		goka.WithViewConsumerSaramaBuilder(
			func(brokers []string, id string) (sarama.Consumer, error) {
				consumer, err := goka.SaramaConsumerBuilderWithConfig(config)(brokers, id)
				closeAtEnd(t, consumer, err)
				return consumer, err
			}),
		goka.WithViewTopicManagerBuilder(func(brokers []string) (goka.TopicManager, error) {
			manager, err := goka.TopicManagerBuilderWithConfig(config, manager)(brokers)
			closeAtEnd(t, manager, err)
			return manager, err
		}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- view.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the view ended with %v", err)
		}
	})
	return view
}

// closeAtEnd closes what a Goka view leaves open when it ends.
func closeAtEnd(t *testing.T, c io.Closer, err error) {
	t.Helper()
	if err != nil {
		return
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && !errors.Is(err, sarama.ErrClosedClient) {
			t.Error(err)
		}
	})
}

// watchFetches counts the fetches at or beyond an offset: whoever sends one has had everything
// below it.
func watchFetches(cluster *local.Cluster, offset int64) *atomic.Int32 {
	var beyond atomic.Int32
	cluster.Kafka().ControlKey(int16(kmsg.Fetch),
		func(request kmsg.Request) (kmsg.Response, error, bool) {
			cluster.Kafka().KeepControl()
			for _, topic := range request.(*kmsg.FetchRequest).Topics {
				for _, partition := range topic.Partitions {
					if partition.FetchOffset >= offset {
						beyond.Add(1)
					}
				}
			}
			return nil, nil, false
		})
	return &beyond
}

// waitFor waits until a condition holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx := deadline(t)
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("waiting until %s: %v", what, ctx.Err())
		}
	}
}

// Design §2, no. 4. The topic holds a row at 0 and its transaction's commit marker at 1; the high
// watermark is 2. Goka's recovery ends when a record at 1 arrives. No such record ever does.
func TestGokaRecoversATransactionalTable_reproduction(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	tx := transactional(t, cluster, "x")
	begin(ctx, t, tx, record("a", "1"))
	end(ctx, t, tx, kgo.TryCommit)

	beyond := watchFetches(cluster, 2)
	memory := storage.NewMemory()
	view := runView(t, cluster, func(string, int32) (storage.Storage, error) { return memory, nil })

	waitFor(t, "the row is in the view and Sarama has asked for what follows the marker, again "+
		"and again", func() bool {
		value, err := memory.Get("a")
		return err == nil && string(value) == "1" && beyond.Load() >= 5
	})
	if view.Recovered() {
		t.Error("Goka recovers a transactional table by itself now; this part is not needed")
	}
}

// The same topic: ReadPartition ends, and a storage that restores itself with it in Open makes
// Goka's view recovered (G6).
func TestGokaRecoversATransactionalTable_prevention(t *testing.T) {
	ctx := deadline(t)
	cluster := start(t, local.Options{Topics: one("t")})
	tx := transactional(t, cluster, "x")
	begin(ctx, t, tx, record("a", "1"))
	end(ctx, t, tx, kgo.TryCommit)

	opts := options(t, cluster)
	view := runView(t, cluster, func(topic string, partition int32) (storage.Storage, error) {
		r := kafka.Range{Topic: topic, Partition: partition, From: kafka.FromStart}
		return &selfRestoring{Storage: storage.NewMemory(), ctx: ctx, opts: opts, r: r}, nil
	})
	waitFor(t, "the view is recovered", view.Recovered)
	if value, err := view.Get("a"); err != nil || value != "1" {
		t.Errorf("%v, %v", value, err)
	}
	begin(ctx, t, tx, record("a", "2"))
	end(ctx, t, tx, kgo.TryCommit)
	waitFor(t, "the view follows", func() bool {
		value, err := view.Get("a")
		return err == nil && value == "2"
	})
}

// selfRestoring is a storage that is up to date once it is open.
type selfRestoring struct {
	storage.Storage
	ctx  context.Context //nolint:containedctx // Goka's Open has none
	opts []kgo.Opt
	r    kafka.Range
}

func (s *selfRestoring) Open() error {
	next, err := kafka.ReadPartition(s.ctx, s.opts, s.r,
		func(records []*kgo.Record, _ kafka.Progress) error {
			for _, r := range records {
				if err := s.Set(string(r.Key), r.Value); err != nil {
					return err
				}
			}
			return nil
		})
	if err != nil {
		return err
	}
	return s.SetOffset(next - 1)
}

// decided is a cluster in which a commit is decided, and its producer told so, while the marker is
// not yet written: what real Kafka does between the answer to EndTxn and WriteTxnMarkers. The
// embedded cluster does both at once; here its EndTxn is held back until write is called.
func decided(ctx context.Context, t *testing.T, records ...*kgo.Record) (
	cluster *local.Cluster, write func(),
) {
	t.Helper()
	// Version 1 of the protocol: an answer that holds nothing, and can so be given beforehand.
	cluster = start(t, local.Options{Topics: one("t"), TransactionVersion: 1})
	tx := transactional(t, cluster, "x")
	begin(ctx, t, tx, records...)
	held := make(chan *kmsg.EndTxnRequest, 1)
	cluster.Kafka().ControlKey(int16(kmsg.EndTxn),
		func(request kmsg.Request) (kmsg.Response, error, bool) {
			held <- request.(*kmsg.EndTxnRequest)
			return request.ResponseKind(), nil, true
		})
	end(ctx, t, tx, kgo.TryCommit)
	request := <-held
	return cluster, func() {
		if _, err := request.RequestWith(ctx, tx); err != nil {
			t.Error(err)
		}
	}
}

// Design §2, no. 5: a restore that takes the last stable offset for the end misses rows whose
// commit has been acknowledged.
func TestRestoreWhileACommitIsDecided_reproduction(t *testing.T) {
	ctx := deadline(t)
	cluster, write := decided(ctx, t, record("a", "1"), record("b", "2"))
	reader := connect(t, options(t, cluster)...)
	stable, err := kadm.NewClient(reader).ListCommittedOffsets(ctx, "t")
	if err != nil {
		t.Fatal(err)
	}
	if offset, _ := stable.Lookup("t", 0); offset.Offset != 0 {
		t.Errorf("the last stable offset is %d: nothing would be lost", offset.Offset)
	}
	// So this restore would end before its first row. A moment later they are visible to everybody:
	write()
	reader.AddConsumeTopics("t")
	if got := len(reader.PollRecords(ctx, 2).Records()); got != 2 {
		t.Errorf("%d rows, 2 were committed", got)
	}
}

func TestRestoreWhileACommitIsDecided_prevention(t *testing.T) {
	ctx := deadline(t)
	cluster, write := decided(ctx, t, record("a", "1"), record("b", "2"))
	wasHeld := false
	var rows []row
	next, err := kafka.ReadPartition(ctx, options(t, cluster), kafka.Range{Topic: "t"},
		func(records []*kgo.Record, p kafka.Progress) error {
			if p.Held && !wasHeld {
				wasHeld = true
				write()
			}
			for _, r := range records {
				rows = append(rows, row{r.Offset, string(r.Key), string(r.Value)})
			}
			return nil
		})
	// The end was asked for before the marker was there: the two rows, without it.
	if err != nil || next != 2 || !wasHeld {
		t.Errorf("next %d, held %t, %v", next, wasHeld, err)
	}
	if diff := cmp.Diff([]row{{0, "a", "1"}, {1, "b", "2"}}, rows); diff != "" {
		t.Error(diff)
	}
}
