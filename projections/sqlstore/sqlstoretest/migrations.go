package sqlstoretest

import (
	"fmt"
	"sync"
	"testing"

	"refold/projections"
)

// trail is a table that migrations write to, so that their order can be seen.
const trail = `CREATE TABLE {customers}_trail (place integer NOT NULL, said text NOT NULL);`

// say is a migration that adds to the trail.
func say(text string) string {
	return fmt.Sprintf(`INSERT INTO {customers}_trail SELECT count(*), '%s' FROM {customers}_trail;`, text)
}

// trailOf is the query for what migrations of a build have said.
func trailOf(c *customers, number int) string {
	return fmt.Sprintf("SELECT said FROM %s__%d_trail ORDER BY place", c.table.Name, number)
}

func migrationsRunInOrder(t *testing.T, s *suite) {
	other := map[string]string{"postgres": "sqlite", "sqlite": "postgres"}[s.Dialect()]
	c := newCustomers(map[string]string{
		"01_trail.sql":               trail + say("one") + say("one, again"),
		"03.sql":                     say("three"),
		"02.sql":                     say("two {not_a_table} {}"),
		"more/1.sql":                 say("a folder comes where its name does"),
		"04." + s.Dialect() + ".sql": say("four, here"),
		"04." + other + ".sql":       "this is no SQL",
		"05.my.sql":                  say("five"),
		"README.md":                  "this is no SQL",
	})
	want := []string{
		"one", "one, again", "two {not_a_table} {}", "three", "four, here", "five",
		"a folder comes where its name does",
	}
	_, first := s.begin(t, &c.Projection)
	s.mustRead(t, trailOf(c, first), want...)
	_, second := s.begin(t, &c.Projection)
	s.mustRead(t, trailOf(c, second), want...)
	_, err := s.Open(t.Context(), &c.Projection, first)
	must(t, err)
	s.mustRead(t, trailOf(c, first), want...)
}

func failedMigrationLeavesNothing(t *testing.T, s *suite) {
	c := newCustomers(map[string]string{"1.sql": trail, "2.sql": "SELECT nonsense FROM nowhere;"})
	_, err := s.Begin(t.Context(), &c.Projection, projections.Build{Version: 1}, false)
	mustSay(t, err, c.Name, "migration 2.sql", "nowhere")
	all, err := s.Builds(t.Context(), c.Name)
	must(t, err)
	if len(all) != 0 {
		t.Fatalf("the builds are %v; there must be none", all)
	}
	c.migrate(map[string]string{"1.sql": trail, "2.sql": say("mended")})
	_, number := s.begin(t, &c.Projection)
	s.mustRead(t, trailOf(c, number), "mended")
}

func migrationMustNotChange(t *testing.T, s *suite) {
	c := newCustomers(map[string]string{"1.sql": trail, "2.sql": say("before")})
	_, number := s.begin(t, &c.Projection)
	c.migrate(map[string]string{"1.sql": trail, "2.sql": say("after")})
	_, err := s.Open(t.Context(), &c.Projection, number)
	mustSay(t, err, fmt.Sprintf("build %d of %s", number, c.Name), "migration 2.sql has changed")
	s.mustRead(t, trailOf(c, number), "before")

	// A release that lacks a file is one of before.
	c.migrate(map[string]string{"1.sql": trail})
	_, err = s.Open(t.Context(), &c.Projection, number)
	must(t, err)
	// A build that is made anew has what is said now.
	c.migrate(map[string]string{"1.sql": trail, "2.sql": say("after")})
	_, next := s.begin(t, &c.Projection)
	s.mustRead(t, trailOf(c, next), "after")
}

func newMigrationsRun(t *testing.T, s *suite) {
	c := newCustomers(map[string]string{"1.sql": trail})
	build, number := s.begin(t, &c.Projection)
	fill(t, build, "events", c.table.Put(customer{ID: "alice", Email: "Alice@example.com"}))
	must(t, build.TakeOver(t.Context(), patience))

	c.migrate(map[string]string{
		"1.sql": trail, "2.sql": say("later"),
		"3.sql": "ALTER TABLE {customers} ADD COLUMN folded text;" +
			"UPDATE {customers} SET folded = lower(email);" +
			"CREATE INDEX {customers}_folded ON {customers} (folded);",
	})
	again, err := s.Open(t.Context(), &c.Projection, number)
	must(t, err)
	s.mustRead(t, trailOf(c, number), "later")
	s.mustRead(t, "SELECT folded FROM "+c.table.Name, "alice@example.com") // the view has the column, too
	fill(t, again, "other-events", c.table.Put(customer{ID: "bob", Email: "bob@example.com"}))
	s.mustRead(t, "SELECT email FROM "+c.table.Name+" WHERE folded IS NULL", "bob@example.com")
}

func someMigrationsWaitUntilFilled(t *testing.T, s *suite) {
	c := newCustomers(map[string]string{
		"1.sql": trail, "2.filled.sql": say("filled"), "3.sql": say("before"),
	})
	build, number := s.begin(t, &c.Projection)
	fill(t, build, "events", c.table.Put(customer{ID: "alice", Email: "alice@example.com"}))
	s.mustRead(t, trailOf(c, number), "before")
	must(t, build.TakeOver(t.Context(), patience))
	s.mustRead(t, trailOf(c, number), "before", "filled")

	// Files that a live build has not had yet are run when it is opened.
	c.migrate(map[string]string{
		"1.sql": trail, "2.filled.sql": say("filled"), "3.sql": say("before"), "4.filled.sql": say("later"),
	})
	_, err := s.Open(t.Context(), &c.Projection, number)
	must(t, err)
	s.mustRead(t, trailOf(c, number), "before", "filled", "later")
}

func membersMigrateOnce(t *testing.T, s *suite) {
	c := newCustomers(map[string]string{"1.sql": trail, "2.sql": say("once")})
	const members = 6
	numbers := make([]int, members)
	var all sync.WaitGroup
	for i := range members {
		store := s.open()
		all.Go(func() {
			made, err := store.Begin(t.Context(), &c.Projection, projections.Build{Version: 1}, false)
			if err == nil {
				_, err = store.Open(t.Context(), &c.Projection, made.Number)
			}
			if err != nil {
				t.Error(err)
			}
			numbers[i] = made.Number
		})
	}
	all.Wait()
	for _, number := range numbers {
		if number != 1 {
			t.Errorf("the builds are %v; all must be the same", numbers)
		}
	}
	s.mustRead(t, trailOf(c, 1), "once")
}

func droppedWithAllThatIsItsOwn(t *testing.T, s *suite) {
	c := newCustomers(map[string]string{
		"1.sql": trail,
		"2.sql": "CREATE VIEW {customers}_many AS SELECT * FROM {customers} WHERE orders > 1;",
	})
	_, first := s.begin(t, &c.Projection)
	for range 9 {
		s.begin(t, &c.Projection)
	}
	must(t, s.Drop(t.Context(), &c.Projection, first))
	for _, name := range []string{"%s__1", "%s__1_trail", "%s__1_many"} {
		name = fmt.Sprintf(name, c.table.Name)
		if _, err := s.read(t.Context(), "SELECT 1 FROM "+name); err == nil {
			t.Errorf("%s is still there", name)
		}
	}
	s.mustRead(t, trailOf(c, 2))
	s.mustRead(t, trailOf(c, 10)) // build 10 is not one of build 1
	s.mustRead(t, fmt.Sprintf("SELECT id FROM %s__10_many", c.table.Name))
}
