package projector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/kafka"
	"refold/processors"
	"refold/projections"
)

// Projector runs the projections of a program: every build of their versions. Make it with [New].
type Projector struct {
	*shared
	projections []*runner
	health      *health

	mu    sync.Mutex
	known map[projections.Partition]int64 // ends of events topics
}

// shared is what all builds have in common.
type shared struct {
	options  Options
	settings kafka.Settings
	// client asks for offsets, reads tables and writes dead letters.
	client      *kgo.Client
	deadLetters string
	letterBytes int
	logger      *slog.Logger
	metrics     *metrics
	pace        pace
	// takingOver is held while a build takes over: of two versions that are level at the same time, the one
	// that is last must see that the other is live.
	takingOver sync.Mutex
}

// New returns a projector. It connects to nothing yet. The error lists all that is wrong with the options.
func New(o Options) (*Projector, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	s := &shared{
		options: o, settings: o.Kafka, deadLetters: processors.DeadLetters(o.Prefix),
		letterBytes: processors.LetterBytes(o.Kafka.RecordBytes), logger: o.Logger,
	}
	s.settings.LargerRecordBytes = maps.Clone(s.settings.LargerRecordBytes)
	if s.settings.LargerRecordBytes == nil {
		s.settings.LargerRecordBytes = make(map[string]int)
	}
	s.settings.LargerRecordBytes[s.deadLetters] = s.letterBytes
	p := &Projector{shared: s, health: newHealth("all", o.Logger)}
	for i := range o.Projections {
		p.projections = append(p.projections, newRunner(s, &o.Projections[i]))
	}
	s.metrics = newMetrics(o.Metrics, p.standing)
	return p, nil
}

// Run runs until ctx ends, which is no error. It is called once. An error says that a store can't keep a
// projection, whatever is tried.
func (p *Projector) Run(ctx context.Context) error {
	client, err := p.settings.Client()
	if err != nil {
		return fmt.Errorf("projector: %w", err)
	}
	defer client.Close()
	p.client = client
	group, ctx := errgroup.WithContext(ctx)
	for _, one := range p.projections {
		group.Go(func() error { return one.run(ctx) })
	}
	group.Go(func() error {
		p.watchEnds(ctx)
		return nil
	})
	return group.Wait() //nolint:wrapcheck // run says which projection
}

// Ready returns nil, or an error that says what is wrong: a fault has lasted for Options.StallAfter, such as
// a store that is away; a partition is held; or the lag of the live build is beyond Options.ReadyLag. It
// waits for nothing.
func (p *Projector) Ready() error {
	errs := []error{p.health.lasting(p.options.StallAfter)}
	for _, one := range p.projections {
		errs = append(errs, one.health.lasting(p.options.StallAfter))
		for _, m := range one.members() {
			errs = append(errs, m.health.lasting(p.options.StallAfter))
		}
	}
	for _, l := range p.Lag() {
		name := projections.Build{Projection: l.Projection, Number: l.Build}.Name()
		switch {
		case l.Held != nil:
			errs = append(errs, fmt.Errorf("projection %s: %w", name, l.Held))
		case p.options.ReadyLag > 0 && l.Age > p.options.ReadyLag && l.Status == projections.Live:
			errs = append(errs, fmt.Errorf("projection %s: %s/%d is %s behind; %s are allowed", name, l.Topic,
				l.Partition.Partition, l.Age.Round(time.Second), p.options.ReadyLag))
		}
	}
	return errors.Join(errs...)
}
