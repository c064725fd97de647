package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/lovoo/goka"

	"refold/config"
	"refold/exactlyonce"
	"refold/kafka"
	"refold/processors"
)

// supervised is a processor that is started again when it ends, after a pause that grows. What
// ends a processor is loud and rare: a callback that failed, a registry that is away for too long.
type supervised struct {
	name    string
	engine  exactlyonce.Config
	graph   *goka.GroupGraph
	guard   *processors.Guard
	fitting *fitting
	config  config.Config
	faults  *kafka.FaultLog
	current atomic.Pointer[exactlyonce.Processor]
	ended   atomic.Pointer[error] // why the last one ended
}

// newSupervised returns a processor that is not started yet. What the guard holds stays held when it
// is started again: the guard is the process's.
func newSupervised(
	engine exactlyonce.Config, graph *goka.GroupGraph, guard *processors.Guard, fitting *fitting,
	c config.Config,
) *supervised {
	engine.Held, engine.HeldStill = guard.Held, guard.StillHeld
	return &supervised{
		name: string(graph.Group()), engine: engine, graph: graph, guard: guard, fitting: fitting,
		config: c, faults: kafka.NewFaultLog(engine.Logger),
	}
}

// Ready returns nil while the processor is a member of its group with restored tables, and no
// partition is held.
func (s *supervised) Ready() error {
	p := s.current.Load()
	if p != nil && p.InSession() {
		// It names what is held of its own partitions. What the guard holds beside may be another worker's
		// by now, which has handled it.
		return p.Ready()
	}
	if err := s.guard.Ready(); err != nil {
		return err // and that is why it was started again, most likely
	}
	if p != nil {
		return p.Ready()
	}
	if why := s.ended.Load(); why != nil {
		return fmt.Errorf("it ended, and is started again: %w", *why)
	}
	return errors.New("not running")
}

// steady is how long a processor must have run for its end to count as a new trouble.
const steady = time.Minute

// Run keeps the processor going until ctx ends.
func (s *supervised) Run(ctx context.Context) {
	pause := s.config.Processor.BackoffMin
	for ctx.Err() == nil {
		began, held := time.Now(), s.guard.Ready()
		err := s.once(ctx)
		if err != nil {
			s.ended.Store(&err)
		}
		if ctx.Err() != nil {
			if err != nil {
				s.engine.Logger.Error("processor stopped", "group", s.name, "error", err)
			}
			return
		}
		if time.Since(began) > steady {
			pause = s.config.Processor.BackoffMin
		}
		if now := s.guard.Ready(); now != nil && (held == nil || now.Error() != held.Error()) {
			// That is why it ended, and the guard has said so: for the other partitions' sake it
			// is started again at once.
			pause = s.config.Processor.BackoffMin
			continue
		}
		s.faults.Failed(slog.LevelError, "processor ended; it is started again", err, "group", s.name,
			"pause", pause)
		kafka.Sleep(ctx, pause)
		pause = min(2*pause, s.config.Processor.BackoffMax)
	}
}

func (s *supervised) once(ctx context.Context) error {
	if err := s.fitting.begin(ctx); err != nil {
		return err
	}
	// A record without a value is no command, but must not vanish either: it becomes a dead letter.
	p, err := exactlyonce.New(s.engine, s.graph, goka.WithNilHandling(goka.NilProcess))
	if err != nil {
		return err
	}
	s.current.Store(p)
	defer s.current.Store(nil)
	return p.Run(ctx)
}
