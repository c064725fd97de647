//go:build system

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"refold/system/chaos/schedule"
)

// tableRebuild is what a worker says of a rebuild.
type tableRebuild struct {
	ID, Stage string
	Totals    struct{ Equal, Changed, Added, Removed int64 }
}

func (r *tableRebuild) ended() bool {
	return r.Stage == "done" || r.Stage == "failed" || r.Stage == "cancelled"
}

// errOpen says that a rebuild of the table is going on already.
var errOpen = errors.New("a rebuild of the table has not ended")

// rebuild asks the workers, one after another, for a rebuild, until one takes it, and withdraws it later
// if it is one of those. That nobody takes it is no problem: all of them may be cut off.
func (p *performance) rebuild(ctx context.Context, f schedule.Fault) {
	p.begins(f)
	asked, err := p.askRebuild(ctx, f.Target, f.Kind == schedule.DryRebuild, f.Choice)
	if err != nil {
		p.count("rebuild-not-taken")
		p.say("  %v: %v", f, err)
		return
	}
	if f.Kind != schedule.CancelRebuild {
		return
	}
	pause(ctx, time.Duration(f.Lasts))
	_, err = p.ask(ctx, http.MethodPost, "/admin/rebuilds/"+asked.ID+"/cancel", "", http.StatusOK, f.Choice)
	if err != nil { // it may have ended
		p.say("  %v: not cancelled: %v", f, err)
	}
}

func (s *site) askRebuild(
	ctx context.Context, table string, dryRun bool, choice uint64,
) (*tableRebuild, error) {
	body, err := json.Marshal(map[string]any{"aggregate": table, "dryRun": dryRun})
	if err != nil {
		return nil, err //nolint:wrapcheck // it can't fail
	}
	text, err := s.ask(ctx, http.MethodPost, "/admin/rebuilds", string(body), http.StatusAccepted, choice)
	if err != nil {
		return nil, err
	}
	asked := &tableRebuild{}
	if err := json.Unmarshal([]byte(text), asked); err != nil {
		return nil, fmt.Errorf("reading what was asked for: %w", err)
	}
	return asked, nil
}

// ask asks one worker after another, from a chosen one on, until one gives the answer that is wanted.
func (s *site) ask(
	ctx context.Context, method, path, body string, want int, choice uint64,
) (string, error) {
	var errs []error
	for n := range s.workers {
		w := s.workers[(int(choice%schedule.Workers)+n)%len(s.workers)]
		status, text, err := w.call(ctx, method, path, body)
		switch {
		case err == nil && status == want:
			return text, nil
		case err == nil && status == http.StatusConflict:
			return "", fmt.Errorf("%w: %s", errOpen, text)
		case err == nil:
			err = fmt.Errorf("%s answers %d %s", w.name, status, text)
		}
		errs = append(errs, err)
	}
	return "", errors.Join(errs...)
}

// rebuildAll waits until all rebuilds have ended, and has each table rebuilt once more. Rows have been
// right all the time, so that no rebuild of the run may have found anything to mend. A program that is known
// to be broken gets none: it would mend what the audit is to find.
func (s *site) rebuildAll(ctx context.Context) error {
	if s.breach {
		return nil
	}
	limit := s.quietWithin()
	ctx, cancel := context.WithTimeoutCause(ctx, limit,
		fmt.Errorf("%w: rebuilds don't end within %v", errBroken, limit))
	defer cancel()
	for _, table := range []string{schedule.Accounts, schedule.Orders} {
		var last *tableRebuild
		err := until(ctx, func() (err error) {
			last, err = s.askRebuild(ctx, table, false, 0)
			return err
		})
		if err != nil {
			return fmt.Errorf("asking for a last rebuild of %s: %w", table, err)
		}
		var all []tableRebuild
		err = until(ctx, func() (err error) {
			if all, err = s.rebuilds(ctx, table); err != nil {
				return err
			}
			for i := range all {
				if !all[i].ended() {
					return fmt.Errorf("the rebuild %s of %s is at %s", all[i].ID, table, all[i].Stage)
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		s.judge(ctx, table, last.ID, all)
	}
	return nil
}

// judge says what came of the rebuilds of a table, of which one was asked for when all was quiet.
func (s *site) judge(ctx context.Context, table, last string, all []tableRebuild) {
	stages := map[string]int{}
	for i := range all {
		r := &all[i]
		stages[r.Stage]++
		t := r.Totals
		switch {
		case r.Stage == "failed":
			text, err := s.ask(ctx, http.MethodGet, "/rebuilds/"+r.ID, "", http.StatusOK, 0)
			s.problem("the rebuild %s of %s has failed: %s %v", r.ID, table, text, err)
		case t.Changed+t.Added+t.Removed > 0:
			s.problem("the rebuild %s of %s has found wrong rows: %+v", r.ID, table, t)
		case r.ID == last && (r.Stage != "done" || t.Equal == 0):
			s.problem("the last rebuild of %s is %s: %+v", table, r.Stage, t)
		}
	}
	s.say("rebuilds of %s: %v", table, stages)
}

func (s *site) rebuilds(ctx context.Context, table string) ([]tableRebuild, error) {
	text, err := s.ask(ctx, http.MethodGet, "/rebuilds?aggregate="+table, "", http.StatusOK, 0)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Aggregates []struct{ Rebuilds []tableRebuild }
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil {
		return nil, fmt.Errorf("reading the rebuilds: %w", err)
	}
	if len(answer.Aggregates) != 1 {
		return nil, fmt.Errorf("%w: one table was asked for: %s", errBroken, text)
	}
	return answer.Aggregates[0].Rebuilds, nil
}
