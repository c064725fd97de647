package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
)

// Processes write rows between two transactions, too: what they find, with a mark of their own behind it.
// The graph passes over marks, so that rows which come too late, twice or of a zombie put the chain of
// their key out of order, as anything else does; and by its mark each is found in the topic, or not.

// betweenTimeout is less than some of them take.
const betweenTimeout = time.Second

// rewrite is one call of Session.Between, and what it was told.
type rewrite struct {
	mark      string
	partition int32
	keys      []string
	err       error
	// between: it was there while the table was made again, and its rows are in either topic, or both.
	between bool
}

// marked stands between a row and its mark.
const marked = " by "

// plain is a row without its mark.
func plain(row string) string {
	row, _, _ = strings.Cut(row, marked)
	return row
}

var errNoMind = errors.New("changed its mind")

// background rewrites rows for as long as a session lasts.
func (p *process) background(ctx context.Context, session exactlyonce.Session) {
	p.mu.Lock()
	p.sessions++
	number := p.sessions
	p.mu.Unlock()
	r := rand.New(rand.NewPCG(p.of.seed, uint64(p.of.index)<<48|uint64(p.life)<<32|uint64(number)))
	partitions := session.Partitions()
	if len(partitions) == 0 {
		return
	}
	for n := 0; ; n++ {
		select {
		case <-time.After(time.Duration(r.Int64N(int64(1500 * time.Millisecond)))):
		case <-ctx.Done():
			return
		}
		partition := partitions[r.IntN(len(partitions))]
		if p.of.refolds() && r.IntN(3) == 0 {
			if errors.Is(p.refold(ctx, session, partition, r), exactlyonce.ErrSessionEnded) {
				return
			}
			continue
		}
		of := rewrite{
			mark:      fmt.Sprintf("%d.%d.%d.%d", p.of.index, p.life, number, n),
			partition: partition,
		}
		of.err = p.rewrite(ctx, session, &of, r)
		s := p.of.simulation
		s.mu.Lock()
		of.between = s.remaking > 0
		s.rewrites = append(s.rewrites, of)
		s.mu.Unlock()
		if errors.Is(of.err, exactlyonce.ErrSessionEnded) {
			return
		}
	}
}

func (p *process) rewrite(
	ctx context.Context, session exactlyonce.Session, of *rewrite, r *rand.Rand,
) error {
	table, err := session.Table(of.partition)
	if err != nil {
		return err
	}
	rows, err := table.Iterator()
	if err != nil {
		return err
	}
	var keys []string
	for rows.Next() {
		if r.IntN(2) == 0 {
			keys = append(keys, string(rows.Key()))
		}
	}
	rows.Release()
	takes, fails := time.Duration(r.Int64N(int64(5*time.Millisecond))), r.IntN(20)
	if r.IntN(20) == 0 {
		takes += betweenTimeout
	}
	return session.Between(ctx, of.partition, func(ctx context.Context, rows exactlyonce.RowWriter) error {
		handled := p.handled.Load()
		of.keys = nil
		for _, key := range keys {
			row, err := rows.Get(key)
			if err != nil {
				return err
			}
			if row == nil {
				continue // it was deleted meanwhile
			}
			of.keys = append(of.keys, key)
			if err := rows.Set(key, []byte(plain(string(row))+marked+of.mark)); err != nil {
				return err
			}
		}
		select {
		case <-time.After(takes):
			if p.handled.Load() != handled {
				p.of.breach("records were handled between two transactions, by worker %d", p.of.index)
			}
		case <-ctx.Done():
		}
		switch fails {
		case 0:
			return errNoMind
		case 1:
			panic("no mind")
		}
		return nil
	})
}

// checkRewrites: all or nothing of it is in the topic, as was told (G3). changes are those of the
// partition's table.
func (s *simulation) checkRewrites(p int32, changes []*kgo.Record) {
	seen := make(map[string]int)
	for _, r := range changes {
		if _, mark, is := strings.Cut(string(r.Value), marked); is {
			seen[mark+" "+string(r.Key)]++
		}
	}
	for _, of := range s.rewrites {
		if of.partition != p {
			continue
		}
		found := 0
		for _, key := range of.keys {
			found += seen[of.mark+" "+key]
			delete(seen, of.mark+" "+key)
		}
		whole := found == len(of.keys)
		switch {
		case of.between:
		case of.err == nil && whole, of.err != nil && found == 0:
		case whole && errors.Is(of.err, exactlyonce.ErrOutcomeUnknown):
		default:
			s.breach("partition %d has %d of %d rows rewritten as %s, of which was told: %v", p, found,
				len(of.keys), of.mark, of.err)
		}
	}
	for row := range seen {
		s.breach("partition %d has a row that nobody wrote: %s", p, row)
	}
}
