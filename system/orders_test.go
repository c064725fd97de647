//go:build system

package system_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"refold/audit"
	"refold/system/realkafka"
)

// G1 to G6, for two aggregates and the process between them: ten thousand orders are placed, paid,
// shipped, delivered, declined, cancelled and refunded by HTTP, while workers come, go and are
// killed. In the end an independent reader finds everything in order: each command's one outcome,
// the one that its sender was told; gap-free events; all money; legal states; whole traces.
func TestOrders(t *testing.T) {
	const orders, accounts = 10_000, 400
	i := install(t, startCluster(t, 2), "shop.")
	i.run(0, "topics", "apply")
	i.run(0, "schemas", "register")
	a, b, c := i.worker("a"), i.worker("b"), i.worker("c")
	a.start()
	b.start()
	a.isReady()
	b.isReady()
	record := filepath.Join(t.TempDir(), "told.jsonl")
	load := i.background("load", "load",
		"--server", a.url+","+b.url+","+c.url, "--orders", fmt.Sprint(orders),
		"--accounts", fmt.Sprint(accounts), "--seed", "4", "--name", "shop", "--record", record,
		"--order-delay", "20ms", "--order-share", "0.8", "--json")
	for n, change := range []func(){
		c.start,
		func() { a.kill(); a.start() },
		func() { c.isReady(); b.stop(); b.start() },
		func() { a.isReady(); b.isReady(); c.kill() },
		func() { a.process.Signal(syscall.SIGSTOP) }, // a zombie: it is overtaken while it stands still
		func() { a.process.Signal(syscall.SIGCONT); c.start() },
		func() { c.isReady(); b.kill(); b.start() },
	} {
		i.whileRunning(load, i.comeTo(audit.Orders.Plural, (n+1)*orders/3))
		change()
	}
	i.ends(load, 8*time.Minute)
	eventually(t, 2*time.Minute, i.quiet())

	shop := i.auditShop(record)
	seen := map[string]int{}
	for _, row := range shop.Orders.Rows {
		if row.Sequence > 0 {
			seen[fmt.Sprintf("%v, %v", row.State["status"], row.State["payment"])]++
		}
	}
	t.Logf("orders: %v", seen)
	for _, end := range []string{
		"delivered, paid", "declined, declined", "cancelled, refunded", "cancelled, declined",
	} {
		if seen[end] == 0 {
			t.Errorf("no order ended as %s", end)
		}
	}
	for _, w := range []*worker{a, b, c} {
		w.isReady()
		w.servesOrders(shop.Orders)
		w.servesHistories(shop.Orders)
		w.servesTraces(shop)
		w.stop()
	}
}

// background starts a command of the program that takes its time.
func (i *installation) background(name string, args ...string) *realkafka.Process {
	i.t.Helper()
	process, err := realkafka.Start(realkafka.Command{
		Name: i.prefix + name, Dir: servers.dir, Args: append([]string{i.program}, args...),
		Env: i.env,
	})
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(process.Kill)
	return process
}

// whileRunning waits for a condition, and fails if the process ends before.
func (i *installation) whileRunning(p *realkafka.Process, condition func(context.Context) error) {
	i.t.Helper()
	eventually(i.t, 3*time.Minute, func(ctx context.Context) error {
		select {
		case <-p.Exited():
			i.t.Fatalf("it ended too early: %v\n%s", p.Wait(), p.Tail())
		default:
		}
		return condition(ctx)
	})
}

// ends waits until the process has ended well.
func (i *installation) ends(p *realkafka.Process, within time.Duration) {
	i.t.Helper()
	select {
	case <-p.Exited():
	case <-time.After(within):
		i.t.Fatalf("not ended within %v\n%s", within, p.Tail())
	}
	if err := p.Wait(); err != nil {
		i.t.Fatalf("%v\n%s", err, p.Tail())
	}
	i.t.Log(p.Tail())
}

// comeTo is the condition that a group has handled so many commands.
func (i *installation) comeTo(plural string, n int) func(context.Context) error {
	return atLeast(i.cluster, i.prefix+plural, i.prefix+plural[:len(plural)-1]+"-commands", n)
}

// quiet is the condition that nothing is under way: all groups have come to the ends of all their
// inputs, and the ends have not moved while they were asked for.
func (i *installation) quiet() func(context.Context) error {
	inputs := map[string]string{ // by topic, the group that reads it
		"account-commands": "accounts", "order-commands": "orders",
		"order-events": "order-payments", "account-results": "order-payments",
	}
	last := map[string]map[int32]int64{}
	return func(ctx context.Context) error {
		now := map[string]map[int32]int64{}
		for topic, group := range inputs {
			committed, ends, err := audit.Offsets(ctx, i.cluster.brokers(), i.prefix+group, i.prefix+topic)
			if err != nil {
				return err
			}
			if !maps.Equal(committed, ends) {
				return fmt.Errorf("%s: the group %s is at %v of %v", topic, group, committed, ends)
			}
			now[topic] = ends
		}
		before := last
		last = now
		if !maps.EqualFunc(before, now, maps.Equal[map[int32]int64, map[int32]int64]) {
			return fmt.Errorf("the topics still grow: %v", now)
		}
		return nil
	}
}

// auditShop reads all topics and checks the promises, and what the senders were told.
func (i *installation) auditShop(record string) *audit.Shop {
	i.t.Helper()
	shop, err := audit.ReadShop(i.t.Context(), audit.Source{
		Brokers: i.cluster.brokers(), RegistryURL: i.cluster.registry.URL(),
		RingSize: recentCommands, Prefix: i.prefix,
	})
	if err != nil {
		i.t.Fatal(err)
	}
	told, err := audit.ReadTold(record)
	if err != nil {
		i.t.Fatal(err)
	}
	breaches := append(shop.Check(), shop.CheckTold(told)...)
	if len(breaches) > 0 {
		i.t.Fatalf("%d breaches:\n%s", len(breaches), audit.Report(breaches))
	}
	for _, w := range []*audit.World{shop.Accounts, shop.Orders} {
		if len(w.DeadLetters) > 0 {
			i.t.Fatalf("%d dead letters of %s", len(w.DeadLetters), w.Kind.Plural)
		}
		i.t.Logf("%s: %d commands, %d events, %d rows; %d offsets of events were aborted",
			w.Kind.Plural, len(w.Commands), len(w.Events), len(w.Rows), w.Aborted)
	}
	i.t.Logf("%d answers, all of them true", len(told))
	return shop
}

// servesOrders compares what the API says of some orders with their rows.
func (w *worker) servesOrders(world *audit.World) {
	w.t.Helper()
	seen := 0
	for id, row := range world.Rows {
		order := row.State
		if row.Sequence == 0 {
			continue
		}
		seen++
		if seen > sample {
			return
		}
		var got struct {
			Sequence int64
			State    struct{ Status, Payment, PaymentID string }
		}
		body := w.expect(http.StatusOK, nil, http.MethodGet, "/orders/"+id, "").body
		if err := json.Unmarshal([]byte(body), &got); err != nil {
			w.t.Fatal(err)
		}
		if got.Sequence != row.Sequence || got.State.Status != order["status"] ||
			got.State.Payment != order["payment"] || got.State.PaymentID != order["paymentId"] {
			w.t.Fatalf("order %s is served as %s, its row is %v at %d", id, body, order, row.Sequence)
		}
	}
}
