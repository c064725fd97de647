package snapshots

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Pebble finds damage by the checksums of blocks, when somebody reads them or when it
// merges files, and says which keys the file has. All stores with keys in that range are told: nobody is
// given their rows any more, and who has one opens it anew. The first of them that is opened removes the
// whole range, with a step of Pebble's that reads no file whose keys are all in the range (Excise); then
// each has a new number and is restored from its topic. Where that fails, and where the damage is not in the
// rows, the database is condemned: all its stores are told, and restored into another one beside it.
//
// A file beside the database's own remembers each range, for the next process: what removes the range may
// be lost in a crash, and what is damaged must never be read as if it were not there. It is taken away by
// who opens the database next, and has removed the range; no store has those numbers by then.
const (
	// damagedFile says that a database is condemned; with numbers behind it, which stores are damaged.
	damagedFile = "DAMAGED"
	markFormat  = damagedFile + "-%d-%d"
)

// watcher is told that a store's rows are damaged. It must not wait for the database.
type watcher interface{ damaged(err error) }

// corrupted is told by Pebble of a damaged file, and reports whether that is known.
func (d *database) corrupted(info pebble.DataCorruptionInfo) (known bool) {
	if d.condemned.Load() {
		return true
	}
	err := fmt.Errorf("%w: %v", ErrDamaged, info)
	from, to := info.Bounds.Start, info.Bounds.End.Key
	if len(from) < numberBytes || len(to) < numberBytes {
		return d.condemn(err)
	}
	s := span{binary.BigEndian.Uint32(from), binary.BigEndian.Uint32(to)}
	if len(to) == numberBytes && s.to > s.from {
		s.to-- // a deletion of a range ends before it
	}
	what := fmt.Sprint(info.Path, info.Bounds)
	d.mu.Lock()
	known = d.known[what]
	d.known[what] = true
	d.mu.Unlock()
	if !known {
		d.suspect(s, err)
	}
	return known
}

// suspect tells all open stores of a span that they are damaged, and remembers it for the others.
func (d *database) suspect(s span, err error) {
	d.mark(fmt.Sprintf(markFormat, s.from, s.to))
	d.mu.Lock()
	d.suspects = append(d.suspects, s)
	told := d.watchers(s.holds)
	d.mu.Unlock()
	for _, w := range told {
		w.damaged(err)
	}
}

func (d *database) suspected() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.suspects) > 0
}

// watchers returns those of open stores. The caller holds mu.
func (d *database) watchers(which func(uint32) bool) (all []watcher) {
	for number, k := range d.open {
		if which(number) {
			all = append(all, k.watch)
		}
	}
	return all
}

// condemn gives the database up, and reports whether it was already.
func (d *database) condemn(err error) (already bool) {
	if d.condemned.Swap(true) {
		return true
	}
	d.log.Error("the database of the local stores is damaged; all of its stores are restored from their "+
		"topics into another one", "error", err)
	d.mark(damagedFile)
	d.mu.Lock()
	told := d.watchers(func(uint32) bool { return true })
	d.mu.Unlock()
	for _, w := range told {
		w.damaged(asDamage(fmt.Errorf("%w: %w", ErrDamaged, err)))
	}
	return false
}

// repairPatience is how long the removal of damaged rows waits for the disk.
const repairPatience = 30 * time.Second

// repair removes the rows of all suspects. The error is ErrDisk if the disk takes nothing now. The caller
// holds the disk's mu, if others can have the database.
func (d *database) repair() error {
	for d.suspected() {
		// The memtable is flushed first: Excise would wait for that without a limit.
		ctx, cancel := context.WithTimeout(context.Background(), repairPatience)
		settled := d.settle(ctx)
		cancel()
		if !settled {
			return ErrDisk
		}
		for _, s := range d.forget() {
			if err := d.db.Excise(context.Background(), s.keys()); err != nil {
				return fmt.Errorf("remove damaged rows: %w", err)
			}
		}
	}
	return nil
}

// forget takes the names of all suspects from them, and returns the suspects.
func (d *database) forget() []span {
	d.mu.Lock()
	defer d.mu.Unlock()
	spans, unopened := merged(d.suspects), 0
	d.suspects = nil
	for name, number := range d.names {
		for _, s := range spans {
			if !s.holds(number) {
				continue
			}
			delete(d.names, name)
			if d.open[number] == nil {
				d.on.lost()
				unopened++
			}
		}
	}
	if unopened > 0 {
		d.log.Warn("rows of local stores that are not open are damaged; the stores are rebuilt from their "+
			"topics when they are opened", "reason", reasonDamaged, "stores", unopened)
	}
	return spans
}

// mark tells the next process what this one has found.
func (d *database) mark(name string) {
	f, err := d.on.fs.Create(filepath.Join(d.dir, name), "unspecified")
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		d.log.Error("mark damaged stores", "error", err)
	}
}

// marks returns the spans that a process before this one has found damaged.
func (d *database) marks() (all []span, err error) {
	names, err := d.on.fs.List(d.dir)
	if err != nil {
		return nil, fmt.Errorf("look for marks of damage: %w", err)
	}
	for _, name := range names {
		if !strings.HasPrefix(name, damagedFile) {
			continue
		}
		var s span
		if _, err := fmt.Sscanf(name, markFormat, &s.from, &s.to); err != nil || s.from > s.to {
			return nil, fmt.Errorf("%w: %s says so", ErrDamaged, name)
		}
		all = append(all, s)
	}
	return all, nil
}

func (d *database) unmark(spans []span) {
	for _, s := range spans {
		if err := d.on.fs.Remove(filepath.Join(d.dir, fmt.Sprintf(markFormat, s.from, s.to))); err != nil {
			d.log.Warn("remove a mark of damage", "error", err)
		}
	}
}

// faultCheck is how often it is looked whether there is any use in waiting for a disk.
const faultCheck = 20 * time.Millisecond

// settle makes what the database holds durable and reports whether it is.
func (d *database) settle(ctx context.Context) bool {
	if d.faulted() != nil {
		return false
	}
	done, err := d.flush()
	if err != nil {
		d.log.Error("flush the local stores", "error", err)
		return false
	}
	ticker := time.NewTicker(faultCheck)
	defer ticker.Stop()
	for d.faulted() == nil {
		select {
		case <-done:
			return true
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return false
}
