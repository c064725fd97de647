//go:build system

package system_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"refold/audit"
	"refold/system/rows"
)

const (
	// killsVariable says how often projectors are killed, seedVariable what the schedule is made of.
	// stepsVariable is a regular expression: what happens beside kills, by its name. Empty: all.
	killsVariable = "TEST_KILLS"
	seedVariable  = "TEST_SEED"
	stepsVariable = "TEST_STEPS"

	defaultKills = 50
)

// G12: two processes fill all read models, in four stores, under a load. They are killed fifty times, and
// held still until others have their partitions; stores are killed, and set back to backups; all read models
// are rebuilt meanwhile. Readers look all the time. In the end every row in every store is what an
// independent fold of all events makes.
func TestReadModels(t *testing.T) {
	m := newReadModels(t)
	m.untilLive(nil)
	m.watch()
	m.suffer(numberOf(t, killsVariable, defaultKills))
	m.settle()
	want := m.events()
	m.equals(want)
	for _, name := range m.names() {
		contains(t, m.run(0, "verify", "--projection", name), "all equal")
	}
	m.readersSawNothingWrong()
	for _, p := range m.projectors {
		p.isReady().stop()
	}
	t.Run("Careless", func(t *testing.T) { m.careless(t, want) })
}

// numberOf is a number in the environment.
func numberOf(t *testing.T, variable string, without int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return without
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", variable, err)
	}
	return n
}

// step is what happens to the world between two kills.
type step struct {
	name string
	do   func()
	// from and to are between which shares of all kills it happens.
	from, to float64
	after    int // so many kills
}

// suffer kills projectors, and does all else in between, by a schedule that the seed makes.
func (m *readModels) suffer(kills int) {
	begin := time.Now()
	steps := m.schedule(kills)
	for n := range kills + 1 {
		for _, s := range steps {
			if s.after == n {
				s.do()
				m.t.Logf("%5.1f s, after %d kills: %s", time.Since(begin).Seconds(), n, s.name)
			}
		}
		if n < kills {
			m.killOne()
		}
	}
	m.t.Logf("%5.1f s for %d kills", time.Since(begin).Seconds(), kills)
}

// schedule returns the steps in their order. The backups are of before the first rebuild, and restored after
// it. Their age is not the time but the events since: ten minutes are so many.
func (m *readModels) schedule(kills int) []step {
	steps := []step{
		{name: "Postgres is backed up", do: m.backUpPostgres, from: 0.02, to: 0.1},
		{name: "Redis is killed, and backed up", do: m.backUpRedis, from: 0.02, to: 0.1},
		{name: "all are rebuilt", do: m.rebuild, from: 0.15, to: 0.25},
		{name: "a zombie", do: m.zombie, from: 0.1, to: 0.7},
		{name: "a zombie had a batch for Postgres", do: m.zombieOfPostgres, from: 0.25, to: 0.7},
		{name: "SQLite is locked, and a projector is killed", do: m.lockSQLite, from: 0.25, to: 0.7},
		{name: "Postgres is killed", do: m.killPostgres, from: 0.25, to: 0.7},
		{name: "Redis is killed", do: m.killRedis, from: 0.25, to: 0.7},
		{name: "OpenSearch is killed", do: m.killSearch, from: 0.3, to: 0.6},
		{name: "the rebuilt ones are live", do: m.untilRebuilt, from: 0.75, to: 0.76},
		{name: "Postgres fails over to the backup", do: m.failOverPostgres, from: 0.78, to: 0.84},
		{name: "Redis fails over to the backup", do: m.failOverRedis, from: 0.78, to: 0.84},
		{name: "all are rebuilt once more", do: m.rebuild, from: 0.86, to: 0.92},
	}
	only, err := regexp.Compile(os.Getenv(stepsVariable))
	m.must(err)
	steps = slices.DeleteFunc(steps, func(s step) bool { return !only.MatchString(s.name) })
	for i, s := range steps {
		steps[i].after = int((s.from + m.random.Float64()*(s.to-s.from)) * float64(kills))
	}
	slices.SortStableFunc(steps, func(a, b step) int { return cmp.Compare(a.after, b.after) })
	return steps
}

// settle ends the load, and waits until nothing is under way.
func (m *readModels) settle() {
	m.t.Helper()
	m.untilRebuilt()
	m.load.Signal(syscall.SIGTERM)
	m.ends(m.load, time.Minute)
	eventually(m.t, time.Minute, m.quiet())
}

// events returns the rows that all events make.
func (m *readModels) events() rows.Tables {
	m.t.Helper()
	shop, err := audit.ReadShop(m.t.Context(), audit.Source{
		Brokers: m.cluster.brokers(), RegistryURL: m.cluster.registry.URL(), RingSize: recentCommands,
		Prefix: m.prefix,
	})
	if err != nil {
		m.t.Fatal(err)
	}
	for _, world := range []*audit.World{shop.Accounts, shop.Orders} {
		if n := len(world.DeadLetters) + len(world.NotProcessed); n > 0 {
			m.t.Errorf("%d dead letters of %s", n, world.Kind.Plural)
		}
	}
	want, err := rows.Fold(shop.Accounts.Events, shop.Orders.Events)
	if err != nil {
		m.t.Fatal(err)
	}
	m.t.Logf("%d events of accounts and %d of orders", len(shop.Accounts.Events), len(shop.Orders.Events))
	for name, table := range want {
		m.t.Logf("%s has %d rows", name, len(table))
	}
	return want
}

// equals waits until all stores have what all events make, and fails if they come to something else.
func (m *readModels) equals(want rows.Tables) {
	m.t.Helper()
	for store, read := range m.reads() {
		eventually(m.t, time.Minute, func(ctx context.Context) error {
			got, tables, err := read(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", store, err)
			}
			return firstOf(rows.Differences(want, got, tables...))
		})
	}
}

// firstOf is the error that there are differences.
func firstOf(differences []string) error {
	if len(differences) == 0 {
		return nil
	}
	errs := []error{fmt.Errorf("%d rows differ", len(differences))}
	for _, d := range differences[:min(len(differences), 10)] {
		errs = append(errs, errors.New(d))
	}
	return errors.Join(errs...)
}

// leastLooks is how often each store must have been looked at, at least.
const leastLooks = 30

// readersSawNothingWrong ends the watches.
func (m *readModels) readersSawNothingWrong() {
	m.t.Helper()
	for store, w := range m.watches {
		looks, away := w.Looks()
		m.t.Logf("%s was looked at %d times; it was away last with: %v", store, looks, away)
		if looks < leastLooks {
			m.t.Errorf("%s was looked at %d times only", store, looks)
		}
		for _, breach := range w.Breaches() {
			m.t.Errorf("a reader of %s: %s", store, breach)
		}
	}
}
