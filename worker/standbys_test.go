package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"

	"refold/kafka/local"
	"refold/processors/accounts"
)

// pod is a worker that can be cut off from the cluster.
type pod struct {
	*disturbed

	host  *Host
	stop  context.CancelFunc
	ended chan error

	mu    sync.Mutex
	cut   bool
	conns []net.Conn
}

var errCut = errors.New("the network is gone")

func (p *pod) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case err != nil:
		return nil, err
	case p.cut:
		return nil, errors.Join(errCut, conn.Close())
	}
	p.conns = append(p.conns, conn)
	return conn, nil
}

// die takes the network away, for good: the pod can't even leave its groups.
func (p *pod) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	for _, conn := range p.conns {
		_ = conn.Close()
	}
}

func startPod(t *testing.T, cluster *local.Cluster, name string) *pod {
	t.Helper()
	p := &pod{disturbed: &disturbed{t: t, cluster: cluster}, ended: make(chan error, 1)}
	in := install(t, cluster, map[string]string{
		"topics.partitions": "4", "processor.transactional-id": name,
		"store.acceptable-lag": "100", "store.probing-interval": "100ms",
	})
	in.Config.Kafka.SessionTimeout, in.Config.Kafka.Dial = time.Second, p.dial
	var err error
	p.worker, err = New(in, slog.New(slog.DiscardHandler), func(h *Host) error { p.host = h; return nil })
	if err != nil {
		t.Fatal(err)
	}
	var ctx context.Context
	ctx, p.stop = context.WithCancel(context.Background())
	go func() { p.ended <- p.worker.Run(ctx) }()
	t.Cleanup(func() {
		p.stop()
		if err := <-p.ended; err != nil {
			t.Error(err)
		}
	})
	return p
}

// owns returns how many partitions of accounts the pod has, once its read side is there.
func (p *pod) owns() int {
	if p.worker.preparedCheck() != nil || p.worker.views.Ready() != nil {
		return -1
	}
	processor := p.worker.processors[0].current.Load()
	if processor == nil || processor.Ready() != nil {
		return -1
	}
	return len(p.worker.views.Owned("account"))
}

func (p *pod) waitOwns(partitions int) {
	p.t.Helper()
	eventually(p.t, func() bool { return p.owns() == partitions }, textOf(func() string {
		return fmt.Sprintf("it owns %d partitions; want %d", p.owns(), partitions)
	}))
}

// restored counts the records that the pod's stores were restored from.
func (p *pod) restored() float64 { return p.sum("refold_store_restored_records_total") }

// outcomesRead is how many results the pod has read to know the outcomes of recent commands.
func (p *pod) outcomesRead() float64 { return p.sum("refold_outcomes_read_total") }

func (p *pod) sum(metric string) float64 { return p.metrics(metric)[metric] }

const (
	customers = 40
	deposits  = 20 // of each: enough that no partition is within the acceptable lag
)

// work has each customer do something.
func (p *pod) work(round int) {
	p.t.Helper()
	for i := range customers {
		id := fmt.Sprint("customer-", i)
		send := func(n int, command any) {
			err := p.host.Send(p.t.Context(), "account", id, fmt.Sprintf("%s-%d-%d", id, round, n), command)
			if err != nil {
				p.t.Fatal(err)
			}
		}
		if round == 0 {
			send(0, accounts.OpenAccount{Owner: id, Currency: "EUR"})
		}
		for n := range deposits {
			send(n+1, accounts.DepositMoney{Amount: 1, Currency: "EUR"})
		}
	}
}

// A worker that joins cold follows all partitions until it has caught up, and then gets its share; when the
// other one dies, it takes over the rest. Neither costs more than the tail: each record is restored once.
func TestStandbyTakesOver(t *testing.T) {
	cluster, err := local.Start(local.Options{
		Kafka: []kfake.Opt{kfake.GroupMinSessionTimeout(100 * time.Millisecond)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	first := startPod(t, cluster, "first")
	first.waitOwns(4)
	first.work(0)
	first.seen(1 + deposits)

	second := startPod(t, cluster, "second")
	second.waitOwns(2)
	first.waitOwns(2)
	ends := endsOf(t, first.worker)
	warm := second.restored()
	if warm < customers*deposits || warm > ends {
		t.Errorf("%v records were restored; the topics have %v", warm, ends)
	}
	first.work(1)
	eventually(t, func() bool { return second.lag() == 0 }, textOf(func() string {
		return fmt.Sprintf("it lacks %v records", second.lag())
	}))
	restored, outcomes := second.restored(), second.outcomesRead()
	first.die()
	second.waitOwns(4)
	if read := second.restored() - restored; read > 100 {
		t.Errorf("the take-over has restored %v records; want the tail", read)
	}
	if read := second.outcomesRead() - outcomes; read > 100 {
		t.Errorf("the take-over has read %v outcomes; want the tail", read)
	}
	second.seen(1 + 2*deposits)
}

// lag is what the pod's standbys lack, -1 while they are fewer than two partitions of all topics.
func (p *pod) lag() float64 {
	families, err := p.worker.metrics.Gather()
	if err != nil {
		p.t.Fatal(err)
	}
	lag, found := 0.0, 0
	for _, family := range families {
		if family.GetName() == "refold_standby_lag_records" {
			for _, m := range family.GetMetric() {
				lag, found = lag+m.GetGauge().GetValue(), found+1
			}
		}
	}
	if topics := 1 + len(p.worker.views.Copies("account")); found < 2*topics {
		return -1
	}
	return lag
}

// seen waits until the pod shows that all customers are at a sequence, as far as it owns them.
func (p *pod) seen(sequence int64) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), patience)
	defer cancel()
	for i := range customers {
		id := fmt.Sprint("customer-", i)
		row, err := StateAtLeast[accounts.Account](ctx, p.host, "account", id, sequence)
		if err != nil || row.Sequence != sequence {
			p.t.Fatalf("%s is at sequence %d, %v; want %d", id, row.Sequence, err, sequence)
		}
	}
}

// endsOf adds up where the topics of accounts end.
func endsOf(t *testing.T, w *Worker) (sum float64) {
	t.Helper()
	client, err := w.kafka.Client()
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	topics := w.in.Topics(w.opened.Aggregates[0].AggregateName)
	ends, err := kadm.NewClient(client).ListEndOffsets(t.Context(),
		topics.Table, topics.Commands, topics.Events, topics.Results)
	if err != nil {
		t.Fatal(err)
	}
	ends.Each(func(o kadm.ListedOffset) { sum += float64(o.Offset) })
	return sum
}
