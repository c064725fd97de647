//go:build system

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"refold/audit"
	"refold/projections/postgres/postgrestest"
	"refold/system/chaos/schedule"
	"refold/system/realstores"
)

// readModels are those of the program, as the audit knows them.
var readModels = []audit.ReadModel{
	audit.AccountsCurrent, audit.AccountStatement, audit.OrdersByStatus, audit.CustomerOrders,
	audit.OrderSearch, audit.AccountCard,
}

// store is a server that read models are kept in.
type store interface {
	Kill()
	Start(ctx context.Context) error
	Pause()
	Continue()
}

// postgres is a store.
type postgres struct{ *postgrestest.Server }

// Start starts it on the data that it had.
func (p postgres) Start(ctx context.Context) error {
	return p.Resume(ctx) //nolint:wrapcheck // it shows the log
}

// startPostgres starts the database. It does not wait for its disk: what it has committed is there all the
// same when it is killed.
func (s *site) startPostgres(ctx context.Context) (err error) {
	s.postgres, err = postgrestest.Start(ctx, "fsync=off", "shared_buffers=32MB", "max_wal_size=256MB")
	return err //nolint:wrapcheck // it says what it was doing
}

// startRedis starts the cache, which keeps what it has acknowledged when it is killed.
func (s *site) startRedis(ctx context.Context) (err error) {
	dir := filepath.Join(s.dir, schedule.Redis)
	if err := os.Mkdir(dir, 0o750); err != nil {
		return fmt.Errorf("making a folder for Redis: %w", err)
	}
	s.redis, err = realstores.StartRedis(ctx, realstores.RedisOptions{Dir: dir, Logged: true})
	return err //nolint:wrapcheck // it says what it was doing
}

// endStores ends both, and keeps the log of the database.
func (s *site) endStores() {
	if s.redis != nil {
		s.redis.Kill()
	}
	if s.postgres == nil {
		return
	}
	s.postgres.Continue()
	text, err := os.ReadFile(s.postgres.Log())
	if err == nil {
		path := filepath.Join(s.dir, "postgres.log")
		err = os.WriteFile(path, text, 0o600) //nolint:gosec // it is the run's own folder
	}
	if err != nil {
		fmt.Println("chaos: keeping the log of PostgreSQL:", err)
	}
	if err := s.postgres.Close(); err != nil {
		fmt.Println("chaos: removing the data of PostgreSQL:", err)
	}
}

// databases are the stores as the audit takes them.
func (s *site) databases() []string {
	return []string{s.database(), "redis://" + s.redis.Address()}
}

func (s *site) database() string { return s.postgres.URL("postgres") }

// ofStore lets something happen to a server of read models, and returns when it is back.
func (p *performance) ofStore(ctx context.Context, f schedule.Fault) error {
	var of store = p.redis
	if f.Target == schedule.Postgres {
		of = postgres{p.postgres}
	}
	p.stores.Lock()
	defer p.stores.Unlock()
	if !p.inTime(ctx, f) {
		return nil
	}
	p.begins(f)
	if f.Kind == schedule.PauseStore {
		of.Pause()
		defer of.Continue()
		pause(ctx, time.Duration(f.Lasts))
		return nil
	}
	of.Kill()
	pause(ctx, time.Duration(f.Lasts))
	return of.Start(ctx) //nolint:wrapcheck // it says what it was doing
}

// rebuildModel asks for a rebuild of a read model, once. That it can't be begun is no problem: the store may
// be away.
func (p *performance) rebuildModel(ctx context.Context, f schedule.Fault) {
	p.begins(f)
	const within = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	cmd := exec.CommandContext(ctx, p.program, "project", "rebuild", f.Target)
	cmd.Env = p.environment(p.cluster.Addresses(), p.registry.URL())
	printed, err := cmd.CombinedOutput()
	lines := strings.Split(strings.TrimSpace(string(printed)), "\n")
	if err != nil {
		p.count("rebuild-read-model-not-taken")
		p.say("  %v: %v: %s", f, err, lines[len(lines)-1])
	}
}

// waitLevel waits until all read models have all events, and no build is about to take the place of another.
func (s *site) waitLevel(ctx context.Context) error {
	limit := s.quietWithin()
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("%w: read models are not level within %v", errBroken, limit))
	defer cancel()
	begin := time.Now()
	err := until(ctx, func() error {
		return audit.Level(ctx, s.auditOptions()) //nolint:wrapcheck // it names the read model
	})
	if err != nil {
		return err
	}
	s.say("all read models are level, %.1f s later", time.Since(begin).Seconds())
	return nil
}
