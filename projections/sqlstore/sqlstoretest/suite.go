package sqlstoretest

import (
	"context"
	"crypto/rand"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"refold/projections"
	"refold/projections/sqlstore"
)

// patience is how long a test waits for what must come.
const patience = 30 * time.Second

// Run tests a store. Open opens one in a database that all calls share; the suite closes it.
func Run(t *testing.T, open func(t *testing.T) *sqlstore.Store) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, *suite){
		"migrations run once, in order":                migrationsRunInOrder,
		"a migration that fails leaves nothing":        failedMigrationLeavesNothing,
		"a migration must not change":                  migrationMustNotChange,
		"new migrations run in builds that exist":      newMigrationsRun,
		"some migrations wait until a build is filled": someMigrationsWaitUntilFilled,
		"members that open at once migrate once":       membersMigrateOnce,
		"a build is dropped with what migrations made": droppedWithAllThatIsItsOwn,
		"tables must not change without a version":     tablesMustNotChange,
		"names that the store needs are refused":       namesAreRefused,
		"a table that is no more has no view":          tableThatIsNoMore,
		"queries read views":                           queriesReadViews,
		"members merge the same rows":                  membersMergeTheSameRows,
	} {
		t.Run(name, func(t *testing.T) {
			test(t, &suite{Store: opened(t, open), open: func() *sqlstore.Store { return opened(t, open) }})
		})
	}
}

func opened(t *testing.T, open func(t *testing.T) *sqlstore.Store) *sqlstore.Store {
	t.Helper()
	store := open(t)
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Errorf("closing the store: %v", err)
		}
	})
	return store
}

// suite is a store that is tested.
type suite struct {
	*sqlstore.Store
	open func() *sqlstore.Store // another one in the same database, as another process has it
}

// customer is a row of the suite's projection.
type customer struct {
	ID     string `column:"id,key"`
	Email  string `column:"email,subject"`
	Orders int64  `column:"orders"`
}

// customers is the suite's projection.
type customers struct {
	projections.Projection
	table projections.TableOf[customer]
}

// newCustomers returns a projection that no database has yet.
func newCustomers(files map[string]string) *customers {
	suffix := "_" + strings.ToLower(rand.Text()[:12])
	c := &customers{table: projections.NewTable[customer]("customers" + suffix)}
	c.Name, c.Version, c.Tables = "shop"+suffix, 1, projections.Tables{c.table.Table}
	c.migrate(files)
	return c
}

// migrate sets the projection's migrations. {customers} stands for the placeholder of its table.
func (c *customers) migrate(files map[string]string) {
	all := make(fstest.MapFS)
	for path, text := range files {
		text = strings.ReplaceAll(text, "{customers}", "{"+c.table.Name+"}")
		all[path] = &fstest.MapFile{Data: []byte(text)}
	}
	c.Migrations = all
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// mustSay fails the test unless an error says all of some texts.
func mustSay(tb testing.TB, err error, texts ...string) {
	tb.Helper()
	for _, text := range texts {
		if err == nil || !strings.Contains(err.Error(), text) {
			tb.Fatalf("the error is %v; it must say %q", err, text)
		}
	}
}

// begin makes a build and opens it.
func (s *suite) begin(tb testing.TB, p *projections.Projection) (projections.OpenBuild, int) {
	tb.Helper()
	made, err := s.Begin(tb.Context(), p, projections.Build{Version: p.Version, Folds: "customer=1"}, true)
	must(tb, err)
	build, err := s.Open(tb.Context(), p, made.Number)
	must(tb, err)
	return build, made.Number
}

// fill writes one row to a new partition of a build.
func fill(tb testing.TB, build projections.OpenBuild, topic string, changes ...projections.Change) {
	tb.Helper()
	claimed, err := build.Claim(tb.Context(), []projections.Partition{{Topic: topic}})
	must(tb, err)
	must(tb, build.Write(tb.Context(), &projections.Batch{Changes: changes, Advances: []projections.Advance{{
		Partition: claimed[0].Partition, Epoch: claimed[0].Epoch,
		From: claimed[0].Next, To: claimed[0].Next + 1,
	}}}))
}

// read returns the texts that a query returns in its only column.
func (s *suite) read(ctx context.Context, query string, args ...any) (all []string, err error) {
	rows, err := s.DB().QueryContext(ctx, s.Rebind(query), args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err has it
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}

func (s *suite) mustRead(tb testing.TB, query string, want ...string) {
	tb.Helper()
	found, err := s.read(tb.Context(), query)
	must(tb, err)
	if strings.Join(found, "|") != strings.Join(want, "|") {
		tb.Fatalf("%s returns %q; it must be %q", query, found, want)
	}
}
