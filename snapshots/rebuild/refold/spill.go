package refold

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// The settings of a spill.
const (
	// buckets is into how many parts the aggregates are divided: the states of one part should fit in
	// memory, which they do of 64 times as many aggregates as the cache holds.
	buckets = 64
	// leastBlock and mostBlock bound how much of a bucket is gathered before it is written.
	leastBlock = 4 << 10
	mostBlock  = 64 << 10
	// blocksShare is the part of the states' memory that blocks may take beside it.
	blocksShare = 16
	// spillBytes limits what waits on the disk: millions of events, several for most aggregates. More events
	// go into another round.
	spillBytes = 512 << 20
	// spillFile is in the shadow's directory. The store has no file of that name.
	spillFile = "events"
)

// spill holds events of aggregates that are not in memory, when there are more aggregates than fit. It
// divides them by their keys, so that the events of an aggregate come back close together: a state is then
// read and written once for many events.
type spill struct {
	file    *os.File
	seed    maphash.Seed
	headers []string // that are kept; nil: all
	block   int      // bytes
	parts   [buckets]bucket
	size    int64 // of the file
	waiting int64 // events

	draining bool // the events that wait must be drained before new ones are put
	part     int  // the bucket that is being drained
	buffer   []byte
	at       int // in the buffer: what comes next
}

// bucket is what waits of some aggregates, in the order in which it came.
type bucket struct {
	blocks []block
	open   []byte // not yet written
}

// block is a place in the file.
type block struct {
	offset int64
	length int
}

func newSpill(dir string, memory int64, headers []string) (*spill, error) {
	file, err := os.OpenFile(filepath.Join(dir, spillFile), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the events that wait: %w", err)
	}
	return &spill{
		file: file, seed: maphash.MakeSeed(), headers: headers,
		block: int(min(max(memory/blocksShare/buckets, leastBlock), mostBlock)),
	}, nil
}

func (s *spill) close() error { return s.file.Close() } //nolint:wrapcheck // the caller says what it was

// full reports whether it is time to drain.
func (s *spill) full() bool { return s.size >= spillBytes }

// put adds an event.
func (s *spill) put(event *kgo.Record) error {
	b := &s.parts[maphash.Bytes(s.seed, event.Key)%buckets]
	if b.open == nil {
		b.open = make([]byte, 0, s.block)
	}
	b.open = s.append(b.open, event)
	s.waiting++
	if len(b.open) < s.block {
		return nil
	}
	if _, err := s.file.WriteAt(b.open, s.size); err != nil {
		return fmt.Errorf("writing events that wait: %w", err)
	}
	b.blocks = append(b.blocks, block{s.size, len(b.open)})
	s.size += int64(len(b.open))
	b.open = b.open[:0]
	return nil
}

// append encodes what a fold reads of an event.
func (s *spill) append(to []byte, event *kgo.Record) []byte {
	to = binary.AppendUvarint(to, uint64(event.Offset))
	to = appendBytes(to, event.Key)
	to = appendBytes(to, event.Value)
	for i := range event.Headers {
		if h := &event.Headers[i]; s.headers == nil || slices.Contains(s.headers, h.Key) {
			to = appendBytes(append(to, moreHeaders), []byte(h.Key))
			to = appendBytes(to, h.Value)
		}
	}
	return append(to, noHeader)
}

// What stands in front of each header, and behind the last.
const (
	noHeader    = 0
	moreHeaders = 1
)

func appendBytes(to, b []byte) []byte {
	return append(binary.AppendUvarint(to, uint64(len(b))), b...)
}

// drain gives fn each event that waits, those of an aggregate in order. An event for which fn returns no
// error is removed. After an error, drain must be called again before the next put. The event is valid until
// fn returns.
func (s *spill) drain(fn func(*kgo.Record) error) error {
	s.draining = true
	for ; s.part < buckets; s.part++ {
		for {
			more, err := s.load()
			if err != nil {
				return err
			}
			if !more {
				break
			}
			event, next := s.parse()
			if event == nil {
				return fmt.Errorf("%w: at %d of bucket %d", errSpill, s.at, s.part)
			}
			if err := fn(event); err != nil {
				return err
			}
			s.at = next
			s.waiting--
		}
	}
	s.part, s.size, s.draining, s.buffer, s.at = 0, 0, false, nil, 0
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("removing events that waited: %w", err)
	}
	return nil
}

var errSpill = errors.New("events that waited on the disk are not as they were written")

// load reads the next block of the bucket that is drained, if the last one is done with.
func (s *spill) load() (more bool, err error) {
	if s.at < len(s.buffer) {
		return true, nil
	}
	b := &s.parts[s.part]
	if len(b.blocks) == 0 {
		s.buffer, b.open, s.at = b.open, nil, 0
		return len(s.buffer) > 0, nil
	}
	next := b.blocks[0]
	buffer := slices.Grow(s.buffer[:0], next.length)[:next.length]
	s.buffer, s.at = buffer[:0], 0
	if _, err := s.file.ReadAt(buffer, next.offset); err != nil {
		return false, fmt.Errorf("reading events that wait: %w", err)
	}
	s.buffer, b.blocks = buffer, b.blocks[1:]
	return true, nil
}

// parse decodes the next event of the buffer, and returns where the next one begins. Nil: it can't.
func (s *spill) parse() (event *kgo.Record, next int) {
	rest := cutting{s.buffer[s.at:], true}
	event = &kgo.Record{Offset: int64(rest.number()), Key: rest.bytes(), Value: rest.bytes()}
	for rest.number() == moreHeaders {
		name := string(rest.bytes())
		event.Headers = append(event.Headers, kgo.RecordHeader{Key: name, Value: rest.bytes()})
	}
	if !rest.right {
		return nil, 0
	}
	return event, len(s.buffer) - len(rest.of)
}

// cutting cuts values off the front of bytes, until something is wrong with them.
type cutting struct {
	of    []byte
	right bool
}

func (c *cutting) number() uint64 {
	n, length := binary.Uvarint(c.of)
	if length <= 0 {
		c.of, c.right = nil, false
		return 0
	}
	c.of = c.of[length:]
	return n
}

func (c *cutting) bytes() []byte {
	n := c.number()
	if n > uint64(len(c.of)) {
		c.of, c.right = nil, false
		return nil
	}
	b := c.of[:n:n]
	c.of = c.of[n:]
	return b
}
