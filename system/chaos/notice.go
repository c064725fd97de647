//go:build system

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"refold/system/chaos/schedule"
)

const (
	// stalledAfter is how long the workers of a run may have input and get nowhere before they say so.
	stalledAfter = 5 * time.Second
	// noticedAfter is how long a fault has lasted when some worker must have said that it stands still:
	// a busy machine needs a while to find out.
	noticedAfter = stalledAfter + 10*time.Second
)

// seen is what workers have said of themselves while something was wrong: the last that was not ready, and
// the last that was not and named the cause.
type seen struct{ red, named string }

// and is what was seen before, and later.
func (s seen) and(later seen) seen {
	return seen{red: cmp.Or(later.red, s.red), named: cmp.Or(later.named, s.named)}
}

// watch asks all workers for a while whether they are ready. A worker names the cause if its answer has
// one of these words in it.
func (s *site) watch(ctx context.Context, lasts time.Duration, causes ...string) (saw seen) {
	ctx, cancel := context.WithTimeout(ctx, lasts)
	defer cancel()
	for {
		for _, w := range s.workers {
			status, body, err := w.readiness(ctx)
			if err != nil || status == http.StatusOK {
				continue
			}
			saw.red = fmt.Sprintf("%s is not ready: %s", w.name, because(body))
			for _, cause := range causes {
				if strings.Contains(body, cause) {
					saw.named = saw.red
				}
			}
		}
		if !pause(ctx, time.Second) {
			return saw
		}
	}
}

// because is what a worker that is not ready says of why, its beginning.
func because(body string) string {
	var answer struct {
		Checks []struct {
			Name, Detail string
			Ready        bool
		}
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil {
		return body
	}
	const most = 400
	var all []string
	for _, check := range answer.Checks {
		if !check.Ready {
			all = append(all, fmt.Sprintf("%s: %.*s", check.Name, most, check.Detail))
		}
	}
	return strings.Join(all, "; ")
}

// noticed judges what was seen of a fault that stops workers for as long as it lasts. It is a problem that
// none has named it, unless other faults happened meanwhile: they may have kept workers from coming so far,
// or from answering.
func (p *performance) noticed(f schedule.Fault, saw seen, alone bool) {
	kind := string(f.Kind)
	switch {
	case time.Duration(f.Lasts) < noticedAfter:
		return
	case saw.named != "":
		p.count(kind + "-named")
		p.say("  %v: %s", f, saw.named)
		return
	case saw.red != "":
		p.count(kind + "-red")
		p.say("  %v: it was not named; the last of those that were not ready: %s", f, saw.red)
	default:
		p.count(kind + "-green")
		p.say("  %v: all workers that answered were ready", f)
	}
	if alone {
		p.problem("%v, and no worker that was not ready has named it", f)
	}
}

// alone begins to look for other faults. The function that it returns reports whether there was none from
// then until now.
func (p *performance) alone() func() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	others, begun := p.going > 1, p.begun
	return func() bool {
		p.mu.Lock()
		defer p.mu.Unlock()
		return !others && p.begun == begun
	}
}

// during counts a fault while it goes on. Poison, rebuilds and stores of read models hinder no
// command.
func (p *performance) during(f schedule.Fault) (ended func()) {
	switch f.Kind {
	case schedule.Poison, schedule.Rebuild, schedule.DryRebuild, schedule.CancelRebuild,
		schedule.KillStore, schedule.PauseStore, schedule.RebuildModel:
		return func() {}
	default:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.going++
	p.begun++
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.going--
	}
}

// persist does something until it succeeds, for as long as the run goes on: brokers are killed and held
// still all the time.
func (s *site) persist(ctx context.Context, do func() error) error {
	within, cancel := context.WithTimeout(ctx, wholeWithin)
	defer cancel()
	err := until(within, do)
	if ctx.Err() != nil {
		return errors.Join(ctx.Err(), err)
	}
	return err
}
