//go:build system

package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"refold/bench"
	"refold/bench/report"
	"refold/projections/postgres"
	"refold/projections/postgres/postgrestest"
	"refold/projections/sqlite"
	"refold/projections/sqlstore"
	"refold/readmodels"
)

// A full comparison has so many events of so many accounts; a full filling has more.
const (
	pastEvents   = 1_000_000
	pastAccounts = 20_000
	fillEvents   = 10_000_000
	fillAccounts = 100_000
	pastWarm     = 6 // the share that does not count
)

// statements is the projection that all can be compared by: it makes a row of nearly each event.
var statements = readmodels.AccountStatement.Name

func planReadModels(o options) []measurement {
	events := o.scaled(pastEvents)
	accounts := min(o.scaled(pastAccounts), events)
	all := projecting(report.ReadModels, statements, events, accounts)
	for _, other := range []struct {
		name string
		take func(l *lab, ctx context.Context, events, accounts int) (figures, error)
	}{{report.Sink, (*lab).sink}, {report.Copy, (*lab).copyRows}} {
		take := func(ctx context.Context, l *lab, _ *subject) (figures, error) {
			return other.take(l, ctx, events, accounts)
		}
		all = append(all, measurement{
			report.ReadModels, statements + ", PostgreSQL", named(other.name), take,
		})
	}
	return append(all, projecting(report.ReadModels, readmodels.AccountsCurrent.Name, events, accounts)...)
}

func planFill(o options) []measurement {
	events := o.scaled(fillEvents)
	accounts := min(o.scaled(fillAccounts), events)
	return append(projecting(report.Fill, statements, events, accounts)[:1],
		projecting(report.Fill, readmodels.AccountsCurrent.Name, events, accounts)[0])
}

// projecting plans that a projection is filled into each database, SQLite first.
func projecting(scenario, projection string, events, accounts int) (all []measurement) {
	for _, in := range []database{{"SQLite", (*lab).sqlite}, {"PostgreSQL", (*lab).freshPostgres}} {
		take := func(ctx context.Context, l *lab, _ *subject) (figures, error) {
			return l.project(ctx, projection, in, events, accounts)
		}
		all = append(all, measurement{scenario, projection + ", " + in.name, named(report.Project), take})
	}
	return all
}

// named returns a subject of the report.
func named(name string) *subject {
	for _, s := range subjects {
		if s.name == name {
			return s
		}
	}
	panic("no subject is called " + name)
}

// database is a kind of store.
type database struct {
	name string
	// open makes an empty one, below a folder.
	open func(*lab, context.Context, string) (*target, error)
}

// target is a database that is written to.
type target struct {
	*sqlstore.Store

	url  string   // of Postgres
	file string   // of SQLite
	args []string // for the program
	// time returns what its processes have taken; nil if it has none.
	time func() time.Duration
}

func (*lab) sqlite(_ context.Context, dir string) (*target, error) {
	t := &target{file: filepath.Join(dir, "readmodels.db")}
	t.args = []string{"--projections.sqlite.path", t.file}
	var err error
	t.Store, err = sqlite.Open(t.file, sqlite.Options{})
	return t, err
}

// freshPostgres makes a database in a server with the settings that it comes with.
func (l *lab) freshPostgres(ctx context.Context, dir string) (*target, error) {
	if l.postgres == nil {
		var err error
		if l.postgres, err = postgrestest.Start(ctx); err != nil {
			return nil, err
		}
	}
	name := fmt.Sprintf("measured_%d", time.Now().UnixNano())
	url, err := l.postgres.Create(ctx, name)
	if err != nil {
		return nil, err
	}
	secret := filepath.Join(dir, "url")
	if err := os.WriteFile(secret, []byte(url), 0o600); err != nil {
		return nil, fmt.Errorf("writing the URL of the database: %w", err)
	}
	t := &target{url: url, args: []string{"--projections.postgres.url-file", secret}}
	t.time = func() time.Duration { return bench.FamilyTime(l.postgres.Pid()) }
	if t.Store, err = postgres.Open(url, postgres.Options{}); err != nil {
		return nil, err
	}
	var version string
	if err := t.DB().QueryRowContext(ctx, "SHOW server_version").Scan(&version); err != nil {
		return nil, errors.Join(fmt.Errorf("asking PostgreSQL for its version: %w", err), t.Close())
	}
	l.results.Versions["PostgreSQL"] = version
	if _, err := t.DB().ExecContext(ctx, "CHECKPOINT"); err != nil { // of what was written before
		return nil, errors.Join(fmt.Errorf("emptying the log: %w", err), t.Close())
	}
	return t, nil
}

// project fills a projection from its events by processor project.
func (l *lab) project(
	ctx context.Context, projection string, in database, events, accounts int,
) (f figures, err error) {
	p, err := l.past(ctx, events, accounts)
	if err != nil {
		return nil, err
	}
	err = bench.With(ctx, bench.Settings{Kafka: l.settings(), Logs: l.logs},
		func(b *bench.Bench) error {
			t, err := in.open(l, ctx, b.Directory())
			if err != nil {
				return err
			}
			defer t.Close() //nolint:errcheck // it was read only
			port, err := freePort(ctx)
			if err != nil {
				return err
			}
			line := append([]string{
				l.processor, "project", projection, "--kafka.brokers", l.broker.Address(),
				"--registry.urls", l.registry.URL(), "--topics.prefix", p.prefix,
				"--http.address", "127.0.0.1:" + port, "--log.level", "warn",
			}, t.args...)
			raced, err := b.Race(ctx, line, bench.Race{
				Total: p.events, Warm: p.events / pastWarm, Beside: t.time,
				Taken: func(ctx context.Context) (int64, error) {
					return t.taken(ctx, projection, p.events), nil
				},
			})
			if err != nil {
				return err
			}
			f = l.raced(raced, t)
			if t.file != "" {
				f[report.FileMiB] = mib(sizeOf(t.file))
			}
			if projection == statements {
				return l.sumIs(ctx, p, t, "account_statement__1")
			}
			return nil
		})
	return f, err
}

// raced are the figures of a race.
func (*lab) raced(r bench.Raced, t *target) figures {
	million := float64(r.Counted) / 1e6
	f := figures{
		report.PerSecond:     float64(r.Counted) / r.Took.Seconds(),
		report.CPUPerMillion: r.CPU.Seconds() / million,
		report.PeakMiB:       mib(r.PeakBytes), report.Seconds: r.All.Seconds(),
	}
	if t.time != nil {
		f[report.DatabaseCPU] = r.Beside.Seconds() / million
	}
	return f
}

// taken returns how many of all events the build of a projection has taken; none while there is no build. The
// last one counts when readers see the build.
func (t *target) taken(ctx context.Context, projection string, all int64) int64 {
	const query = `SELECT sum(p.next), sum(CASE b.status WHEN 'live' THEN 1 ELSE 0 END) FROM refold_progress p
		JOIN refold_builds b ON b.projection = p.projection AND b.number = p.number
		WHERE p.projection = ? AND p.next > 0`
	var next sql.NullInt64
	var live sql.NullInt64
	if err := t.DB().QueryRowContext(ctx, t.Rebind(query), projection).Scan(&next, &live); err != nil {
		return 0 // there are no tables yet
	}
	if next.Int64 >= all && live.Int64 == 0 {
		return all - 1
	}
	return next.Int64
}

var errSum = errors.New("the rows are not those of the events")

// sumIs returns an error unless a table has all lines of the statements.
func (l *lab) sumIs(ctx context.Context, p *written, t *target, table string) error {
	var lines, sum int64
	err := t.DB().QueryRowContext(ctx, `SELECT count(*), sum(amount) FROM `+sqlstore.Quoted(table)).
		Scan(&lines, &sum)
	switch {
	case err != nil:
		return fmt.Errorf("counting the rows: %w", err)
	case p.lines == 0: // they were not folded here
		p.lines, p.sum = lines, sum
	case p.lines != lines || p.sum != sum:
		return fmt.Errorf("%w: %d rows with a sum of %d, not %d with %d", errSum, lines, sum, p.lines, p.sum)
	}
	return nil
}

func sizeOf(file string) int64 {
	about, err := os.Stat(file)
	if err != nil {
		return 0
	}
	return about.Size()
}

// planBeside plans what the worker's own commands lose while the same process fills the read models. There
// are few commands, as read models go on for longer.
func planBeside(o options) (all []measurement) {
	const rate, seconds, drained = 500, 40, 100_000
	for _, with := range []struct {
		of   string
		like pod
	}{{"without", pod{}}, {"with read models", pod{project: true}}} {
		m := paced{
			rate: rate, warmRate: warmRate, commands: max(o.scaled(rate*seconds), 10),
			warm: o.scaled(warmCommands), partitions: drainPartitions, keys: o.scaled(drainKeys), pods: 1,
			like: with.like, figures: func(r bench.AtRate) figures {
				return figures{
					report.P50: r.Latency.P50, report.P99: r.Latency.P99,
					report.CPUPerMillion: perMillion(r.Steady),
				}
			},
		}
		for _, s := range []*subject{named(report.Accounts), named(report.Orders)} {
			n := o.scaled(drained / s.slow * account.slow)
			d := drain{n, max(n/warmShare, 1), drainPartitions, with.like, turns(min(drainKeys, n))}
			all = append(all, measurement{report.Beside, "drained, " + with.of, s, d.take},
				measurement{report.Beside, report.Number(rate, 0) + "/s, " + with.of, s, m.take})
		}
	}
	return all
}
