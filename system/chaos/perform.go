//go:build system

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"

	"refold/system/chaos/schedule"
)

const (
	// maxHurt is how many workers may have a fault at a time, as in the schedule: there it counts
	// by the clock, here also when a worker takes long to come back.
	maxHurt = 2
	// backWithin is how long the next fault waits for a worker to be ready again. It is no bound
	// of what is right: a worker may have to wait for brokers, or the registry.
	backWithin = 30 * time.Second
	// wholeWithin is how long a broker's fault waits for the cluster to have all copies in sync.
	wholeWithin = 5 * time.Minute
)

// performance is a schedule under way.
type performance struct {
	*site
	hurt    *semaphore.Weighted
	brokers sync.Mutex // held by the broker's fault
	stores  sync.Mutex // held by the fault of a server of read models
	end     time.Time
	// going is how many faults go on that hinder somebody, begun how many have begun; under site.mu.
	going, begun int
}

// perform lets everything happen that the schedule says, and returns when its length is over.
func (s *site) perform(ctx context.Context) error {
	p := &performance{
		site: s, hurt: semaphore.NewWeighted(maxHurt),
		end: s.begun.Add(time.Duration(s.plan.Length)),
	}
	all, going := errgroup.WithContext(ctx)
	for _, f := range s.plan.Faults {
		if !pause(going, time.Until(s.begun.Add(time.Duration(f.At)))) {
			break
		}
		all.Go(func() error { return p.fault(going, f) })
	}
	all.Go(func() error {
		pause(going, time.Until(p.end))
		return nil
	})
	if err := all.Wait(); err != nil {
		return err //nolint:wrapcheck // it names the fault
	}
	return context.Cause(ctx)
}

// fault lets one thing happen, when it may. One that would come too late is left out.
func (p *performance) fault(ctx context.Context, f schedule.Fault) (err error) {
	defer p.during(f)()
	switch f.Kind {
	case schedule.KillBroker, schedule.StopBroker, schedule.PauseBroker:
		err = p.ofBroker(ctx, f)
	case schedule.RegistryDown:
		p.begins(f)
		p.toRegistry.Break()
		pause(ctx, time.Duration(f.Lasts))
		p.toRegistry.Heal()
	case schedule.Poison:
		err = p.poison(ctx, f)
	case schedule.TakeRight:
		err = p.takeRight(ctx, f)
	case schedule.RefuseSchema:
		err = p.refuseSchema(ctx, f)
	case schedule.RollWorkers:
		err = p.roll(ctx, f)
	case schedule.Rebuild, schedule.DryRebuild, schedule.CancelRebuild:
		p.rebuild(ctx, f)
	case schedule.KillStore, schedule.PauseStore:
		err = p.ofStore(ctx, f)
	case schedule.RebuildModel:
		p.rebuildModel(ctx, f)
	case schedule.CutPeers, schedule.HangPeers, schedule.DelayPeers:
		p.ofPeers(ctx, f)
	default:
		if f.Target == schedule.Load {
			p.begins(f)
			p.network(ctx, f)
			return nil
		}
		if w := p.worker(f.Target); w != nil {
			err = p.ofWorker(ctx, f, w)
		}
	}
	if err != nil && ctx.Err() == nil {
		return fmt.Errorf("%v: %w", f, err)
	}
	return nil
}

// worker returns the worker of a name; nil: there is none.
func (s *site) worker(name string) *worker {
	for _, w := range s.workers {
		if w.name == name {
			return w
		}
	}
	return nil
}

// begins says and counts that a fault begins.
func (p *performance) begins(f schedule.Fault) {
	p.say("%v", f)
	p.count(string(f.Kind))
}

// inTime reports whether there is time left for a fault that had to wait.
func (p *performance) inTime(ctx context.Context, f schedule.Fault) bool {
	if ctx.Err() == nil && time.Now().Before(p.end) {
		return true
	}
	if ctx.Err() == nil {
		p.count("left-out")
		p.say("%v is left out: the time is over", f)
	}
	return false
}

// ofWorker lets something happen to a worker, its disk or its network.
func (p *performance) ofWorker(ctx context.Context, f schedule.Fault, w *worker) error {
	w.fault.Lock()
	defer w.fault.Unlock()
	if p.hurt.Acquire(ctx, 1) != nil {
		return nil
	}
	defer p.hurt.Release(1)
	if !p.inTime(ctx, f) {
		return nil
	}
	p.begins(f)
	if err := p.toWorker(ctx, f, w); err != nil {
		return err
	}
	// Some get the next fault while they are still coming back.
	const of = 3
	if f.Choice%of == 0 {
		return nil
	}
	begin := time.Now()
	if err := w.waitReady(ctx, backWithin); err != nil {
		if ctx.Err() == nil {
			p.say("%s is not back %v after %v: %v", w.name, backWithin, f.Kind, err)
		}
		return nil
	}
	p.say("  %s is ready %.1f s after %v", w.name, time.Since(begin).Seconds(), f.Kind)
	return nil
}

// toWorker is what happens, from its beginning to its end.
func (p *performance) toWorker(ctx context.Context, f schedule.Fault, w *worker) error {
	lasts := time.Duration(f.Lasts)
	switch f.Kind {
	case schedule.KillWorker:
		w.kill()
		w.hide(f.Choice)
	case schedule.KillAnswering:
		p.killAnswering(ctx, w)
	case schedule.LostAddress:
		return p.loseAddress(ctx, f, w)
	case schedule.StopWorker:
		p.stop(w)
	case schedule.DamageStore, schedule.DeleteStore, schedule.StoreAhead:
		w.kill()
		do := map[schedule.Kind]func(uint64) (string, error){
			schedule.DamageStore: w.disk.damage, schedule.DeleteStore: w.disk.remove,
			schedule.StoreAhead: w.disk.setAhead,
		}
		name, err := do[f.Kind](f.Choice)
		if err != nil {
			name = err.Error() // a worker that was killed soon may have no files yet
		}
		p.say("  %s of %s: %s", f.Kind, w.name, name)
	case schedule.PauseWorker:
		p.pauseWorker(ctx, f, w)
		return nil
	case schedule.FullDisk:
		return p.fullDisk(ctx, f, w)
	default:
		p.network(ctx, f)
		return nil
	}
	pause(ctx, lasts)
	return errors.Join(w.peers.Accept(), w.start())
}

// stop stops a worker cleanly; that it doesn't is a problem.
func (p *performance) stop(w *worker) {
	if err := w.stop(); err != nil {
		p.problem("%v", err)
	}
}

// fullDisk leaves no byte to a worker for a while. Every other time the worker has to start like
// that: while it runs, it may not need the disk for minutes.
func (p *performance) fullDisk(ctx context.Context, f schedule.Fault, w *worker) error {
	switch err := w.disk.fill(); {
	case errors.Is(err, errNoDisk):
		p.say("  not here: %v", err)
		p.count("not-possible-here")
		return nil
	case err != nil:
		return err
	}
	if f.Choice%2 == 0 {
		w.kill()
		if err := w.start(); err != nil {
			return err
		}
	}
	pause(ctx, time.Duration(f.Lasts))
	return w.disk.empty()
}

// roll stops and starts one worker after another, as a new release does.
func (p *performance) roll(ctx context.Context, f schedule.Fault) error {
	if p.hurt.Acquire(ctx, maxHurt) != nil {
		return nil
	}
	defer p.hurt.Release(maxHurt)
	if !p.inTime(ctx, f) {
		return nil
	}
	p.begins(f)
	for _, w := range p.workers {
		if ctx.Err() != nil {
			return nil
		}
		p.stop(w)
		if err := w.start(); err != nil {
			return err
		}
		if err := w.waitReady(ctx, backWithin); err != nil && ctx.Err() == nil {
			p.say("%s is not back %v after its turn: %v", w.name, backWithin, err)
		}
	}
	return nil
}

// network does something to the paths between a client and one broker, or all.
func (p *performance) network(ctx context.Context, f schedule.Fault) {
	paths := p.paths[f.Target]
	if f.Broker > 0 {
		paths = paths[f.Broker-1 : f.Broker]
	}
	const leastDelay, delays = 20 * time.Millisecond, 10
	for _, path := range paths {
		switch f.Kind {
		case schedule.Cut:
			path.Cut()
		case schedule.CutRequests:
			path.CutRequests()
		case schedule.CutAnswers:
			path.CutAnswers()
		case schedule.LoseAnswers:
			path.LoseAnswers()
		case schedule.Delay:
			path.Delay(leastDelay * time.Duration(1+f.Choice%delays))
		default:
			panic("chaos: " + f.String() + " is no fault of the network")
		}
	}
	pause(ctx, time.Duration(f.Lasts))
	for _, path := range paths {
		path.Heal()
	}
}
