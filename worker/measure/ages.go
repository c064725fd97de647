package measure

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/kafka"
)

const (
	// agesAtOnce is how many partitions are read for their oldest record after a measurement, agesAbreast how
	// many at the same time, ageBytes how much of each: a batch comes whole.
	agesAtOnce  = 32
	agesAbreast = 4
	ageBytes    = 16 << 10
	ageTimeout  = 2 * time.Second
	// ageKept is how long the age of a record is taken for that of the ones behind it, which came later.
	ageKept = 15 * time.Second
)

// waiting is a partition in which something waits for a group: from next to end.
type waiting struct {
	group     string
	at        kafka.TopicPartition
	next, end int64
}

type place struct {
	group string
	at    kafka.TopicPartition
}

// age is how old the record at an offset was when it was read.
type age struct {
	next, end int64
	none      bool // there was no record from next to end
	time      time.Time
	read      time.Time
}

// ages are those of the oldest records that wait.
type ages struct {
	mu   sync.Mutex
	busy bool
	seen map[place]age
}

// of returns the time of the oldest record that waits, as far as is known; and whether it is known that there
// is none.
func (a *ages) of(w waiting) (oldest time.Time, none bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	seen, is := a.seen[place{w.group, w.at}]
	switch {
	case !is:
		return time.Time{}, false
	case seen.next == w.next && seen.none:
		return time.Time{}, seen.end >= w.end
	case seen.next == w.next:
		return seen.time, false
	case seen.none || time.Since(seen.read) > ageKept:
		return time.Time{}, false
	}
	// The group goes on: what it is at now is as old as that was when it was read.
	return time.Now().Add(-max(0, seen.read.Sub(seen.time))), false
}

// readAges reads the records that wait first, where they are not known, and returns at once. Those that wait
// in front of most others come first.
func (m *Meter) readAges(client *kgo.Client, waits []waiting) {
	m.mu.Lock()
	defer m.mu.Unlock()
	wanted := m.ages.begin(waits)
	if len(wanted) == 0 || m.closed {
		m.ages.end(nil)
		return
	}
	m.group.Go(func() {
		read := make([]age, len(wanted))
		var together errgroup.Group
		together.SetLimit(agesAbreast)
		for i, w := range wanted {
			together.Go(func() error {
				read[i] = readAge(m.stopping, client, w)
				return nil
			})
		}
		_ = together.Wait()
		found := make(map[place]age, len(wanted))
		for i, w := range wanted {
			if !read[i].read.IsZero() {
				found[place{w.group, w.at}] = read[i]
			}
		}
		m.ages.end(found)
	})
}

// begin returns what is to be read; nothing, if something is being read already.
func (a *ages) begin(waits []waiting) (wanted []waiting) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.busy {
		return nil
	}
	kept := make(map[place]age, len(waits))
	for _, w := range waits {
		p := place{w.group, w.at}
		seen, is := a.seen[p]
		if is {
			kept[p] = seen
		}
		if !is || seen.next != w.next || seen.none {
			wanted = append(wanted, w)
		}
	}
	for p, seen := range a.seen {
		if seen.none {
			kept[p] = seen
		}
	}
	a.seen = kept
	slices.SortFunc(wanted, func(a, b waiting) int {
		return cmp.Or(cmp.Compare(b.end-b.next, a.end-a.next), cmp.Compare(a.group, b.group),
			a.at.Compare(b.at))
	})
	wanted = wanted[:min(len(wanted), agesAtOnce)]
	a.busy = len(wanted) > 0
	return wanted
}

// end takes in what was read.
func (a *ages) end(found map[place]age) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if found == nil {
		return
	}
	a.busy = false
	for p, seen := range found {
		a.seen[p] = seen
	}
}

// errFound ends the reading of a partition.
var errFound = errors.New("found")

// readAge reads the first record that waits. It is zero if nothing could be read.
func readAge(ctx context.Context, client *kgo.Client, w waiting) (found age) {
	ctx, cancel := context.WithTimeout(ctx, ageTimeout)
	defer cancel()
	r := kafka.Range{Topic: w.at.Topic, Partition: w.at.Partition, From: w.next, FetchBytes: ageBytes}
	_, err := kafka.ReadPartitionBy(ctx, client, r, func(records []*kgo.Record, p kafka.Progress) error {
		switch {
		case len(records) > 0:
			found = age{next: w.next, end: w.end, time: records[0].Timestamp, read: time.Now()}
		case p.End >= 0 && p.Next >= w.end:
			found = age{next: w.next, end: p.Next, none: true, read: time.Now()}
		default:
			return nil
		}
		return errFound
	})
	if err != nil && !errors.Is(err, errFound) {
		return age{}
	}
	return found
}
