package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"refold/kafka/local"
)

const (
	// rebalances are enough to see what one of them leaves behind; rebalancesVariable names another
	// number.
	rebalances         = 60
	rebalancesVariable = "TEST_REBALANCES"
	// someMore are files of the stores that happen to be open, and connections that idle.
	someMore = 30
)

// After many rebalances of all its groups, with stores closed and opened by each, a worker has as
// many goroutines and open files as in the beginning; and in the end, none.
func TestRebalancesLeaveNothing(t *testing.T) {
	none := []goleak.Option{
		goleak.IgnoreCurrent(),
		// Sarama's library for metrics has one goroutine for good.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
	}
	t.Cleanup(func() { goleak.VerifyNone(t, none...) }) // when everything has ended
	n := rebalances
	if text := os.Getenv(rebalancesVariable); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	w := startDisturbed(t)
	w.disturb(6) // so that all connections are made
	before := w.resources()
	done := w.disturb(n)
	after := w.resources()
	eventually(t, func() bool {
		after = w.resources()
		for name := range before {
			if after[name] > before[name]+someMore {
				return false
			}
		}
		return true
	}, textOf(func() string { return fmt.Sprintf("before %v, after %v", before, after) }))
	t.Logf("before %d rebalances %v, after them %v", done, before, after)
}

// textOf makes a text when it is asked for.
type textOf func() string

func (f textOf) String() string { return f() }

// disturbed is a worker whose groups are joined and left by somebody else.
type disturbed struct {
	t       *testing.T
	worker  *Worker
	cluster *local.Cluster
}

func startDisturbed(t *testing.T) *disturbed {
	t.Helper()
	cluster, err := local.Start(local.Options{
		Kafka: []kfake.Opt{kfake.GroupMinSessionTimeout(100 * time.Millisecond)},
	})
	if err != nil {
		t.Fatal(err)
	}
	in := install(t, cluster, map[string]string{"topics.partitions": "4"})
	in.Config.Kafka.SessionTimeout = time.Second // five heartbeats in it: each may begin a rebalance
	w, err := New(in, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
		http.DefaultClient.CloseIdleConnections()
	})
	d := &disturbed{t: t, worker: w, cluster: cluster}
	d.isReady()
	return d
}

func (d *disturbed) isReady() {
	d.t.Helper()
	eventually(d.t, func() bool {
		for _, p := range d.worker.processors {
			if p.Ready() != nil {
				return false
			}
		}
		return d.worker.views.Ready() == nil
	}, textOf(func() string { return "not ready" }))
}

// metrics adds up what the metrics of these names say.
func (d *disturbed) metrics(names ...string) map[string]float64 {
	d.t.Helper()
	families, err := d.worker.metrics.Gather()
	if err != nil {
		d.t.Fatal(err)
	}
	found := make(map[string]float64)
	for _, family := range families {
		if !slices.Contains(names, family.GetName()) {
			continue
		}
		for _, m := range family.GetMetric() {
			found[family.GetName()] += m.GetGauge().GetValue() + m.GetCounter().GetValue()
		}
	}
	return found
}

// resources counts what could leak.
func (d *disturbed) resources() map[string]float64 {
	return d.metrics("go_goroutines", "process_open_fds")
}

const taken = "exactlyonce_rebalances_total"

// disturb has others join and leave the worker's groups until there were n rebalances more, and
// returns how many there were. In the end the worker has all partitions again.
func (d *disturbed) disturb(n int) int {
	d.t.Helper()
	before := d.metrics(taken)[taken]
	ctx, stop := context.WithTimeout(d.t.Context(), 3*time.Minute)
	defer stop()
	var others errgroup.Group
	for _, p := range d.worker.processors {
		others.Go(func() error {
			for ctx.Err() == nil {
				if err := d.joinAndLeave(ctx, p); err != nil {
					return err
				}
			}
			return nil
		})
	}
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for d.metrics(taken)[taken] < before+float64(n) && ctx.Err() == nil {
		<-ticker.C
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		d.t.Fatalf("there were only %v rebalances", d.metrics(taken)[taken]-before)
	}
	stop()
	if err := others.Wait(); err != nil {
		d.t.Fatal(err)
	}
	d.isReady()
	return int(d.metrics(taken)[taken] - before)
}

// joinAndLeave is a member of a processor's group for a moment.
func (d *disturbed) joinAndLeave(ctx context.Context, p *supervised) error {
	topics := p.graph.InputStreams().Topics()
	if loop := p.graph.LoopStream(); loop != nil {
		topics = append(topics, loop.Topic())
	}
	joined := make(chan struct{}, 1)
	member, err := kgo.NewClient(kgo.SeedBrokers(d.cluster.Brokers()...),
		kgo.ConsumerGroup(p.name), kgo.ConsumeTopics(topics...), kgo.DisableAutoCommit(),
		kgo.Balancers(kgo.RangeBalancer()), kgo.HeartbeatInterval(100*time.Millisecond),
		kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) {
			select {
			case joined <- struct{}{}:
			default:
			}
		}))
	if err != nil {
		return fmt.Errorf("join %s: %w", p.name, err)
	}
	defer member.Close() // leaves
	select {
	case <-joined:
	case <-ctx.Done():
	}
	return nil
}
