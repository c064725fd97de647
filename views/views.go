package views

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/fold"
	"refold/kafka"
	"refold/processors"
	"refold/snapshots"
	"refold/views/history"
)

// Description describes an aggregate to the read side. It is all that this package knows of it.
type Description struct {
	Name   string // "account"
	Plural string // "accounts"
	Topics processors.Topics
	// Commands encodes the commands that are sent, Results decodes their results
	// (processors.NewResultSet), Events shows events.
	Commands, Results, Events *codecs.Set
	// Row reads a row of the table topic: its sequence, and the state as it is shown, which
	// encoding/json can encode. It must be safe for concurrent use.
	Row func(value []byte) (sequence int64, state any, err error)
	// NoResults, NoHistory and NoTraces say what is not kept of the aggregate. Topics that nothing needs
	// then are not followed. Without results a command stays Pending, and waiting for more is in vain;
	// without a history Events and At answer ErrNoHistory; without traces the aggregate's messages are in
	// none. Results may be nil without results.
	NoResults, NoHistory, NoTraces bool
	// ResultsRetention is how long the results topic keeps its records; 0: for at least
	// Options.TraceRetention. If it is less, traces need a row of their own for each event, because they
	// can't find an event by its command's result.
	ResultsRetention time.Duration
	// Fold is behind Aggregate.At, which answers ErrNoHistory if it is nil. Row reads its states, encoded.
	Fold fold.StateFold
	// Refolded names the last refold of a partition of the table; nil: there are none. What At has folded
	// before is folded anew then: its fold may have been mended under the same version. It must be safe
	// for concurrent use.
	Refolded func(partition int32) string
}

// Options says what views are made of.
type Options struct {
	Kafka kafka.Settings
	// Stores holds the local copies. It must not be shared with a processor: both would keep the
	// table topic's partitions, for different ends.
	Stores     *snapshots.Stores
	Aggregates []Description
	// NoHistory leaves out the aggregates' histories: Events answers ErrNoHistory.
	NoHistory bool
	// TraceRetention is how long messages are kept for traces, by their timestamps; 0: there are no
	// traces, Trace answers ErrNoTraces.
	TraceRetention time.Duration
	// DeadLetters is the topic of dead letters, for traces; empty: they have none.
	DeadLetters string
	// Placement says which partitions are kept here. Owned needs Tables, the stores of the group tables, and
	// Partitions, the number of partitions that the topics of aggregates have, once it is known.
	Placement  Placement
	Tables     *snapshots.Stores
	Partitions func() int32
	// Off is for a process that only processes: all readers and senders get ErrOff. Run isn't called.
	Off     bool
	Limits  Limits
	Metrics *Metrics
	Logger  *slog.Logger
}

// Views is the read side of a process. Its methods are safe for concurrent use.
type Views struct {
	options    Options
	aggregates []*Aggregate
	lives      []*live
	traced     []*traced
	waiters    *waiters
	sender     *sender
	rebuilds   *rebuilds
	client     atomic.Pointer[kgo.Client] // of Run; nil before and after
}

// Open checks the options and prepares the views; it reads nothing yet, see Run.
func Open(options Options) (*Views, error) {
	options.Limits = options.Limits.WithDefaults()
	if err := options.validate(); err != nil {
		return nil, err
	}
	patience := time.Duration(0)
	if options.Placement == Owned {
		patience = options.Limits.MoveWait
	}
	v := &Views{
		options:  options,
		waiters:  newWaiters(options.Limits.Waiters, patience),
		sender:   newSender(&options),
		rebuilds: newRebuilds(),
	}
	for _, d := range options.Aggregates {
		v.aggregates = append(v.aggregates, v.newAggregate(d))
	}
	if options.TraceRetention > 0 && options.DeadLetters != "" {
		v.newTraced(KindDeadLetter, nil, options.DeadLetters, nobody)
	}
	options.Metrics.attach(v)
	return v, nil
}

func (v *Views) newAggregate(d Description) *Aggregate {
	bySubject := func(r *kgo.Record) (waitKey, bool) {
		return waitKey{topic: r.Topic, subject: string(r.Key)}, true
	}
	byCommand := func(name string) func(r *kgo.Record) (waitKey, bool) {
		return func(r *kgo.Record) (waitKey, bool) {
			id := header(r, name)
			return waitKey{r.Topic, string(r.Key), id}, id != ""
		}
	}
	a := &Aggregate{
		description: d, limits: v.options.Limits, waiters: v.waiters, sender: v.sender,
		table: v.newLive(d.Plural+"-table", d.Topics.Table, bySubject),
	}
	if !d.NoResults {
		a.results = v.newTraced(KindResult, &d, d.Topics.Results, byCommand(codecs.HeaderCausationID),
			project(KindResult))
	}
	a.commands = v.newTraced(KindCommand, &d, d.Topics.Commands, byCommand(codecs.HeaderID),
		project(KindCommand))
	for _, l := range a.lookups() {
		l.forgets = append(l.forgets, newSweep(v.options.Limits, v.wantedByTraces(l)))
	}
	var traces *live
	switch {
	case !v.options.NoHistory && !d.NoHistory:
		a.events = v.newTraced(KindEvent, &d, d.Topics.Events, bySubject, history.Projection)
	case v.options.TraceRetention > 0 && !d.NoTraces:
		traces = v.newTraced(KindEvent, &d, d.Topics.Events, nobody)
	}
	if v.options.Placement == Owned && !v.options.Off {
		a.holding = newHolding(a.table, a.commands, a.results, a.events, traces)
	}
	return a
}

// wantedByTraces returns a function that reports whether a trace needs an entry of an index: as a message,
// or for the events that it names. These may be a little younger than their result.
func (v *Views) wantedByTraces(l *live) func(*entry) bool {
	for _, t := range v.traced {
		if t.live == l {
			return func(e *entry) bool {
				return e.plain && time.Since(e.time)-t.retention/periods <= t.retention
			}
		}
	}
	return func(*entry) bool { return false }
}

// nobody says that no reader waits for what a record changes.
func nobody(*kgo.Record) (waitKey, bool) { return waitKey{}, false }

// newTraced is newLive of a topic that traces are made of, if there are any. d describes the
// topic's aggregate, if it is one's.
func (v *Views) newTraced(kind Kind, d *Description, topic string,
	changed func(r *kgo.Record) (waitKey, bool), projections ...snapshots.Projection,
) *live {
	name := kind.String() + "s" // dead-letters
	if d != nil {
		name = d.Name + "-" + name
	}
	retention := v.options.TraceRetention
	if retention == 0 || d != nil && d.NoTraces {
		return v.newLive(name, topic, changed, projections...)
	}
	t := &traced{kind: kind, retention: retention}
	if d != nil {
		t.aggregate, t.results = d.Name, d.Results
		t.byResult = kind == KindEvent && len(projections) > 0 && !d.NoResults &&
			(d.ResultsRetention == 0 || d.ResultsRetention >= retention)
	}
	t.live = v.newLive(name, topic, changed, append(projections, t.projection())...)
	t.forgets = append(t.forgets, forgetPeriods{t})
	v.traced = append(v.traced, t)
	return t.live
}

func (v *Views) newLive(name, topic string, changed func(r *kgo.Record) (waitKey, bool),
	projections ...snapshots.Projection,
) *live {
	o := v.options
	l := &live{
		name: name, topic: topic, kafka: o.Kafka, client: &v.client, metrics: o.Metrics, limits: o.Limits,
		logger: o.Logger.With("view", topic), waiters: v.waiters, off: o.Off,
		project: joined(projections...), changed: changed,
		open: func(ctx context.Context, topic string, partition int32,
			project snapshots.Projection,
		) (copied, error) {
			return o.Stores.Follower(ctx, topic, partition, project)
		},
	}
	v.lives = append(v.lives, l)
	return l
}

// Run restores the views and keeps them up to date until ctx ends. It returns when everything has
// stopped, nil if Options.Kafka is right: what fails meanwhile is restarted and shows in Ready and the log.
// It must be called once.
func (v *Views) Run(ctx context.Context) error {
	var group sync.WaitGroup
	client, err := v.options.Kafka.Client()
	if err != nil {
		return fmt.Errorf("views: %w", err)
	}
	defer client.Close()
	v.client.Store(client)
	defer v.client.Store(nil)
	for _, l := range v.lives {
		if l.holding == nil {
			group.Go(func() { l.run(ctx) })
		}
		if l.watched() {
			group.Go(func() { l.runWatch(ctx, client) })
		}
		if len(l.forgets) > 0 {
			group.Go(func() { l.runForget(ctx) })
		}
	}
	group.Go(func() { v.sender.run(ctx) })
	group.Go(func() { v.runRebuilds(ctx) })
	group.Wait()
	return nil
}

// Ready returns nil if all views are restored and live and commands can be sent; or what is
// missing, view by view, as an ErrNotReady.
func (v *Views) Ready() error {
	if v.options.Off {
		return ErrOff
	}
	var missing []string
	for _, l := range v.lives {
		if err := l.ready(); err != nil {
			missing = append(missing, err.Error())
		}
	}
	if err := v.sender.ready(); err != nil {
		missing = append(missing, err.Error())
	}
	if len(missing) > 0 {
		return notReady(strings.Join(missing, "; "))
	}
	return nil
}

// Aggregate returns the reader of an aggregate, by its description's Name; nil if there is none.
func (v *Views) Aggregate(name string) *Aggregate {
	for _, a := range v.aggregates {
		if a.description.Name == name {
			return a
		}
	}
	return nil
}

func (o *Options) validate() error {
	var errs []error
	if o.Stores == nil || o.Metrics == nil || o.Logger == nil {
		errs = append(errs, errors.New("views: Options.Stores, Metrics and Logger must be set"))
	}
	if o.Placement == Owned && !o.Off && (o.Tables == nil || o.Partitions == nil) {
		errs = append(errs, errors.New(
			"views: Options.Tables and Partitions must be set for Owned placement"))
	}
	if o.TraceRetention < 0 {
		errs = append(errs, fmt.Errorf("views: Options.TraceRetention is %v", o.TraceRetention))
	}
	errs = append(errs, o.Limits.validate())
	seen := make(map[string]bool)
	for i, d := range o.Aggregates {
		switch {
		case d.Name == "", d.Plural == "", seen[d.Name]:
			errs = append(errs, fmt.Errorf(
				"views: Options.Aggregates[%d]: Name %q and Plural %q must be set, Name only once",
				i, d.Name, d.Plural))
		case d.Topics == processors.Topics{}, d.Commands == nil, d.Results == nil && !d.NoResults,
			d.Events == nil, d.Row == nil:
			errs = append(errs, fmt.Errorf("views: Options.Aggregates[%d] (%s): Topics, Commands, "+
				"Results, Events and Row must be set", i, d.Name))
		}
		seen[d.Name] = true
	}
	return errors.Join(errs...)
}

// joined files records in several ways at once, each of which has keys of its own. None keeps
// records as they are.
func joined(projections ...snapshots.Projection) snapshots.Projection {
	if len(projections) == 0 {
		return snapshots.Projection{}
	}
	var versions []string
	for _, p := range projections {
		versions = append(versions, p.Version)
	}
	return snapshots.Projection{
		Version: strings.Join(versions, ", "),
		File: func(w snapshots.Writer, r *kgo.Record) error {
			for _, p := range projections {
				if err := p.File(w, r); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
