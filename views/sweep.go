package views

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"sync"
	"time"

	"refold/snapshots"
)

// byBounds is the key of an index's bounds.
const byBounds = 'b'

// bounds are offsets of a partition, kept with its index.
type bounds struct {
	// start is the beginning of the topic's log, as far as it is known here. Entries before it are passed
	// over. It never goes back.
	start int64
	// swept is what start was when the latest complete pass began: no more than start - swept entries are
	// here in vain.
	swept int64
	// kept says that the latest pass left entries before start, for traces.
	kept bool
}

const boundsBytes = 17

// boundsOf returns the bounds of an index, and whether there are any yet. They are zero otherwise.
func boundsOf(part follower) (b bounds, is bool, err error) {
	value, err := part.Get(string([]byte{byBounds}))
	if err != nil {
		return b, false, fmt.Errorf("look for the bounds of an index: %w", err)
	}
	if value == nil {
		return b, false, nil
	}
	b, err = decodeBounds(value)
	return b, err == nil, err
}

func decodeBounds(value []byte) (b bounds, err error) {
	if len(value) != boundsBytes || value[2*offsetBytes] > 1 {
		return b, errEntry
	}
	b.start = int64(binary.BigEndian.Uint64(value))
	b.swept = int64(binary.BigEndian.Uint64(value[offsetBytes:]))
	b.kept = value[2*offsetBytes] == 1
	return b, nil
}

func (b bounds) encode() []byte {
	value := binary.BigEndian.AppendUint64(make([]byte, 0, boundsBytes), uint64(b.start))
	value = append(binary.BigEndian.AppendUint64(value, uint64(b.swept)), 0)
	if b.kept {
		value[2*offsetBytes] = 1
	}
	return value
}

func (b bounds) write(part follower) error {
	err := part.Write(func(w snapshots.Writer) error { return w.Set([]byte{byBounds}, b.encode()) })
	if err != nil {
		return fmt.Errorf("keep the bounds of an index: %w", err)
	}
	return nil
}

// sweep removes from an index what its topic has dropped. Readers pass over such entries as soon as the
// beginning of the log is known; removing them only makes room, so it may be late, and takes no second key
// for each record.
//
// A pass reads the whole index of a partition, step by step. It begins when at least
// Limits.SweepShare percent of the entries are there in vain, or when some are and the latest pass began
// Limits.SweepInterval ago: so an entry is read a few times in its life, and removed one interval and one
// pass after its record at the latest. An index of which nothing has been dropped is never read. Where a
// pass has come to is kept in memory: one that a restart interrupts begins again, without what it has
// removed already. What a pass leaves for traces is looked at again by later ones.
type sweep struct {
	limits Limits
	// wanted reports whether a trace still shows the entry, though its topic has dropped the record.
	wanted func(e *entry) bool

	mu     sync.Mutex
	passes map[int32]*pass
}

// pass is a way through the index of a partition.
type pass struct {
	going bool
	began time.Time // the latest one; if there was none, when the partition was looked at first
	until int64     // entries before that offset go
	next  []byte    // the key where it goes on
	kept  bool      // entries before until were left
}

func newSweep(limits Limits, wanted func(*entry) bool) *sweep {
	return &sweep{limits: limits, wanted: wanted, passes: make(map[int32]*pass)}
}

// look notes where the log begins and reports whether a pass is going or has begun. It writes a row when the
// beginning has moved.
func (s *sweep) look(l *live, partition int32, start int64) (due bool, err error) {
	if start == notKnown {
		return false, nil
	}
	err = l.with(partition, func(part follower) error {
		due, err = s.begin(part, partition, start, time.Now())
		return err
	})
	return due, err
}

// begin notes where the log begins, and begins a pass if there is none and one is worth it.
func (s *sweep) begin(part follower, partition int32, start int64, now time.Time) (due bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.passes[partition]
	if p == nil {
		p = &pass{began: now}
		s.passes[partition] = p
	}
	b, is, err := boundsOf(part)
	if err != nil {
		return false, err
	}
	if !is {
		b.swept = start // a store is made from the records that the topic has
	}
	if !is || start > b.start {
		b.start = start
		if err := b.write(part); err != nil {
			return false, err
		}
	}
	if p.going {
		return true, nil
	}
	last, err := part.GetOffset(-1)
	if err != nil {
		return false, fmt.Errorf("read the offset of an index: %w", err)
	}
	inVain, all := b.start-b.swept, last+1-b.swept
	late := now.Sub(p.began) >= s.limits.SweepInterval
	p.going = inVain > 0 && 100*inVain >= int64(s.limits.SweepShare)*all || late && (inVain > 0 || b.kept)
	if p.going {
		p.began, p.until, p.next, p.kept = now, b.start, []byte{byCommand}, false
	}
	return p.going, nil
}

// step looks at no more than limit entries and removes those that are there in vain.
func (s *sweep) step(part follower, partition int32, limit int) (more bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.passes[partition]
	if p == nil || !p.going {
		return false, nil
	}
	old, next, err := s.some(part, p, limit)
	if err == nil {
		err = remove(part, old)
	}
	if err != nil {
		return false, err
	}
	if p.next = next; next != nil {
		return true, nil
	}
	p.going = false
	b, _, err := boundsOf(part)
	if err != nil {
		return false, err
	}
	b.swept, b.kept = p.until, p.kept
	return false, b.write(part)
}

// some returns the keys to be removed of the next entries, and where to go on; nil: that was all.
func (s *sweep) some(part follower, p *pass, limit int) (old [][]byte, next []byte, err error) {
	rows, err := part.IteratorWithRange(p.next, []byte{byCommand + 1})
	if err != nil {
		return nil, nil, fmt.Errorf("look for forgotten records: %w", err)
	}
	defer rows.Release()
	for n := 0; rows.Next(); n++ {
		key := rows.Key()
		if n == limit {
			return old, bytes.Clone(key), nil
		}
		if len(key) < offsetBytes ||
			int64(binary.BigEndian.Uint64(key[len(key)-offsetBytes:])) >= p.until {
			continue
		}
		e, err := entryAt(rows)
		if err != nil {
			return nil, nil, err
		}
		if s.wanted(&e) {
			p.kept = true
		} else {
			old = append(old, bytes.Clone(key))
		}
	}
	if err := rows.Err(); err != nil {
		return nil, nil, fmt.Errorf("look for forgotten records: %w", err)
	}
	return old, nil, nil
}

// remove removes rows.
func remove(part follower, keys [][]byte) error {
	if len(keys) == 0 {
		return nil
	}
	err := part.Write(func(w snapshots.Writer) error {
		for _, key := range keys {
			if err := w.Delete(key); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("remove forgotten records: %w", err)
	}
	return nil
}
