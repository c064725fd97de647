//go:build system

package system_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"refold/processors"
	"refold/processors/accounts"
	"refold/program"
	"refold/projections/postgres"
	"refold/projections/projector"
	"refold/projections/storetest"
	"refold/readmodels"
	"refold/system/realkafka"
	"refold/system/rows"
)

// carelessVariable holds a careless in JSON when this test binary is started to be one.
const carelessVariable = "REFOLD_SYSTEM_CARELESS"

// carelessName is that of its projection, its database and its Kafka client.
const carelessName = "careless"

// careless is the twin of a projector: it writes rows first, and offsets and states in a second transaction,
// as those do that keep offsets in Kafka.
type careless struct {
	Kafka, Registry, Prefix, Postgres string
	// Dies is before which second transaction it kills itself; 0: never.
	Dies int64
}

func runCareless(text string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var c careless
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		err = c.run(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// run fills the statements of accounts, under a name of its own, so that its group is not that of others.
func (c *careless) run(ctx context.Context) error {
	in, err := program.Program{Definitions: []processors.Definition{accounts.Definition}}.Installation(
		map[string]string{
			"kafka.brokers": c.Kafka, "kafka.client-id": carelessName, "registry.urls": c.Registry,
			"registry.cache-directory": "", "topics.prefix": c.Prefix,
		})
	if err != nil {
		return err
	}
	registry, opened, err := in.Open(nil)
	if err != nil {
		return err
	}
	defer registry.Close()
	if err := opened.Prepare(ctx); err != nil {
		return err
	}
	store, err := postgres.Open(c.Postgres, postgres.Options{})
	if err != nil {
		return err
	}
	defer store.Close() //nolint:errcheck // the process ends
	p := readmodels.AccountStatement
	p.Name = carelessName
	sources, err := p.Open(opened.Aggregates)
	if err != nil {
		return err
	}
	all, err := projector.New(projector.Options{
		Kafka: in.Kafka(nil), Prefix: in.Prefix(), BatchRecords: 200,
		Projections: []projector.Projected{{
			Projection: p, Sources: sources, Store: storetest.Careless(store, c.between()),
		}},
	})
	if err != nil {
		return err
	}
	return all.Run(ctx)
}

// between is called between the two transactions.
func (c *careless) between() func() error {
	var writes atomic.Int64
	return func() error {
		if writes.Add(1) == c.Dies {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until it is dead
		}
		return nil
	}
}

// The twin is killed so often, each time before its second transaction of that number since it was started.
const (
	carelessKills = 3
	carelessDies  = 5
)

// careless fills statements by the twin, which is killed between its two transactions. In the end all rows
// are there, and sums are doubled: the comparison by which the others are right finds that.
func (m *readModels) careless(t *testing.T, want rows.Tables) {
	t.Helper()
	url, err := m.postgres.Create(t.Context(), carelessName)
	if err != nil {
		t.Fatal(err)
	}
	c := careless{
		Kafka: m.cluster.broker.Address(), Registry: m.cluster.registry.URL(), Prefix: m.prefix,
		Postgres: url, Dies: carelessDies,
	}
	for range carelessKills {
		twin := c.start(t)
		select {
		case <-twin.Exited():
		case <-time.After(soon):
			t.Fatalf("the twin does not come to its end\n%s", twin.Tail())
		}
		m.expel(carelessName)
	}
	c.Dies = 0
	twin := c.start(t)
	var got rows.Tables
	eventually(t, soon, func(ctx context.Context) (err error) {
		got, err = rows.OfDatabase(ctx, rows.Postgres, url, "account_statement", "account_months")
		if err != nil {
			return fmt.Errorf("%w\n%s", err, twin.Tail())
		}
		return firstOf(rows.Differences(want, got, "account_statement"))
	})
	if len(rows.Differences(want, got, "account_months")) == 0 {
		t.Fatal("nothing is doubled, or the comparison does not find it")
	}
	is, right := got.Sum("account_months", "bookings"), want.Sum("account_months", "bookings")
	if is <= right {
		t.Errorf("%d bookings are in the sums of the twin; more than the %d should be", is, right)
	}
	t.Logf("%d bookings are in the sums of the twin, and %d have happened", is, right)
	twin.Stop()
}

// start starts the twin.
func (c *careless) start(t *testing.T) *realkafka.Process {
	t.Helper()
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	twin, err := realkafka.Start(realkafka.Command{
		Name: carelessName, Dir: servers.dir, Args: []string{os.Args[0]},
		Env: append(os.Environ(), carelessVariable+"="+string(text)),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(twin.Kill)
	return twin
}
