package refold

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"
)

// Summary counts what a refold found and did.
type Summary struct {
	// Events is how many events were folded, and Offset the offset of the events topic up to which the
	// last corrected row is the fold.
	Events int64 `json:"events"`
	Offset int64 `json:"offset"`
	// Equal counts rows that were right, Changed those with another state or sequence than the fold, Added
	// those that were missing, and Removed those without an event. In a dry run they count what would be.
	Equal   int64 `json:"equal"`
	Changed int64 `json:"changed"`
	Added   int64 `json:"added"`
	Removed int64 `json:"removed"`
	// RingOnly counts rows of aggregates without events, which exist for their rings. They stay.
	RingOnly int64 `json:"ringOnly"`
	// Samples are some of the differences.
	Samples []Sample `json:"samples,omitempty"`
	// Steps is how many times commands had to wait, and LongestStep the longest wait.
	Steps       int           `json:"steps"`
	LongestStep time.Duration `json:"longestStep"`
}

// Differing is how many rows were not the fold.
func (o *Summary) Differing() int64 { return o.Changed + o.Added + o.Removed }

// add counts a step's rows.
func (o *Summary) add(step *Summary) {
	o.Equal += step.Equal
	o.Changed += step.Changed
	o.Added += step.Added
	o.Removed += step.Removed
	o.RingOnly += step.RingOnly
	o.Samples = append(o.Samples, step.Samples...)
}

// note counts a final verdict.
func (o *Summary) note(v Verdict) {
	switch v {
	case Equal:
		o.Equal++
	case Changed, Moved:
		o.Changed++
	case Added:
		o.Added++
	case Removed:
		o.Removed++
	case RingOnly:
		o.RingOnly++
	case Absent, Unreadable:
	}
}

// Run folds a partition again and corrects the rows of the table that are not the fold of their events, while
// commands are handled. The package's documentation says how. With an error, the summary covers what was done
// until then: corrected rows stay corrected.
//
// An error with a code, by [CodeOf], is final; if it comes before the first closing step, nothing was
// changed. When ctx ends, so does the refold. In any case the shadow is removed when Run returns.
func Run(ctx context.Context, o Options) (out Summary, err error) {
	if err := o.validateRun(); err != nil {
		return out, fmt.Errorf("refold: %w", err)
	}
	s, err := Build(ctx, o)
	if err != nil {
		return out, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	r := refolding{Shadow: s}
	err = r.run(ctx)
	r.out.Events, r.out.Offset = s.Events(), s.Next()
	return r.out, err
}

// refolding is a refold that is under way.
type refolding struct {
	*Shadow
	out Summary
}

func (r *refolding) run(ctx context.Context) error {
	if err := r.approach(ctx); err != nil {
		return err
	}
	r.meter.enter(PhaseCompare)
	if err := r.compare(ctx); err != nil {
		return err
	}
	r.meter.enter(PhaseClose)
	if err := r.close(ctx); err != nil {
		return err
	}
	r.meter.enter(PhaseDone)
	return nil
}

// approach folds new events until at most StepEvents remain. Each round folds what came during the one before
// it. If the rounds don't become shorter, events come faster than the limits of the background allow, and the
// limits are lifted: it would never end otherwise.
func (r *refolding) approach(ctx context.Context) error {
	pace := r.pace
	for before := int64(math.MaxInt64); ; {
		n, err := r.catchUp(ctx, pace)
		if err != nil || n <= int64(r.o.StepEvents) {
			return err
		}
		if n > before/2 {
			pace = newPace(0, 1)
		}
		before = n
	}
}

// compare goes through the live rows and notes the candidates.
func (r *refolding) compare(ctx context.Context) error {
	rows, err := r.o.Live.Rows(ctx)
	if err != nil {
		return fmt.Errorf("refold: reading the table: %w", err)
	}
	defer rows.Release()
	candidates := newWriter(r.db, candidatePrefix)
	defer candidates.close()
	err = r.Walk(ctx, rows, func(p *Pair) error {
		verdict, err := p.Judge()
		switch {
		case err != nil:
			return err
		case verdict == Equal || verdict == RingOnly:
			r.out.note(verdict)
			return nil
		case verdict == Changed:
			r.meter.Differing++
			if r.o.DryRun { // the verdict is final: later events fold into a wrong state
				r.out.note(verdict)
				return r.sample(&r.out, p, verdict)
			}
		}
		r.meter.Candidates++
		return candidates.set(string(p.Key), nil)
	})
	if err != nil {
		return err
	}
	return candidates.finish()
}

// sample keeps a difference for people, if there is room.
func (r *refolding) sample(to *Summary, p *Pair, v Verdict) error {
	if len(r.out.Samples)+len(to.Samples) >= r.o.Samples {
		return nil
	}
	sample, err := p.Sample(v)
	if err == nil {
		to.Samples = append(to.Samples, sample)
	}
	return err
}
