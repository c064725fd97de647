package simulate_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce"
	"refold/snapshots/rebuild/refold"
)

// In every other simulation, processes refold partitions, too, between rewrites: outputs are the events, and
// a row with a mark is a wrong one, which a refold puts right. All that goes wrong interrupts it.

// refolds reports whether this is such a simulation. No row is deleted then: the fold of an aggregate has no
// end.
func (s *schedule) refolds() bool { return s.seed%2 == 1 }

// refold refolds a partition. Some give up soon.
func (p *process) refold(
	ctx context.Context, session exactlyonce.Session, partition int32, r *rand.Rand,
) error {
	if r.IntN(4) == 0 {
		patience, cancel := context.WithTimeout(ctx, time.Duration(r.Int64N(int64(time.Second))))
		defer cancel()
		ctx = patience
	}
	settings := p.of.settings(fmt.Sprint("refold-", p.of.index))
	settings.Dial = p.wire.Dial
	live := liveTable{session, partition}
	outcome, err := refold.Run(ctx, refold.Options{
		Fold: chain{}, Rows: chain{}, Kafka: settings, EventsTopic: out, Partition: partition, Live: live,
		StepRows: 1 + r.IntN(keys), StepBytes: refold.MostStepBytes, StepTimeout: betweenTimeout / 2,
		CacheBytes: refold.LeastCacheBytes, CPUShare: 1,
	})
	if code := refold.CodeOf(err); code != "" {
		p.of.breach("worker %d can't refold partition %d: %v", p.of.index, partition, err)
	}
	if err != nil {
		return err
	}
	s := p.of.simulation
	s.mu.Lock()
	s.refolded++
	s.mended += int(outcome.Changed + outcome.Added + outcome.Removed)
	s.mu.Unlock()
	return p.checkRefolded(ctx, live)
}

// checkRefolded: right after a refold no row is wrong any more (G7). Marks are made by this goroutine alone.
func (p *process) checkRefolded(ctx context.Context, live liveTable) error {
	return live.Between(ctx, func(ctx context.Context, _ refold.LiveRows) error {
		rows, err := live.Rows(ctx)
		if err != nil {
			return err
		}
		defer rows.Release()
		for rows.Next() {
			row, err := rows.Value()
			if err != nil {
				return err
			}
			if strings.Contains(string(row), marked) {
				p.of.breach("worker %d has refolded partition %d, and the row of %s is %q", p.of.index,
					live.partition, rows.Key(), row)
			}
		}
		return rows.Err()
	})
}

// liveTable is a partition of a session's table for a refold.
type liveTable struct {
	session   exactlyonce.Session
	partition int32
}

func (l liveTable) Rows(context.Context) (refold.RowIterator, error) {
	table, err := l.session.Table(l.partition)
	if err != nil {
		return nil, err
	}
	return table.Iterator()
}

func (l liveTable) Between(ctx context.Context, fn func(context.Context, refold.LiveRows) error) error {
	return l.session.Between(ctx, l.partition, func(ctx context.Context, rows exactlyonce.RowWriter) error {
		return fn(ctx, rows)
	})
}

// chain folds outputs to rows: it is the graph's fold over the records that the outputs name. An output that
// is not what the fold comes to is out of its place.
type chain struct{}

// gap is an event that is not the next.
type gap struct{ error }

func (gap) Code() string { return "sequence-gap" }

func (chain) Version() int { return 1 }

func (chain) Headers() []string { return nil }

func (chain) Decode(event *kgo.Record) (any, error) { return string(event.Value), nil }

func (chain) Apply(state, event any) (any, error) {
	before, _ := state.(string)
	record, _, _ := strings.Cut(event.(string), " ")
	after, output := fold(before, record)
	if output != event {
		return nil, gap{fmt.Errorf("%q follows %q", event, before)}
	}
	return after, nil
}

func (chain) EncodeState(state any) ([]byte, error) { return []byte(state.(string)), nil }

func (chain) DecodeState(b []byte) (any, error) { return string(b), nil }

func (c chain) Row(state any, _ []byte) ([]byte, error) { return c.EncodeState(state) }

func (c chain) RowWith(state any, _ []byte) ([]byte, error) { return c.EncodeState(state) }

func (chain) Sequence(row []byte) (n int64, err error) {
	_, err = fmt.Sscanf(string(row), "%d ", &n)
	return n, err
}

func (chain) Equal(state any, row []byte) (bool, error) { return string(row) == state, nil }

func (chain) JSON(row []byte) (json.RawMessage, error) { return json.Marshal(string(row)) }
