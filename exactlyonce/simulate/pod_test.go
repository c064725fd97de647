package simulate_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"reflect"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"refold/codecs"
	"refold/codecs/avrojson"
	"refold/codecs/jsonvalue"
	"refold/eventsourcing"
	"refold/exactlyonce"
	"refold/kafka"
	"refold/owners"
	"refold/processors"
	"refold/snapshots"
	"refold/snapshots/standby"
	"refold/views"
	"refold/views/httpapi"
)

// The read side of a process, of the same parts as a worker's: the directory of owners, the read side of the
// partitions that it owns, standbys of others, and the HTTP API, which forwards. Package worker joins them in
// the same way.

const (
	aggregate   = "chain"
	ownersTopic = "owners"
)

// pod is the read side of a process.
type pod struct {
	process   *process
	instance  string
	tables    *snapshots.Stores // the engine's
	copies    *snapshots.Stores
	views     *views.Views
	directory *owners.Directory
	standbys  *standby.Standbys // nil: the schedule has none
	server    *httpapi.Server
}

// address is where other pods reach the pod of a worker.
func address(worker int) string { return fmt.Sprintf("pod-%d:80", worker) }

// newPod opens what is local. Its requests to brokers are not the schedule's, which counts those of the
// engine: they have a wire of their own.
func (p *process) newPod(tables *snapshots.Stores) (o *pod, err error) {
	settings := p.of.settings(fmt.Sprint("pod-", p.of.index))
	settings.Dial = p.aside.Dial
	logger := p.of.logger.With("pod", p.of.index, "life", p.life)
	o = &pod{process: p, instance: fmt.Sprint("pod-", p.of.index), tables: tables}
	if p.of.plan.ownID {
		o.instance = fmt.Sprint(o.instance, "-", p.life)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	o.copies, err = snapshots.OpenOn(p.files, snapshots.Options{
		Name: "views", Dir: path.Join(p.dir, "views"), Kafka: settings, CacheBytes: 1 << 20,
		MaxOpenFiles: 640, MemTableBytes: 256 << 10, FlushInterval: flushInterval, Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	registry := prometheus.NewRegistry()
	o.views, err = views.Open(views.Options{
		Kafka: settings, Stores: o.copies, Placement: views.Owned, Tables: tables,
		Partitions: func() int32 { return p.of.partitions },
		Metrics:    views.NewMetrics(registry), Logger: logger,
		Aggregates: []views.Description{{
			Name: aggregate, Plural: aggregate + "s",
			Topics:   processors.Topics{Commands: in, Events: out, Table: table, Group: group},
			Commands: new(codecs.Set), Events: new(codecs.Set), Row: readRow,
			NoResults: true, NoHistory: !p.of.refolds(), NoTraces: true,
		}},
	})
	if err != nil {
		return nil, err
	}
	o.directory, err = owners.New(owners.Options{
		Kafka: settings, Topic: owners.Topic("", 1), Instance: o.instance,
		Address: address(p.of.index), Logger: logger,
	})
	if err != nil {
		return nil, err
	}
	if p.of.standbys {
		o.standbys, err = standby.New(standby.Options{
			Kafka: settings, FetchBytes: 64 << 10, PauseMax: time.Second, Logger: logger,
			// Restores that ask at the same time whether the topics fit wait for a mutex, on which time in
			// the bubble can't wait.
			Restores: 1,
		})
		if err != nil {
			return nil, err
		}
	}
	o.server, err = o.newServer(registry, logger)
	return o, err
}

// newServer makes the API. Where rows are deleted, outputs are counted from one again, and have no histories.
func (o *pod) newServer(registry *prometheus.Registry, logger *slog.Logger) (*httpapi.Server, error) {
	rows := o.views.Aggregate(aggregate)
	resource := httpapi.Resource{
		Name: aggregate, Plural: aggregate + "s", Rows: servedRows{rows, o.process},
		Sender: noCommands{}, Commands: noCommands{}, State: reflect.TypeFor[state](),
	}
	if o.process.of.refolds() {
		resource.Events = rows
	}
	return httpapi.NewServer(httpapi.Options{
		Resources: []httpapi.Resource{resource}, Commands: o.views,
		Placement: placed{o}, Instance: o.instance, Peers: peers{o.process},
		Gatherer: registry, Registerer: registry, Logger: logger,
	})
}

// attend joins the read side and the engine.
func (o *pod) attend(config *exactlyonce.Config) {
	var following *watchedFollower
	if o.standbys != nil {
		following = &watchedFollower{Follower: o.follower(config.Fit)}
		config.Follower = following
		config.ProbingInterval = probingInterval
		config.AcceptableLag = acceptableLag
	}
	config.Prepare = func(_ context.Context, partitions []int32) error {
		o.process.of.tookOver(following.had(partitions))
		o.views.Begin(aggregate, partitions)
		return nil
	}
	config.Committed = func(c exactlyonce.Commit) { o.views.Committed(aggregate, c) }
	background := config.Background
	config.Background = func(ctx context.Context, s exactlyonce.Session) {
		var own sync.WaitGroup
		own.Go(func() {
			o.views.Own(ctx, aggregate, s, func() {
				o.directory.Hold(group, s.Generation(), s.Partitions())
			})
			o.directory.Hold(group, s.Generation(), nil)
		})
		background(ctx, s)
		own.Wait()
	}
}

// probingInterval and acceptableLag let partitions that were warmed up move within a schedule.
const (
	probingInterval = 3 * time.Second
	acceptableLag   = 20
)

// follower follows partitions of other workers: the table, and the read side.
func (o *pod) follower(
	fit func(context.Context, []int32) (map[int32]error, error),
) exactlyonce.Follower {
	next := func(stores *snapshots.Stores, topic string) func(int32) (int64, error) {
		return func(partition int32) (int64, error) { return stores.Next(topic, partition) }
	}
	topics := []standby.Topic{{
		Name: table, Next: next(o.tables, table),
		Open: func(ctx context.Context, partition int32) (standby.Copy, error) {
			return o.tables.Follower(ctx, table, partition, snapshots.Projection{})
		},
	}}
	for _, c := range o.views.Copies(aggregate) {
		topics = append(topics, standby.Topic{
			Name: c.Topic, Next: next(o.copies, c.Topic),
			Open: func(ctx context.Context, partition int32) (standby.Copy, error) {
				return c.Open(ctx, partition)
			},
		})
	}
	return o.standbys.Group(standby.GroupOptions{
		Name: group, Topics: topics, Partitions: func() int32 { return o.process.of.partitions }, Fit: fit,
	})
}

// watchedFollower notes which partitions were followed when a session began.
type watchedFollower struct {
	exactlyonce.Follower

	mu           sync.Mutex
	before, last map[int32]bool
}

func (w *watchedFollower) Follow(partitions []int32) {
	w.mu.Lock()
	w.before, w.last = w.last, make(map[int32]bool)
	for p := range w.before {
		w.before[p] = w.Lag(p) >= 0
	}
	for _, p := range partitions {
		w.last[p] = true
	}
	w.mu.Unlock()
	w.Follower.Follow(partitions)
}

// had returns how many of the partitions were followed before the session, and restored.
func (w *watchedFollower) had(partitions []int32) (n int) {
	if w == nil {
		return 0
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, p := range partitions {
		if w.before[p] {
			n++
		}
	}
	return n
}

func (s *simulation) tookOver(partitions int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads.takenOver += partitions
}

// close ends what newPod has begun, when the engine has ended.
func (o *pod) close() error {
	if o.views != nil {
		o.views.End(aggregate) // of a session that was prepared and never ran
	}
	if o.standbys != nil {
		o.standbys.Close()
	}
	if o.copies != nil {
		return o.copies.Close()
	}
	return nil
}

// placed is where partitions are, by the pod's own session and by the directory, as package worker has it.
type placed struct{ *pod }

func (p placed) Partitions(string) int32 { return p.process.of.partitions }

func (p placed) Here(of string, partition int32) uint64 { return p.views.Serving(of, partition) }

func (p placed) Owner(of string, partition int32) (httpapi.Place, bool) {
	known, is := p.directory.Owner(group, partition)
	here := p.Here(of, partition) != 0
	if here && !known.Here {
		known = p.directory.Self()
	}
	return httpapi.Place{
		Instance: known.Instance, Address: known.Address, Since: known.Since, Here: known.Here,
	}, here || is && !known.Here
}

func (p placed) Misled(_ string, partition int32, told httpapi.Place) {
	p.directory.Misled(group, partition, owners.Pod{Instance: told.Instance, Since: told.Since})
}

// state is a row as readers get it.
type state struct {
	Row string `json:"row"`
}

func readRow(row []byte) (sequence int64, shown any, err error) {
	sequence, err = chain{}.Sequence(row)
	return sequence, state{string(row)}, err
}

// servedRows are the rows that a pod answers with.
type servedRows struct {
	httpapi.Rows

	process *process
}

func (s servedRows) Get(id string) (views.Row, error) {
	row, err := s.Rows.Get(id)
	s.process.answers(id, err)
	return row, err
}

func (s servedRows) WaitFor(ctx context.Context, id string, atLeast int64) (views.Row, error) {
	row, err := s.Rows.WaitFor(ctx, id, atLeast)
	s.process.answers(id, err)
	return row, err
}

// answers checks that a process whose lease is over answers nothing, by what went over its wire.
func (p *process) answers(key string, err error) {
	if !watchLeases || err != nil && !errors.Is(err, views.ErrNotFound) {
		return
	}
	p.mu.Lock()
	late := time.Since(p.lease)
	p.mu.Unlock()
	if late > 0 {
		p.of.breach("worker %d answers for %s, in partition %d, %v after its lease", p.of.index, key,
			kafka.Partition([]byte(key), p.of.partitions), late)
	}
}

// noCommands stands for the commands, which the simulation does not send by HTTP.
type noCommands struct{}

var errNoCommands = errors.New("the simulation sends no commands")

func (noCommands) Types() []string        { return nil }
func (noCommands) WrittenType(any) string { return "" }
func (noCommands) FromText(string, jsonvalue.Text) (string, any, error) {
	return "", nil, errNoCommands
}
func (noCommands) Send(context.Context, eventsourcing.Envelope[any]) error { return errNoCommands }
func (noCommands) Differs(eventsourcing.Envelope[any]) (bool, error)       { return false, errNoCommands }

func (noCommands) DescribeJSON(
	string, func(string, *avrojson.Schema) string,
) *avrojson.Schema {
	return nil
}
