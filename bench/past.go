package bench

import (
	"fmt"
	"iter"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
)

// past is a past of the aggregates of many keys: events, and rows that are the fold of them. Both are made by
// handling the sample traffic. It holds one row for each key.
type past struct {
	*aggregate

	table string // the topic
	sent  []int  // commands so far, by key
	rows  [][]byte
	lies  map[int][]byte // the row before the latest events, of the keys whose row is to be wrong
}

// recentCommands is how many commands a row remembers by default.
const recentCommands = 16

func newPast(a *aggregate, table string, wrong int) *past {
	p := &past{
		aggregate: a, table: table, sent: make([]int, a.keys), rows: make([][]byte, a.keys),
		lies: make(map[int][]byte, wrong),
	}
	for n := range wrong {
		p.lies[p.spread(n*(a.keys/wrong))] = nil
	}
	return p
}

// key is an aggregate's ID.
func (p *past) key(k int) string { return fmt.Sprintf("%s-%08d", p.Name, k) }

// spread returns the key of the i-th turn. In as many turns as there are keys each has one, and neighbours in
// time are none in the order of keys.
func (p *past) spread(i int) int { return int(int64(i) * 1_000_003 % int64(p.keys)) }

// maxWithoutEvents is how many commands in a row may lead to no events. Beyond, the traffic of the key is
// taken to have ended.
const maxWithoutEvents = 100

// next handles commands to a key until there are events.
func (p *past) next(k int) ([]processors.HandledEvent, error) {
	key := p.key(k)
	for range maxWithoutEvents {
		before := p.rows[k]
		handled, err := p.History.Handle(before, p.traffic(k, p.sent[k]), eventsourcing.Metadata{
			ID: "past-" + strconv.Itoa(p.sent[k]), Subject: key, Time: time.Now(),
		}, recentCommands)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the command
		}
		p.sent[k]++
		p.rows[k] = handled.Row
		if len(handled.Events) > 0 {
			if _, lies := p.lies[k]; lies {
				p.lies[k] = before
			}
			return handled.Events, nil
		}
	}
	return nil, fmt.Errorf("the sample traffic of %s leads to no more events of a key after %d commands; "+
		"ask for fewer events or more keys", p.Plural, p.sent[k]-maxWithoutEvents)
}

// eventRecords are n events or a few more, the keys by turns; each key has one at least.
func (p *past) eventRecords(n int) iter.Seq2[*kgo.Record, error] {
	return func(yield func(*kgo.Record, error) bool) {
		written := 0
		for turn := 0; written < n || turn < p.keys; turn++ {
			events, err := p.next(p.spread(turn))
			if err != nil {
				yield(nil, err)
				return
			}
			for _, event := range events {
				written++
				m := event.Metadata
				if !yield(record(p.topics.Events, m.Subject, event.Value, codecs.Headers(m)), nil) {
					return
				}
			}
		}
	}
}

// rowRecords are the rows, in the order of the keys' first events.
func (p *past) rowRecords() iter.Seq2[*kgo.Record, error] {
	return records(p.keys, func(i int) (*kgo.Record, error) {
		k := p.spread(i)
		row := p.rows[k]
		if before, lies := p.lies[k]; lies {
			var err error
			if row, err = p.History.Stale(before, row); err != nil {
				return nil, err //nolint:wrapcheck // it says what is wrong
			}
		}
		return &kgo.Record{Topic: p.table, Key: []byte(p.key(k)), Value: row}, nil
	})
}

// shortRows are rows of keys with so many events each. None is kept.
func (p *past) shortRows(events int) iter.Seq2[*kgo.Record, error] {
	return records(p.keys, func(i int) (*kgo.Record, error) {
		k := p.spread(i)
		for had := 0; had < events; {
			next, err := p.next(k)
			if err != nil {
				return nil, err
			}
			had += len(next)
		}
		row := p.rows[k]
		p.rows[k] = nil
		return &kgo.Record{Topic: p.table, Key: []byte(p.key(k)), Value: row}, nil
	})
}

// Command makes the i-th command that follows the past: the next one to one of the keys.
func (p *past) Command(i int) (*kgo.Record, error) {
	k := p.spread(i)
	return p.send(i, p.key(k), p.traffic(k, p.sent[k]+i/p.keys))
}
