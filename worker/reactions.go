package worker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"refold/installation"
	"refold/inventory"
	"refold/processors"
	"refold/reactions"
	"refold/views/httpapi"
)

// openReactions makes the reactions that run in this worker.
func (w *Worker) openReactions() (err error) {
	if !w.config.Reactions.Run {
		return nil
	}
	w.reactions, err = NewReactions(ReactionsOptions{
		Installation: w.in, Aggregates: w.opened.Aggregates, Inventory: w.inventory,
		Metrics: w.metrics, Logger: w.logger,
	})
	if errors.Is(err, ErrNoReactions) {
		return nil
	}
	return err
}

func (w *Worker) reactionChecks() []httpapi.Check {
	if w.reactions == nil {
		return nil
	}
	return []httpapi.Check{{Name: "reactions", Ready: w.reactions.Ready}}
}

// Reactions are reactions that run in this process, each as a member of its own group.
type Reactions struct{ runners []*reactions.Runner }

// ReactionsOptions are what [NewReactions] makes reactions of.
type ReactionsOptions struct {
	Installation *installation.Installation
	Aggregates   []*processors.OpenAggregate
	// Inventory knows which topics are lost: a reaction does not read a topic that was made again under its
	// name.
	Inventory *inventory.Catalog
	// Only are the names of the reactions that run; none: all.
	Only    []string
	Metrics prometheus.Registerer
	Logger  *slog.Logger
}

// ErrNoReactions says that there is nothing to run: the program has no reactions, or reactions.only names
// others.
var ErrNoReactions = errors.New("the program has no reactions that are to run")

// NewReactions returns the reactions of an installation, as a worker runs them, for a program that runs them
// alone. The error may be ErrNoReactions.
func NewReactions(o ReactionsOptions) (*Reactions, error) {
	chosen, err := o.chosen()
	if err != nil {
		return nil, err
	}
	if len(chosen) == 0 {
		return nil, ErrNoReactions
	}
	all, options := &Reactions{}, o.options()
	for _, r := range chosen {
		runner, err := reactions.New(r, options)
		if err != nil {
			return nil, err //nolint:wrapcheck // it names the reaction
		}
		all.runners = append(all.runners, runner)
	}
	return all, nil
}

// chosen are the reactions that run.
func (o *ReactionsOptions) chosen() (all []reactions.Reaction, err error) {
	only, named := o.Installation.Config.Reactions.Only, make(map[string]bool)
	for _, r := range o.Installation.Reactions() {
		named[r.Name] = true
		if isIn(only, r.Name) && isIn(o.Only, r.Name) {
			all = append(all, r)
		}
	}
	for where, names := range map[string][]string{"reactions.only": only, "the arguments": o.Only} {
		for _, name := range names {
			if !named[name] {
				err = errors.Join(err, fmt.Errorf("%s has %q, but the program has no reaction of that name",
					where, name))
			}
		}
	}
	return all, err
}

// isIn reports whether a name is among those that are chosen; none: all are.
func isIn(chosen []string, name string) bool {
	return len(chosen) == 0 || slices.Contains(chosen, name)
}

// options are those of all reactions.
func (o *ReactionsOptions) options() reactions.Options {
	c := o.Installation.Config.Reactions
	options := reactions.Options{
		Aggregates: o.Aggregates, Kafka: o.Installation.Kafka(o.Logger), TopicPrefix: o.Installation.Prefix(),
		Version: o.Installation.Version, Poison: reactions.Poison(c.Poison), Fit: o.fit,
		Timeout: c.Timeout, LeastBackoff: c.LeastBackoff, MostBackoff: c.MostBackoff, GiveUp: c.GiveUp,
		AtOnce: c.AtOnce, Records: c.Records, Grace: c.Grace, UnreadyAfter: c.UnreadyAfter,
		Metrics: reactions.NewMetrics(o.Metrics), Logger: o.Logger,
	}
	if c.UnreadyAfter == 0 {
		options.UnreadyAfter = math.MaxInt64 // never
	}
	return options
}

// fit returns an error while topics are lost, and looks whether somebody has adopted them.
func (o *ReactionsOptions) fit(ctx context.Context, topics ...string) error {
	if len(o.Inventory.Known()) > 0 {
		if err := o.Inventory.Check(ctx, topics...); !isLost(err) {
			return err
		}
	}
	if _, _, err := o.Inventory.Settle(ctx); err != nil {
		return err
	}
	return o.Inventory.Check(ctx, topics...)
}

// Run runs the reactions until ctx ends. Then tries that are under way may go on for reactions.grace, and
// what was sent is committed.
func (r *Reactions) Run(ctx context.Context) error {
	errs := make([]error, len(r.runners))
	var group sync.WaitGroup
	for i, runner := range r.runners {
		group.Go(func() { errs[i] = runner.Run(ctx) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// Ready returns nil, or which reactions don't send events, and why.
func (r *Reactions) Ready() error {
	errs := make([]error, len(r.runners))
	for i, runner := range r.runners {
		errs[i] = runner.Ready()
	}
	return errors.Join(errs...)
}
