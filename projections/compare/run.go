package compare

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/time/rate"

	"refold/processors"
	"refold/projections"
)

// rounds is how often rows are read that don't hold still.
const rounds = 5

// run is a verification on its way.
type run struct {
	Options

	client  *kgo.Client
	pace    *rate.Limiter // nil: none
	sources map[string]*projections.OpenSource
	letters *letters
	lookups lookups
	outcome Report
	end     uint64 // hashes below it are verified
	states  bool   // states are compared, and poison is counted: once
	told    Progress
}

// open checks the options and connects to Kafka.
func open(o Options) (*run, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o.complete()
	client, err := o.Kafka.Client()
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what is wrong with the settings
	}
	r := &run{
		Options: o, client: client, outcome: Report{Build: o.Build.Name()},
		end: max(1, uint64(o.Sample*float64(all))), states: true,
		sources: make(map[string]*projections.OpenSource, len(o.Sources)),
	}
	r.lookups.run = r
	r.letters = newLetters(client, processors.DeadLetters(o.TopicPrefix), o.Group)
	for _, s := range o.Sources {
		r.sources[processors.NewTopics(o.TopicPrefix, s.Name, s.Plural).Events] = s
	}
	if o.EventsPerSecond > 0 {
		r.pace = rate.NewLimiter(rate.Limit(o.EventsPerSecond), min(stride, o.EventsPerSecond/10+1))
	}
	return r, nil
}

// Run verifies a build. After an error the verification is incomplete; what was reported is valid. The error
// may be ErrOtherVersion, ErrFilling or ErrTruncated.
func Run(ctx context.Context, o Options) (Report, error) {
	r, err := open(o)
	if err != nil {
		return Report{}, fmt.Errorf("verify the build %s: %w", o.Build.Name(), err)
	}
	defer r.client.Close()
	width := r.end
	for from := uint64(0); from < r.end; {
		r.outcome.Slices++
		r.told = Progress{Slice: r.outcome.Slices, Share: float64(from) / float64(r.end)}
		to, err := r.slice(ctx, from, from+min(width, r.end-from))
		if err != nil {
			return r.outcome, fmt.Errorf("verify the build %s: %w", o.Build.Name(), err)
		}
		width, from = to-from, to
	}
	return r.outcome, nil
}

// slice verifies the rows of some hashes, or fewer if they don't fit in memory. It returns up to where.
func (r *run) slice(ctx context.Context, from, to uint64) (uint64, error) {
	these := sliceOf(r.Seed, from, to, r.Rows)
	var before cells
	for round := 1; ; round++ {
		m, err := r.pass(ctx, these)
		if err != nil {
			return 0, err
		}
		if round == 1 {
			to = these.to
		}
		again, err := r.judge(these, m, before)
		if err != nil || len(again) == 0 {
			return to, err
		}
		if round == rounds {
			for _, of := range again {
				r.outcome.Restless += int64(len(of))
			}
			return to, nil
		}
		before, these = these.cells, only(again)
	}
}

// pass reads rows, and folds the events that they are made of.
func (r *run) pass(ctx context.Context, these *rows) (moment, error) {
	r.tell(ReadingRows, 0, 0)
	m, err := r.look(ctx, these)
	if err != nil {
		return m, err
	}
	if err := r.letters.read(ctx); err != nil {
		return m, err
	}
	var done, total int64
	var planned []stretch
	for _, p := range m.after {
		total += max(p.Next, 0)
		planned = append(planned, stretch{p.Partition, 0, max(p.Next, 0)})
	}
	r.lookups.plan(planned)
	for _, p := range m.after {
		if p.Next > 0 {
			if err := r.partition(ctx, these, p, m.began(p.Partition), done, total); err != nil {
				return m, err
			}
			done += p.Next
		}
	}
	r.states = false
	return m, nil
}

// partition folds the events of a partition up to its progress. Of more aggregates than fit in memory, those
// that come too late are folded by reading on from the first of them.
func (r *run) partition(
	ctx context.Context, into *rows, p projections.Progress, touching, done, total int64,
) error {
	room := r.States
	for from := int64(0); from >= 0; {
		room = r.States
		f, err := r.folding(p.Partition, into, &room)
		if err != nil {
			return err
		}
		f.touching, f.counts = touching, r.states && from == 0
		f.tell = func(next int64) { r.tell(Folding, done+next, total) }
		if err := f.read(ctx, from, p.Next); err != nil {
			return err
		}
		if r.states {
			if err := r.compareStates(ctx, f, p.Next); err != nil {
				return err
			}
		}
		from = f.rest
	}
	return nil
}

// judge reports the rows that differ, and returns the keys of those that must be read again. before are the
// rows as they were read the last time.
func (r *run) judge(these *rows, m moment, before cells) (map[*projections.Table]map[string][]any, error) {
	r.tell(Comparing, 0, 0)
	again := make(map[*projections.Table]map[string][]any)
	err := these.sorted(r.Projection.Tables, func(t *projections.Table, key string, c *cell) error {
		d := difference(t, key, c)
		if d != nil && !m.whole && (c.touched || !holdsStill(t, c, before[t][key])) {
			if again[t] == nil {
				again[t] = make(map[string][]any)
			}
			again[t][key] = keyOf(t, c)
			return nil
		}
		r.outcome.Rows++
		if d == nil {
			return nil
		}
		return r.report(*d)
	})
	return again, err
}

// holdsStill reports whether the store has the row as it had it before, when it was wrong as well.
func holdsStill(t *projections.Table, now, before *cell) bool {
	if before == nil || (now.stored == nil) != (before.stored == nil) {
		return false
	}
	return sameRow(t, now.stored, before.stored)
}

func (r *run) report(d Difference) error {
	r.outcome.Differences++
	return r.Report(d)
}

func (r *run) tell(stage Stage, done, total int64) {
	r.told.Stage, r.told.Done, r.told.Total = stage, done, total
	r.Progress(r.told)
}
