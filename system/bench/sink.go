//go:build system

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/template"
	"time"

	"github.com/jackc/pgx/v5"

	"refold/bench"
	"refold/bench/report"
	"refold/system/realkafka"
)

const (
	// sinkFolder has the sink's libraries and settings, and the table that it and COPY write to.
	sinkFolder = "bench/peers/jdbc-sink"
	sinkName   = "statements"
	lineTable  = "account_statement"
)

// sinkFile reads one of the sink's files.
func sinkFile(folder, name string) (string, error) {
	text, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		return "", fmt.Errorf("reading the sink's files: %w", err)
	}
	return string(text), nil
}

// sink lets Kafka Connect write the finished lines of statements.
func (l *lab) sink(ctx context.Context, events, accounts int) (f figures, err error) {
	p, err := l.past(ctx, events, accounts)
	if err == nil {
		err = l.finish(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	pom, err := sinkFile(sinkFolder, "pom.xml")
	if err != nil {
		return nil, err
	}
	java, jars, err := realkafka.Jars(ctx, "jdbc-sink", []byte(pom))
	if err != nil {
		return nil, err
	}
	err = bench.With(ctx, bench.Settings{Kafka: l.settings(), Logs: l.logs}, func(b *bench.Bench) error {
		t, err := l.withTable(ctx, b.Directory())
		if err != nil {
			return err
		}
		defer t.Close() //nolint:errcheck // it was read only
		line, err := l.connector(ctx, b.Directory(), java, jars, p, t)
		if err != nil {
			return err
		}
		raced, err := b.Race(ctx, line, bench.Race{
			Total: p.lines, Warm: p.lines / pastWarm, Beside: t.time,
			Taken: func(ctx context.Context) (int64, error) {
				return l.committed(ctx, "connect-"+sinkName+p.prefix, p.rows)
			},
		})
		if err != nil {
			return err
		}
		f = l.raced(raced, t)
		return l.sumIs(ctx, p, t, lineTable)
	})
	return f, err
}

// withTable makes a database with the table of lines.
func (l *lab) withTable(ctx context.Context, dir string) (*target, error) {
	t, err := l.freshPostgres(ctx, dir)
	if err != nil {
		return nil, err
	}
	table, err := sinkFile(sinkFolder, "table.sql")
	if err == nil {
		_, err = t.DB().ExecContext(ctx, table)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("making the table: %w", err), t.Close())
	}
	return t, nil
}

// connector returns the command line of Kafka Connect with the sink, and writes its settings.
func (l *lab) connector(
	ctx context.Context, dir, java, jars string, p *written, t *target,
) ([]string, error) {
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	config, err := pgx.ParseConfig(t.url)
	if err != nil {
		return nil, fmt.Errorf("reading the URL of the database: %w", err)
	}
	values := map[string]any{
		"Brokers": l.broker.Address(), "Port": port, "Offsets": filepath.Join(dir, "offsets"),
		"Name": sinkName + p.prefix, "Topic": p.rows, "Table": lineTable, "User": config.User,
		"URL": fmt.Sprintf("jdbc:postgresql://%s:%d/%s?reWriteBatchedInserts=true", config.Host, config.Port,
			config.Database),
	}
	line := []string{
		java, "-Xms512m", "-Xmx512m", "-XX:+UseParallelGC",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(jars, "*"),
		"org.apache.kafka.connect.cli.ConnectStandalone",
	}
	for _, name := range []string{"worker.properties", "connector.properties"} {
		form, err := sinkFile(sinkFolder, name)
		if err != nil {
			return nil, err
		}
		var text strings.Builder
		if err := template.Must(template.New("").Parse(form)).Execute(&text, values); err != nil {
			return nil, fmt.Errorf("filling in %s: %w", name, err)
		}
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
			return nil, fmt.Errorf("writing the sink's settings: %w", err)
		}
		line = append(line, file)
	}
	return line, nil
}

// copyChunk is how many rows one COPY has: as many as a batch of a projection.
const copyChunk = 50_000

// copyRows copies the finished lines into the table, as plainly as it can be done: the limit.
func (l *lab) copyRows(ctx context.Context, events, accounts int) (f figures, err error) {
	p, err := l.past(ctx, events, accounts)
	if err == nil {
		err = l.finish(ctx, p)
	}
	if err != nil {
		return nil, err
	}
	t, err := l.withTable(ctx, l.dir)
	if err != nil {
		return nil, err
	}
	defer t.Close() //nolint:errcheck // it was read only
	connection, err := pgx.Connect(ctx, t.url)
	if err != nil {
		return nil, fmt.Errorf("connecting to the database: %w", err)
	}
	defer connection.Close(ctx) //nolint:errcheck // all is committed
	file, err := os.Open(p.file)
	if err != nil {
		return nil, fmt.Errorf("opening the rows: %w", err)
	}
	defer file.Close()
	rows := &chunks{from: bufio.NewReaderSize(file, 1<<20)}
	var raced bench.Raced
	var begin time.Time
	before := t.time()
	for copied := int64(0); copied < p.lines; {
		if begin.IsZero() && copied >= p.lines/pastWarm {
			begin, before, raced.Counted = time.Now(), t.time(), p.lines-copied
		}
		rows.left = copyChunk
		done, err := connection.PgConn().CopyFrom(ctx, rows, "COPY "+lineTable+" FROM STDIN")
		if err != nil {
			return nil, fmt.Errorf("copying: %w", err)
		}
		copied += done.RowsAffected()
	}
	raced.Took, raced.Beside = time.Since(begin), t.time()-before
	f = figures{
		report.PerSecond:   float64(raced.Counted) / raced.Took.Seconds(),
		report.DatabaseCPU: raced.Beside.Seconds() * 1e6 / float64(raced.Counted),
	}
	return f, l.sumIs(ctx, p, t, lineTable)
}

// chunks reads a file line by line, and ends after some lines.
type chunks struct {
	from *bufio.Reader
	left int // lines
	rest []byte
}

// Read reads as many whole lines as fit.
func (c *chunks) Read(into []byte) (n int, err error) {
	for c.left > 0 {
		if c.rest == nil {
			if c.rest, err = c.from.ReadSlice('\n'); err != nil {
				break
			}
		}
		if len(c.rest) > len(into)-n {
			return n, nil
		}
		n += copy(into[n:], c.rest)
		c.rest = nil
		c.left--
	}
	switch {
	case n > 0:
		return n, nil
	case err != nil:
		return 0, err //nolint:wrapcheck // io.EOF, or the caller says what it was doing
	default:
		return 0, io.EOF
	}
}
