package reactions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"refold/kafka"
	"refold/processors"
)

// Poison says what becomes of an event that can't be sent.
type Poison string

// The choices.
const (
	// DeadLetters sets it aside in the dead letters, and goes on.
	DeadLetters Poison = "dead-letters"
	// Stop holds its partition until the process is started again.
	Stop Poison = "stop"
)

// Options say how a reaction runs. Aggregates, Kafka and Logger are required; the zero value of any other
// field has the meaning that its comment says.
type Options struct {
	// Aggregates are those of the program.
	Aggregates []*processors.OpenAggregate
	Kafka      kafka.Settings
	// TopicPrefix is in front of the names of topics and of the group.
	TopicPrefix string
	// Version is the program's, for dead letters.
	Version string
	// Poison is DeadLetters if it is empty.
	Poison Poison
	// Fit is asked for the reaction's topics before it joins its group, and again after each fault of the
	// group. While it returns an error, the reaction stays out. Nil: nothing is asked.
	Fit func(ctx context.Context, topics ...string) error

	// Timeout limits one try. 0: 30 s.
	Timeout time.Duration
	// LeastBackoff is the pause after the first fault; it doubles up to MostBackoff. 0: 1 s, and 1 min.
	LeastBackoff, MostBackoff time.Duration
	// GiveUp is how long an event is tried before it counts as refused. 0: without an end.
	GiveUp time.Duration
	// AtOnce is how many events are sent at the same time, each of another partition. 0: 16.
	AtOnce int
	// Records is how many records of a partition wait in memory, before no more are fetched; up to twice as
	// many may be there. 0: 100.
	Records int
	// Grace is how long a try may go on when its partition moves or the process ends, before its context is
	// cancelled. It must be shorter than a third of kafka.rebalance-timeout. 0: 5 s.
	Grace time.Duration
	// UnreadyAfter is how long a fault goes on before Ready reports it. 0: 1 min.
	UnreadyAfter time.Duration

	// Metrics may be nil.
	Metrics *Metrics
	Logger  *slog.Logger
}

// validate lists what is wrong with the options.
func (o *Options) validate() error {
	var errs []error
	wrong := func(is bool, format string, args ...any) {
		if is {
			errs = append(errs, fmt.Errorf(format, args...))
		}
	}
	wrong(o.Logger == nil, "Logger is missing")
	wrong(o.Poison != DeadLetters && o.Poison != Stop, "Poison is %q; allowed are %q and %q", o.Poison,
		DeadLetters, Stop)
	for name, d := range map[string]time.Duration{
		"Timeout": o.Timeout, "LeastBackoff": o.LeastBackoff, "Grace": o.Grace,
		"UnreadyAfter": o.UnreadyAfter,
	} {
		wrong(d <= 0, "%s is %v; it must be above 0", name, d)
	}
	wrong(o.MostBackoff < o.LeastBackoff, "MostBackoff is %v; it must be at least LeastBackoff, %v",
		o.MostBackoff, o.LeastBackoff)
	wrong(o.GiveUp < 0, "GiveUp is %v; it must be at least 0", o.GiveUp)
	wrong(o.AtOnce < 1, "AtOnce is %d; it must be at least 1", o.AtOnce)
	wrong(o.Records < 1, "Records is %d; it must be at least 1", o.Records)
	third := o.Kafka.WithDefaults().RebalanceTimeout / 3
	wrong(o.Grace >= third, "Grace is %v; it must be shorter than a third of the rebalance time-out, %v",
		o.Grace, third)
	return errors.Join(errs...)
}

// complete fills in defaults.
func (o *Options) complete() {
	set := func(field *time.Duration, to time.Duration) {
		if *field == 0 {
			*field = to
		}
	}
	if o.Poison == "" {
		o.Poison = DeadLetters
	}
	set(&o.Timeout, 30*time.Second)
	set(&o.LeastBackoff, time.Second)
	set(&o.MostBackoff, max(time.Minute, o.LeastBackoff))
	set(&o.Grace, 5*time.Second)
	set(&o.UnreadyAfter, time.Minute)
	if o.AtOnce == 0 {
		o.AtOnce = 16
	}
	if o.Records == 0 {
		o.Records = 100
	}
}
