package audit

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"
)

// How a worker's local stores lie in its directory: in one database for each set, PREFIX + set /
// db-GENERATION. There, each store has a number, with which its keys begin. A kind follows: the store's name,
// its checkpoint, and rows.
var storeSets = []string{"tables", "views"}

const (
	storeDatabase   = "db-"
	storeNumber     = 4 // bytes
	storeName       = 0
	storeCheckpoint = 1
	storeRow        = 2
	storeRowsEnd    = 3
	// storeDamaged is a file that says that the worker will throw the database away; with numbers behind
	// it, these stores.
	storeDamaged = "DAMAGED"
)

// stores compares the copies of tables that workers have on their disks with what the topics had at
// the offsets of the copies: a store may be behind its topic, and is never ahead, and never has what
// was not committed (G6). It does not matter whether a worker owns the partition, follows it as a
// standby, or has done so once.
type stores struct {
	breaches
	source  Source
	dirs    []string
	ledger  *ledger // for its hashes
	schemas *schemas
	open    []*storeCopy // of the partition that is being read
	found   map[string]int
	checked int
	notes   []string
}

// storeCopy is a store, and what it should hold.
type storeCopy struct {
	dir    string
	number uint32
	at     extent
	point  storePoint
	rows   map[name]name // hash of the key → hash of the value that the topic has below point.next
	later  map[name]bool // keys that have records from there on: earlier ones may be compacted away
}

// storePoint says what the rows of a store are the state of: all records below next of a topic.
type storePoint struct {
	topic   [16]byte
	next    int64
	version string // of how the rows are filed; empty: as they come
}

// begin finds the stores of a partition of a table.
func (s *stores) begin(_ context.Context, _ Kind, at extent) error {
	s.open = nil
	for _, dir := range s.dirs {
		for _, set := range storeSets {
			path, err := newestDatabase(filepath.Join(dir, s.source.Prefix+set))
			if err != nil {
				return err
			}
			if path == "" {
				continue
			}
			s.found[dir]++
			if _, err := os.Stat(filepath.Join(path, storeDamaged)); err == nil {
				s.note(path + " is marked as damaged, its worker will rebuild it: not checked")
				continue
			}
			if err := s.find(path, at); err != nil {
				return fmt.Errorf("the store of %v in %s: %w", at, path, err)
			}
		}
	}
	return nil
}

// note says once what is not checked.
func (s *stores) note(text string) {
	if !slices.Contains(s.notes, text) {
		s.notes = append(s.notes, text)
	}
}

// newestDatabase returns the database that a worker uses; empty if there is none.
func newestDatabase(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("looking for stores: %w", err)
	}
	path, newest := "", uint64(0)
	for _, entry := range entries {
		number, is := strings.CutPrefix(entry.Name(), storeDatabase)
		generation, err := strconv.ParseUint(number, 10, 64)
		if is && err == nil && generation > newest {
			path, newest = filepath.Join(dir, entry.Name()), generation
		}
	}
	return path, nil
}

func (s *stores) find(path string, at extent) error {
	db, err := openStore(path)
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		s.note(path + " has no database yet: its worker ended before there was one")
		return nil
	}
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it was only read
	number, err := numberOf(db, at)
	if err != nil || number == 0 {
		return err
	}
	damaged, err := isMarked(path, number)
	if err != nil {
		return err
	}
	if damaged {
		s.note(fmt.Sprintf("the store of %v in %s is marked as damaged, its worker will rebuild it: "+
			"not checked", at, path))
		return nil
	}
	point, err := readPoint(db, number)
	switch {
	case err != nil:
		return err
	case point.version != "":
		return nil // a view's: it is asked by HTTP
	case point.topic != at.id && point.next > 0:
		s.note(fmt.Sprintf("the store of %v in %s is of another topic of that name, its worker will "+
			"rebuild it: not checked", at, path))
		return nil
	case point.next > at.end:
		s.breach("G6", Ahead, "the store in %s is the state of offset %d, %v ends at %d", path, point.next,
			at, at.end)
	}
	s.checked++
	s.open = append(s.open, &storeCopy{
		dir: path, number: number, at: at, point: point,
		rows: make(map[name]name), later: make(map[name]bool),
	})
	return nil
}

// storeKey begins a key of a store.
func storeKey(number uint32, kind byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, number), kind)
}

// numberOf returns the number of a partition's store; 0 if there is none that is finished.
func numberOf(db *pebble.DB, at extent) (uint32, error) {
	const finished = 1
	want := append(binary.BigEndian.AppendUint32([]byte{finished}, uint32(at.partition)), at.topic...)
	keys, err := db.NewIter(nil)
	if err != nil {
		return 0, fmt.Errorf("reading whose the rows are: %w", err)
	}
	defer keys.Close() //nolint:errcheck // Error has said what there is to say
	for ok := keys.First(); ok; {
		key := keys.Key()
		if len(key) < storeNumber {
			return 0, fmt.Errorf("there is the key %x", key)
		}
		number := binary.BigEndian.Uint32(key)
		if bytes.Equal(key[storeNumber:], []byte{storeName}) && bytes.Equal(keys.Value(), want) {
			return number, nil
		}
		ok = keys.SeekGE(binary.BigEndian.AppendUint32(nil, number+1))
	}
	if err := keys.Error(); err != nil {
		return 0, fmt.Errorf("reading whose the rows are: %w", err)
	}
	return 0, nil
}

// isMarked reports whether a store was found damaged: a file names the first and the last of such stores.
func isMarked(dir string, number uint32) (bool, error) {
	files, err := os.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("looking for marks of damage: %w", err)
	}
	for _, file := range files {
		var from, to uint32
		_, err := fmt.Sscanf(file.Name(), storeDamaged+"-%d-%d", &from, &to)
		if err == nil && from <= number && number <= to {
			return true, nil
		}
	}
	return false, nil
}

func openStore(path string) (*pebble.DB, error) {
	db, err := pebble.Open(path, &pebble.Options{
		ReadOnly: true, FS: unlocked{vfs.Default}, Logger: silent{},
	})
	if err != nil {
		return nil, fmt.Errorf("opening it (its worker must be stopped, or this be a copy): %w", err)
	}
	return db, nil
}

// unlocked is a file system without locks: a copy made of hard links has the LOCK of the store that
// a worker has open.
type unlocked struct{ vfs.FS }

// Lock does nothing: a reader needs no lock.
func (unlocked) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// silent is a logger of Pebble's, and of go-redis, that says nothing: errors are returned as well.
type silent struct{}

func (silent) Infof(string, ...any)                   {}
func (silent) Errorf(string, ...any)                  {}
func (silent) Printf(context.Context, string, ...any) {}
func (silent) Fatalf(format string, args ...any) {
	panic(fmt.Sprintf(format, args...)) // Pebble takes it that this does not return
}

func readPoint(db *pebble.DB, number uint32) (p storePoint, err error) {
	value, closer, err := db.Get(storeKey(number, storeCheckpoint))
	if errors.Is(err, pebble.ErrNotFound) {
		return p, nil
	}
	if err != nil {
		return p, fmt.Errorf("reading its checkpoint: %w", err)
	}
	defer closer.Close()
	const plain, versioned, length = 1, 2, 1 + 16 + 8 + 8
	if len(value) < length || value[0] != plain && value[0] != versioned {
		return p, fmt.Errorf("its checkpoint is %x", value)
	}
	copy(p.topic[:], value[1:])
	p.next, p.version = int64(binary.BigEndian.Uint64(value[17:])), string(value[length:])
	return p, nil
}

// row takes a record of the table's topic.
func (s *stores) row(record *kgo.Record) {
	for _, c := range s.open {
		key := s.ledger.name(string(record.Key))
		switch {
		case record.Offset >= c.point.next:
			c.later[key] = true
		case record.Value == nil:
			delete(c.rows, key)
		default:
			c.rows[key] = s.ledger.name(string(record.Value))
		}
	}
}

// check compares the stores of the partition, when all of it was read.
func (s *stores) check(ctx context.Context, w *World) error {
	for _, c := range s.open {
		if err := s.compare(ctx, c, w); err != nil {
			return fmt.Errorf("the store in %s: %w", c.dir, err)
		}
	}
	s.open = nil
	return nil
}

func (s *stores) compare(ctx context.Context, c *storeCopy, w *World) error {
	db, err := openStore(c.dir)
	if err != nil {
		return err
	}
	defer db.Close() //nolint:errcheck // it was only read
	rows, err := db.NewIter(&pebble.IterOptions{
		LowerBound: storeKey(c.number, storeRow), UpperBound: storeKey(c.number, storeRowsEnd),
	})
	if err != nil {
		return fmt.Errorf("reading its rows: %w", err)
	}
	defer rows.Close() //nolint:errcheck // Error has said what there is to say
	for rows.First(); rows.Valid(); rows.Next() {
		key := string(rows.Key()[storeNumber+1:])
		hash := s.ledger.name(key)
		want, has := c.rows[hash]
		delete(c.rows, hash)
		if has && want == s.ledger.name(string(rows.Value())) {
			continue
		}
		was := false
		if c.later[hash] {
			if was, err = s.once(ctx, w, key, rows.Value()); err != nil {
				return err
			}
		}
		if !was {
			s.breach("G6", Rows, "the store in %s has a row of %s that is not the one that %v had at "+
				"offset %d: %x", c.dir, key, c.at, c.point.next, rows.Value())
		}
	}
	if err := rows.Error(); err != nil {
		return fmt.Errorf("reading its rows: %w", err)
	}
	for range c.rows {
		s.breach("G6", Rows, "the store in %s lacks a row that %v had at offset %d", c.dir, c.at,
			c.point.next)
	}
	return nil
}

// once reports whether a value once was the row of a key, by the events and results of the key: the
// topic may have forgotten it since.
func (s *stores) once(ctx context.Context, w *World, key string, value []byte) (bool, error) {
	found, fields, err := s.schemas.decode(ctx, &kgo.Record{Value: value})
	if err != nil {
		if errors.Is(err, errUndecodable) {
			err = nil
		}
		return false, err
	}
	row := Row{Value: value, codec: found.codec}
	row.Unreadable = row.read(w.Kind, fields) // it differs then
	events := make(map[int64]*Event)
	for i := range w.Events {
		if e := &w.Events[i]; e.Key == key {
			events[e.Sequence] = e
		}
	}
	var results []Result
	state, sequence := w.Kind.initial(), int64(0)
	for _, r := range w.Results {
		if r.Key != key || r.Repeated {
			continue
		}
		results = append(results, r)
		for ; r.Accepted && sequence < r.Last && events[sequence+1] != nil; sequence++ {
			state, _ = w.Kind.after(state, *events[sequence+1]) // Check says what is wrong with it
		}
		if row.differs(state, sequence, ringOf(results, w.RingSize)) == "" {
			return true, nil
		}
	}
	return false, nil
}
