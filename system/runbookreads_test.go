//go:build system

package system_test

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	_ "modernc.org/sqlite" // changes what a worker has written

	"refold/projections/postgres/postgrestest"
	"refold/system/realstores"
)

// readModelsScene has one read model in a Postgres, and one in a Redis that forgets all when it is started
// anew.
func readModelsScene(s *scene) {
	server, err := postgrestest.Start(s.t.Context(), "fsync=off")
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = server.Close() })
	redis, err := realstores.StartRedis(s.t.Context(), realstores.RedisOptions{Dir: s.t.TempDir()})
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(redis.Kill)
	database := server.URL("postgres")
	s.env = append(s.env, "REFOLD_PROJECTIONS_ONLY=accounts_current,account_card",
		"REFOLD_PROJECTIONS_POSTGRES_URL="+database, "REFOLD_PROJECTIONS_REDIS_ADDRESSES="+redis.Address(),
		"REFOLD_PROJECTIONS_STALL_AFTER=1s", "REFOLD_PROJECTIONS_SHARE=1")
	s.starts().has("alice", "bob")
	s.untilLive("account_card", "accounts_current")

	s.deeds["the database stops"] = func() {
		server.Stop()
		eventually(s.t, time.Minute, func(ctx context.Context) error {
			return s.a.says(ctx, http.StatusServiceUnavailable, "connection refused")
		})
	}
	s.deeds["the database starts"] = func() { s.must(server.Resume(s.t.Context())) }
	s.deeds["somebody changes a row"] = func() {
		s.execute(database, `UPDATE accounts_current__1 SET balance = 7 WHERE account_id = 'bob'`)
	}
	s.deeds["somebody adds a constraint to the table"] = func() {
		s.execute(database, `ALTER TABLE accounts_current__1 ADD CHECK (balance < 1000)`)
		s.accepted("bob", deposit)
		eventually(s.t, time.Minute, func(context.Context) error {
			if list := s.run(0, "dead-letters", "list"); !strings.Contains(list, "projection-refused") {
				return errors.New(list)
			}
			return nil
		})
	}
	s.deeds["Redis is emptied"] = func() {
		redis.Kill()
		s.must(redis.Start(s.t.Context()))
	}
	backUp(s, database)
	nobodyFills(s)
}

// backUp adds that a database is backed up, and restored when more was written.
func backUp(s *scene, database string) {
	file := filepath.Join(s.t.TempDir(), "backup.sql")
	s.deeds["there is a backup, and more events come"] = func() {
		s.tool("pg_dump", "--no-owner", "--file", file, database)
		s.accepted("alice", deposit)
		s.run(0, "project", "wait", "accounts_current", "account/alice@2")
	}
	s.deeds["the backup is restored, in one transaction"] = func() {
		dump, err := os.ReadFile(file)
		s.must(err)
		empty := []byte("DROP SCHEMA public CASCADE;\nCREATE SCHEMA public;\n")
		s.must(os.WriteFile(file, slices.Concat(empty, dump), 0o600))
		s.tool("psql", "--quiet", "--single-transaction", "--set", "ON_ERROR_STOP=1", "--file", file,
			database)
		eventually(s.t, time.Minute, func(context.Context) error {
			log, err := os.ReadFile(s.a.process.Log())
			if err == nil && !strings.Contains(string(log), "the store has gone back") {
				err = errors.New("the log does not say that the store has gone back")
			}
			return err
		})
	}
}

// nobodyFills adds that the worker leaves read models to others.
func nobodyFills(s *scene) {
	env := s.env
	s.deeds["start the worker with projections.run: false"] = func() {
		s.a.stop()
		s.env = append(slices.Clone(env), "REFOLD_PROJECTIONS_RUN=false")
		s.starts()
		s.env = env
		s.accepted("bob", deposit)
	}
	s.deeds["start the worker with projections.run: true"] = func() {
		s.a.stop()
		s.starts()
	}
}

// readsInSQLite has a read model in a file.
func (s *scene) readsInSQLite() (file string) {
	file = filepath.Join(s.t.TempDir(), "read-models.db")
	s.env = append(s.env, "REFOLD_PROJECTIONS_ONLY=accounts_current", "REFOLD_PROJECTIONS_SQLITE_PATH="+file)
	return file
}

// leavesReadModelsTo gives the read models of an installation whose Kafka was lost to the one that is made in
// its place: here the prefix of its topics is another one.
func (s *scene) leavesReadModelsTo(to *scene, from string) {
	s.t.Helper()
	file := to.readsInSQLite()
	ctx := s.t.Context()
	old, err := sql.Open("sqlite", from)
	s.must(err)
	defer func() { _ = old.Close() }()
	_, err = old.ExecContext(ctx, "VACUUM INTO ?", file)
	s.must(err)
	left, err := sql.Open("sqlite", file)
	s.must(err)
	defer func() { _ = left.Close() }()
	const rename = "UPDATE refold_progress SET topic = replace(topic, ?, ?)"
	_, err = left.ExecContext(ctx, rename, s.prefix, to.prefix)
	s.must(err)
}

// untilLive waits until builds of projections are live.
func (s *scene) untilLive(names ...string) {
	s.t.Helper()
	for _, name := range names {
		eventually(s.t, time.Minute, func(context.Context) error {
			if builds := s.run(0, "project", "builds", name); !strings.Contains(builds, " live ") {
				return errors.New(builds)
			}
			return nil
		})
	}
}

// execute executes a statement as somebody does who may.
func (s *scene) execute(database, statement string) {
	s.t.Helper()
	connection, err := pgx.Connect(s.t.Context(), database)
	s.must(err)
	defer connection.Close(s.t.Context()) //nolint:errcheck // the statement is what counts
	_, err = connection.Exec(s.t.Context(), statement)
	s.must(err)
}

// tool runs one of PostgreSQL's programs, which must succeed.
func (s *scene) tool(program string, args ...string) {
	s.t.Helper()
	if output, err := exec.CommandContext(s.t.Context(), program, args...).CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", program, err, output)
	}
}

func (s *scene) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}
