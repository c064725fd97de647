package sqlite

import (
	"cmp"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"refold/projections/sqlstore"
)

// Options are the limits of a store. Zero values stand for defaults.
type Options struct {
	// Readers is how many connections read at once; 4 by default. There is one that writes.
	Readers int
	// BusyTimeout is how long a write waits for one of another process; 10 s by default.
	BusyTimeout time.Duration
	// CacheBytes is how much of the database the writer keeps in memory, beside what the system does; 64 MiB
	// by default. Each reader keeps an eighth of it.
	CacheBytes int
	// Parameters is how many values a statement has at most; 256 by default. More make no write faster.
	Parameters int
}

const (
	defaultReaders     = 4
	defaultBusyTimeout = 10 * time.Second
	defaultCacheBytes  = 64 << 20
	defaultParameters  = 256
	maxParameters      = 32766 // of SQLite
	readerShare        = 8
	checkpointPages    = 16384 // 64 MiB of log, then it goes to the database, which waits for the disk
	maxLogBytes        = 64 << 20
)

// Open opens a store in a file, which is made if it is not there, with its folder.
func Open(path string, o Options) (*sqlstore.Store, error) {
	d, err := newDatabase(path, o)
	if err != nil {
		return nil, fmt.Errorf("the database %s: %w", path, err)
	}
	return sqlstore.New(d), nil
}

func newDatabase(path string, o Options) (*database, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, err
	}
	d := &database{
		turn: make(chan struct{}, 1), prepared: make(map[string]*sql.Stmt),
		parameters: min(cmp.Or(o.Parameters, defaultParameters), maxParameters),
	}
	cache := cmp.Or(o.CacheBytes, defaultCacheBytes)
	// An index of many rows is sorted on the disk: on this one, as others may be small, or not be there.
	sorting := "temp_store_directory('" + strings.ReplaceAll(filepath.Dir(path), "'", "''") + "')"
	if d.writes, err = connect(path, o, cache, sorting); err != nil {
		return nil, err
	}
	d.writes.SetMaxOpenConns(1)
	if d.reads, err = connect(path, o, cache/readerShare, "query_only(1)"); err != nil {
		return nil, err
	}
	d.reads.SetMaxOpenConns(cmp.Or(o.Readers, defaultReaders))
	d.reads.SetMaxIdleConns(cmp.Or(o.Readers, defaultReaders))
	return d, nil
}

// connect returns connections to a file, which are made when they are needed.
func connect(path string, o Options, cache int, pragmas ...string) (*sql.DB, error) {
	busy := cmp.Or(o.BusyTimeout, defaultBusyTimeout).Milliseconds()
	query := url.Values{
		// A transaction that reads first and writes later would fail instead of wait.
		"_txlock": {"immediate"},
		"_pragma": append([]string{
			"busy_timeout(" + strconv.FormatInt(busy, 10) + ")",
			"journal_mode(wal)", "synchronous(normal)", "foreign_keys(1)",
			"cache_size(-" + strconv.Itoa(cache>>10) + ")", // negative: in KiB
			"wal_autocheckpoint(" + strconv.Itoa(checkpointPages) + ")",
			"journal_size_limit(" + strconv.Itoa(maxLogBytes) + ")",
		}, pragmas...),
	}
	return sql.Open("sqlite", (&url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}).String())
}
