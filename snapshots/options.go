package snapshots

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"refold/kafka"
)

// The defaults of Options.
const (
	// DefaultMemTableBytes is where larger ones save no processor time any more. The database keeps two, and
	// writes wait for the disk when both are full. Half a memtable is also where a batch is taken for large
	// and goes to the disk by itself.
	DefaultMemTableBytes = 16 << 20

	// DefaultParallelRestores limits the memory of restores: each holds three answers of 256 KiB as
	// they are sent, and some 20 MiB as they are in memory. More are hardly faster: eight keep several
	// cores busy.
	DefaultParallelRestores = 8

	// DefaultFlushInterval is how much of a table's tail is read again after a crash; MemTableBytes is the
	// limit for all tables together.
	DefaultFlushInterval = 30 * time.Second

	// DefaultLogInterval is the time between two log lines of a restore: a restore that is done
	// before is logged once, at its end.
	DefaultLogInterval = 10 * time.Second
)

// Options say where stores live and what they may use. Kafka, CacheBytes and MaxOpenFiles are required; the
// zero value of any other field means what its comment or its default says.
type Options struct {
	// Name tells these stores from others of the process, in metrics and logs: "tables".
	Name string
	// Dir is the directory of the stores, made if it is missing. No two processes may share it.
	// Empty: the stores are in memory, all of each, and gone at the end.
	Dir string
	// Kafka is the cluster that stores are restored from.
	Kafka kafka.Settings

	// CacheBytes limits the memory of the database that all stores share: memtables, up to half of it,
	// and blocks read from files. 256 MiB hold the blocks and filters that are in use of some ten million
	// rows of 200 bytes.
	CacheBytes int64
	// RowCacheBytes limits the cache of single rows in front of Pebble, overhead included: a row from
	// it costs some 0.5 µs, one from the block cache 4 µs. 0: there is none.
	RowCacheBytes int64
	// MemTableBytes is the most that all stores together write to memory before it goes to the disk.
	MemTableBytes int64
	// MaxOpenFiles limits the data files that the database keeps open; many systems allow a process 1,024.
	MaxOpenFiles int
	// ParallelRestores limits how many stores are restored at once; others wait their turn.
	ParallelRestores int
	// FlushInterval is the longest that a committed row stays in memory only.
	FlushInterval time.Duration
	// LogInterval is the time between two log lines of a restore.
	LogInterval time.Duration

	// Metrics are updated when given. One Metrics may serve several Stores.
	Metrics *Metrics
	// Logger gets what operators should know: restores, rebuilt stores, faults of the disk. The
	// default discards it.
	Logger *slog.Logger
}

// WithDefaults returns the options with every default filled in.
func (o Options) WithDefaults() Options {
	setDefault(&o.MemTableBytes, DefaultMemTableBytes)
	setDefault(&o.ParallelRestores, DefaultParallelRestores)
	setDefault(&o.FlushInterval, DefaultFlushInterval)
	setDefault(&o.LogInterval, DefaultLogInterval)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

// Validate returns all mistakes at once, each with the field's name, its value and what would be
// right. Zero values are mistakes of required fields only.
func (o Options) Validate() error {
	var errs []error
	atLeast := func(name string, value, least int64) {
		if value != 0 && value < least {
			errs = append(errs, fmt.Errorf("%s is %d, it must be at least %d", name, value, least))
		}
	}
	required := func(name string, value, least int64) {
		if value < least {
			errs = append(errs, fmt.Errorf("%s is %d, it must be at least %d", name, value, least))
		}
	}
	required("cacheBytes", o.CacheBytes, 1<<20)
	required("maxOpenFiles", int64(o.MaxOpenFiles), 16)
	required("rowCacheBytes", o.RowCacheBytes, 0)
	atLeast("memTableBytes", o.MemTableBytes, 256<<10)
	atLeast("parallelRestores", int64(o.ParallelRestores), 1)
	if o.MemTableBytes > 1<<30 {
		errs = append(errs, fmt.Errorf(
			"memTableBytes is %d, it must be at most %d", o.MemTableBytes, 1<<30))
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"flushInterval", o.FlushInterval},
		{"logInterval", o.LogInterval},
	} {
		if d.value != 0 && d.value < time.Millisecond {
			errs = append(errs, fmt.Errorf("%s is %v, it must be at least 1ms", d.name, d.value))
		}
	}
	if err := o.Kafka.Validate(); err != nil {
		errs = append(errs, fmt.Errorf("kafka: %w", err))
	}
	return errors.Join(errs...)
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
