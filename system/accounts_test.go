//go:build system

package system_test

import (
	"context"
	"fmt"
	"iter"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/audit"
	"refold/system/load"
)

const (
	recentCommands = 16 // as the program is configured
	accountsSeed   = 3
)

// An operator sets an installation up, and a user opens an account: first nothing is there, and
// each thing that is missing is named.
func TestFromNothing(t *testing.T) {
	i := install(t, startEmptyCluster(t), "nothing.")
	contains(t, i.run(2, "topics", "plan"), "nothing.account-commands", "nothing.accounts-table")
	i.run(0, "topics", "apply")
	i.run(0, "topics", "apply")
	contains(t, i.run(1, "schemas", "check"), "refold.accounts.OpenAccount")

	w := i.worker("worker")
	w.start()
	eventually(t, time.Minute, func(ctx context.Context) error {
		return w.says(ctx, http.StatusServiceUnavailable, "refold.accounts.OpenAccount")
	})
	i.run(0, "schemas", "register")
	w.isReady() // by itself

	send := func(exitCode int, args ...string) string {
		return i.run(exitCode,
			append([]string{"send", "--server", w.url, "--wait", "20s", "account"}, args...)...)
	}
	contains(t, send(0, "zoe", "OpenAccount", `{"owner": "Zoe", "currency": "EUR"}`), "event 1")
	contains(t, send(0, "zoe", "DepositMoney", `{"amount": 500, "currency": "EUR"}`,
		"--id", "salary"), "event 2")
	contains(t, send(0, "zoe", "DepositMoney", `{"amount": 500, "currency": "EUR"}`,
		"--id", "salary"), "event 2")
	contains(t, send(3, "zoe", "WithdrawMoney", `{"amount": 501, "currency": "EUR"}`),
		"insufficient-funds")
	contains(t, send(3, "zoe", "CloseAccount", `{}`, "--expect", "1"), "sequence-mismatch")
	contains(t, i.run(0, "get", "account", "zoe", "--server", w.url, "--at-least", "2"),
		"zoe at sequence 2", `"balance": 500`)
	contains(t, i.run(0, "get", "--command", "salary", "--server", w.url), "accepted", "event 2")
	i.run(5, "get", "account", "nobody", "--server", w.url)

	w.expect(http.StatusOK, []string{`"lastSequence":3`}, http.MethodPost, "/accounts/zoe/commands",
		`{"type": "ChargeAccount", "data": {"amount": 100, "currency": "EUR", "reference": "o-1"}}`,
		"Prefer: wait=20", `If-Match: "2"`)
	w.expect(http.StatusOK, []string{`"balance":400`}, http.MethodGet,
		"/accounts/zoe?atLeast=3", "", "Prefer: wait=20")
	got := w.expect(http.StatusOK, nil, http.MethodGet, "/accounts/zoe", "")
	tag := got.header.Get("ETag")
	if !strings.HasPrefix(tag, `"3-`) {
		t.Errorf("the ETag of zoe at sequence 3 is %s", tag)
	}
	w.expect(http.StatusNotModified, nil, http.MethodGet, "/accounts/zoe", "", "If-None-Match: "+tag)
	w.expect(http.StatusPreconditionFailed, []string{"sequence-mismatch"}, http.MethodPost,
		"/accounts/zoe/commands", `{"type": "CloseAccount", "data": {}}`,
		"Prefer: wait=20", `If-Match: "2"`)
	sent := w.expect(http.StatusAccepted, nil, http.MethodPost, "/accounts/zoe/commands",
		`{"type": "FreezeAccount", "data": {"reason": "a closer look"}}`)
	w.expect(http.StatusOK, []string{`"status":"accepted"`, `"lastSequence":4`}, http.MethodGet,
		sent.header.Get("Location"), "", "Prefer: wait=20")
	w.stop()

	// Another pod, which knows nothing yet, answers for the commands of the first.
	other := i.worker("other")
	other.start()
	other.isReady().expect(http.StatusOK, []string{`"accepted"`}, http.MethodGet,
		"/commands/salary", "")
	other.stop()
}

// Topics that exist are never changed; what differs is told.
func TestTopicsThatDiffer(t *testing.T) {
	i := install(t, startCluster(t, 2), "differ.")
	i.run(0, "topics", "apply")
	printed := i.run(2, "topics", "plan", "--topics.partitions", "8",
		"--topics.commands-retention", "1h")
	contains(t, printed, "differ.account-commands", "partitions", "retention.ms")
	i.run(2, "topics", "apply", "--topics.partitions", "8")
	i.run(0, "topics", "plan")
}

// G1 to G6: in the middle of a load of 200,000 commands a clean stop, and kill -9, twice.
func TestKilledInTheMiddleOfALoad(t *testing.T) {
	const commands, accounts, rate = 200_000, 5_000, 20_000
	i := install(t, startCluster(t, 2), "killed.")
	i.run(0, "topics", "apply")
	i.run(0, "schemas", "register")
	w := i.worker("worker")
	w.start()
	w.isReady()
	sending := i.send(commands, accounts, rate)
	for share, end := range []func(){w.stop, w.kill, w.kill} {
		eventually(t, 2*time.Minute, i.handled(commands*(share+1)/5))
		end()
		if i.handled(commands)(t.Context()) == nil {
			t.Fatal("it ended after the work, not in the middle of it")
		}
		w.start()
		w.isReady()
		// G6: what was durable at the clean stop is not read again, after a kill neither.
		if from := w.restoredFrom(); from == 0 {
			t.Errorf("start %d: a table was restored from the beginning\n%s", share+2,
				w.process.Tail())
		}
	}
	if err := sending.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 3*time.Minute, i.handled(commands))
	world := i.audit(commands)
	w.isReady().serves(world)
	w.stop()

	// G6: a restart reads only what is missing.
	w.start()
	w.isReady().serves(world)
	if n := w.metric("refold_store_restored_records_total", "accounts-table"); n > accounts/10 {
		t.Errorf("after a clean stop %v records were restored; the table has %d rows", n, accounts)
	}
	w.stop()

	// A disk that is lost costs a restore, and nothing else.
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.isReady().serves(world)
	w.stop()
}

// G5: two workers start at the same moment on a cluster without topics. One of them is held still
// until the other has taken over all its partitions, and is let go: it writes nothing that counts,
// and finds its way back by itself.
func TestZombie(t *testing.T) {
	const commands, accounts, rate = 60_000, 1_000, 4_000
	i := install(t, startEmptyCluster(t), "zombie.")
	i.run(0, "schemas", "register")
	zombie, other := i.worker("a"), i.worker("b")
	zombie.start()
	other.start()
	zombie.isReady()
	other.isReady()
	sending := i.send(commands, accounts, rate)
	eventually(t, time.Minute, i.handled(commands/10))
	zombie.process.Signal(syscall.SIGSTOP)
	if err := sending.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 2*time.Minute, i.handled(commands)) // so the other has all partitions
	zombie.process.Signal(syscall.SIGCONT)
	world := i.audit(commands)
	zombie.isReady().serves(world)
	other.serves(world)

	// The group still works, whoever has which partitions now.
	more := i.sendMore(accountsSeed+1, commands/10, accounts, rate)
	if err := more.Wait(); err != nil {
		t.Fatal(err)
	}
	eventually(t, time.Minute, i.handled(commands+commands/10))
	i.audit(commands + commands/10)
	zombie.stop()
	other.stop()
}

// says expects a status and a text of the readiness probe.
func (w *worker) says(ctx context.Context, status int, text string) error {
	got := w.ask(ctx, http.MethodGet, "/readyz", "")
	if got.status != status || !strings.Contains(got.body, text) {
		return fmt.Errorf("/readyz: %v", got)
	}
	return nil
}

// send writes commands in the background.
func (i *installation) send(n, accounts, rate int) *errgroup.Group {
	return i.sendMore(accountsSeed, n, accounts, rate)
}

func (i *installation) sendMore(seed uint64, n, accounts, rate int) *errgroup.Group {
	return i.write(n, rate, load.Commands(seed, accounts, n))
}

// write writes n commands in the background.
func (i *installation) write(n, rate int, commands iter.Seq[load.Command]) *errgroup.Group {
	g, ctx := errgroup.WithContext(i.t.Context())
	g.Go(func() error {
		sent, err := load.Write(ctx, load.Target{
			Brokers: i.cluster.brokers(), RegistryURL: i.cluster.registry.URL(),
			Topic: i.prefix + "account-commands", Rate: rate,
		}, commands)
		if err == nil && sent != n {
			err = fmt.Errorf("%d of %d commands were acknowledged", sent, n)
		}
		return err
	})
	return g
}

// handled is the condition that the accounts have handled so many commands.
func (i *installation) handled(n int) func(context.Context) error {
	return atLeast(i.cluster, i.prefix+"accounts", i.prefix+"account-commands", n)
}

// noneOpen waits for transactions that a worker left open when it was held still or killed: they end when
// it goes on, or when the brokers have waited for long enough.
func (i *installation) noneOpen() func(context.Context) error {
	topics := []string{
		i.prefix + "account-events", i.prefix + "account-results", i.prefix + "accounts-table",
	}
	return func(ctx context.Context) error {
		client, err := kgo.NewClient(kgo.SeedBrokers(i.cluster.brokers()...))
		if err != nil {
			return err
		}
		defer client.Close()
		admin := kadm.NewClient(client)
		ends, err := admin.ListEndOffsets(ctx, topics...)
		if err != nil {
			return err
		}
		stable, err := admin.ListCommittedOffsets(ctx, topics...)
		if err != nil {
			return err
		}
		ends.Each(func(end kadm.ListedOffset) {
			at, _ := stable.Lookup(end.Topic, end.Partition)
			if at.Offset < end.Offset {
				err = fmt.Errorf("%s/%d has an open transaction", end.Topic, end.Partition)
			}
		})
		return err
	}
}

// audit reads all topics and checks the promises.
func (i *installation) audit(commands int) *audit.World {
	i.t.Helper()
	eventually(i.t, 2*time.Minute, i.noneOpen())
	world, err := audit.Read(i.t.Context(), audit.Source{
		Brokers: i.cluster.brokers(), RegistryURL: i.cluster.registry.URL(),
		RingSize: recentCommands, Prefix: i.prefix,
	}, audit.Accounts)
	if err != nil {
		i.t.Fatal(err)
	}
	if breaches := world.Check(); len(breaches) > 0 {
		i.t.Fatalf("%d breaches:\n%s", len(breaches), audit.Report(breaches))
	}
	if len(world.Commands) != commands || len(world.DeadLetters) > 0 {
		i.t.Fatalf("%d commands, want %d; %d dead letters", len(world.Commands), commands,
			len(world.DeadLetters))
	}
	i.t.Logf("%d commands, %d events, %d rows; %d offsets of events were aborted",
		len(world.Commands), len(world.Events), len(world.Rows), world.Aborted)
	return world
}

// serves expects that the API comes to say of some accounts what their rows say. A view follows the topics
// by itself, so a worker that was held still answers with the past for as long as it needs to read what was
// written meanwhile, though it is ready.
func (w *worker) serves(world *audit.World) {
	w.t.Helper()
	seen := 0
	for id, row := range world.Rows {
		if row.Sequence == 0 {
			continue // never opened: there is no such account
		}
		if seen == sample {
			return
		}
		seen++
		eventually(w.t, time.Minute, func(ctx context.Context) error { return w.servesRow(ctx, id, row) })
	}
}

func (w *worker) servesRow(ctx context.Context, id string, row audit.Row) error {
	got, err := w.account(ctx, id)
	if err != nil {
		return err
	}
	status, _ := row.State["status"].(string)
	if got.Sequence != row.Sequence || got.State.Balance != row.State["balance"] ||
		!strings.EqualFold(got.State.Status, status) {
		return fmt.Errorf("account %s is served as %+v, its row is %+v", id, got, row)
	}
	return nil
}
