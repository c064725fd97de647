package worker

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/client"
	"refold/client/wire"
	"refold/console/operations"
	"refold/exactlyonce"
	"refold/installation/builds"
	"refold/kafka"
	"refold/operator"
	"refold/projections"
	"refold/projections/projector"
)

// overviewAge is how old the overview of groups may be: brokers are asked that often at most, however many
// look.
const overviewAge = 3 * time.Second

// consoleGroups tells the console of groups.
type consoleGroups struct {
	worker   *Worker
	api      *client.Client
	overview *remembered[*operations.Overview]
}

// Overview implements operations.Groups.
func (g *consoleGroups) Overview(ctx context.Context) (*operations.Overview, error) {
	return g.overview.get(ctx)
}

// watched is a group, and what the console shows of it beside what brokers know.
type watched struct {
	kind, name string
	topics     []string
}

// ask asks brokers for the groups, and other workers whether they are ready.
func (g *consoleGroups) ask(ctx context.Context) (*operations.Overview, error) {
	if err := g.worker.preparedCheck(); err != nil {
		return nil, err
	}
	overview := &operations.Overview{}
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		overview.Workers = g.workers(ctx)
		return nil
	})
	group.Go(func() (err error) {
		overview.Groups, err = g.groups(ctx)
		return err
	})
	err := group.Wait()
	overview.At = time.Now()
	return overview, err
}

func (g *consoleGroups) groups(ctx context.Context) ([]operations.Group, error) {
	all, wrong := g.watched(ctx)
	client, err := g.worker.kafka.Client()
	if err != nil {
		return nil, err
	}
	defer client.Close()
	topics := make(map[string][]string, len(all))
	for _, of := range all {
		topics[of.name] = of.topics
	}
	lags, err := operator.Lags(ctx, g.worker.kafka, client, topics)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what was asked
	}
	groups := make([]operations.Group, len(all)+len(wrong))
	copy(groups[len(all):], wrong)
	told := g.worker.toldOfPartitions()
	members, ctx := errgroup.WithContext(ctx)
	members.SetLimit(membersAtOnce)
	for i, of := range all {
		members.Go(func() error {
			groups[i] = g.group(ctx, client, of, lags[of.name], told)
			return nil
		})
	}
	_ = members.Wait() // none returns an error
	return groups, nil
}

// membersAtOnce is how many groups are asked for their members at the same time.
const membersAtOnce = 8

// watched returns the groups that this program has. Read models whose store does not answer are groups of
// which nothing is known.
func (g *consoleGroups) watched(ctx context.Context) (all []watched, wrong []operations.Group) {
	w := g.worker
	for _, p := range w.processors {
		of := watched{kind: "process", name: p.name}
		if w.coordinators[p.name] != nil {
			of.kind = "aggregate"
		}
		for _, edge := range p.graph.InputStreams() {
			of.topics = append(of.topics, edge.Topic())
		}
		if loop := p.graph.LoopStream(); loop != nil {
			of.topics = append(of.topics, loop.Topic())
		}
		all = append(all, of)
	}
	for _, s := range builds.All(w.in, w.readStores) {
		of, err := s.Store.Builds(ctx, s.Name)
		if err != nil {
			wrong = append(wrong, operations.Group{Kind: "read model", Name: s.Name, Wrong: err.Error()})
		}
		for _, b := range of {
			if b.Version == s.Version {
				name := projector.Group(w.in.Prefix(), b)
				all = append(all, watched{"read model", name, w.eventsOf(&s.Projection)})
			}
		}
	}
	return all, wrong
}

// eventsOf are the topics that a projection takes events from, those of what it looks up among them.
func (w *Worker) eventsOf(p *projections.Projection) []string {
	reads := p.Reads()
	topics := make([]string, len(reads))
	for i, a := range reads {
		topics[i] = w.in.Topics(a.Named()).Events
	}
	return topics
}

// group joins what is known of a group.
func (g *consoleGroups) group(
	ctx context.Context, client *kgo.Client, of watched, lags []operator.Lag, told toldOfPartitions,
) operations.Group {
	group := operations.Group{Kind: of.kind, Name: of.name}
	members, err := kafka.Members(ctx, kadm.NewClient(client), of.name)
	switch {
	case errors.Is(err, kafka.ErrRebalancing):
		group.Wrong = "The group is being rebalanced: its partitions move."
	case err != nil:
		group.Wrong = err.Error()
	}
	placed := placesOf(members)
	for _, lag := range lags {
		at := operations.Partition{
			Topic: lag.Topic, Number: lag.Partition, Lag: lag.Records, Oldest: lag.Oldest,
			Owner:    placed.owners[kafka.TopicPartition{Topic: lag.Topic, Partition: lag.Partition}],
			Standbys: placed.standbys[lag.Partition],
		}
		if lag.Unknown != nil {
			at.Lag, group.Wrong = -1, cmp.Or(group.Wrong, lag.Unknown.Error())
		}
		told.add(of.name, &at)
		group.Partitions = append(group.Partitions, at)
	}
	return group
}

// places are who has which partitions of a group.
type places struct {
	owners   map[kafka.TopicPartition]string
	standbys map[int32][]string
}

func placesOf(members []kafka.Member) places {
	p := places{make(map[kafka.TopicPartition]string), make(map[int32][]string)}
	for _, m := range members {
		name := memberName(m)
		for topic, partitions := range m.Partitions {
			for _, partition := range partitions {
				p.owners[kafka.TopicPartition{Topic: topic, Partition: partition}] = name
			}
		}
		follows, err := exactlyonce.Follows(m.Given)
		if err != nil {
			continue // of another version: its standbys are not known
		}
		for _, partition := range follows {
			p.standbys[partition] = append(p.standbys[partition], name)
		}
	}
	return p
}

// memberName is what people call a member by.
func memberName(m kafka.Member) string {
	var data memberData
	if json.Unmarshal(m.Data, &data) == nil && data.Worker != "" {
		return data.Worker
	}
	return m.ClientID + " at " + operator.HostOf(m.Host)
}

// toldOfPartitions is what this worker knows itself of the partitions that it has, by group and partition.
type toldOfPartitions struct {
	held    map[string][]string
	stalled map[string]time.Duration
	restore map[string]operations.Restoring // by table
}

func keyOf(group, topic string, partition int32) string {
	return group + " " + topic + "/" + strconv.Itoa(int(partition))
}

// toldOfPartitions collects it from metrics, the projector and the stores.
func (w *Worker) toldOfPartitions() toldOfPartitions {
	t := toldOfPartitions{
		make(map[string][]string), make(map[string]time.Duration), make(map[string]operations.Restoring),
	}
	const stalled = "exactlyonce_stalled_seconds"
	for _, m := range w.gauges("exactlyonce_held_partition", stalled) {
		key := m.labels["group"] + " " + m.place()
		switch {
		case m.name == stalled:
			t.stalled[key] = time.Duration(m.value * float64(time.Second))
		case m.value > 0:
			t.held[key] = append(t.held[key], m.labels["cause"])
		}
	}
	if w.projector != nil {
		for _, l := range w.projector.Lag() {
			if l.Held != nil {
				b := projections.Build{Projection: l.Projection, Number: l.Build}
				key := keyOf(projector.Group(w.in.Prefix(), b), l.Topic, l.Partition.Partition)
				t.held[key] = append(t.held[key], l.Held.Error())
			}
		}
	}
	for _, p := range w.tables.Progress() {
		if p.End > 0 {
			t.restore[keyOf("", p.Topic, p.Partition)] = operations.Restoring{
				Start: p.Start, Next: p.Next, End: p.End,
			}
		}
	}
	return t
}

// add adds what this worker knows of a partition.
func (t toldOfPartitions) add(group string, p *operations.Partition) {
	key := keyOf(group, p.Topic, p.Number)
	p.Held, p.Stalled = t.held[key], t.stalled[key]
	// A table is named after its group, as Goka does it.
	if at, going := t.restore[keyOf("", group+"-table", p.Number)]; going {
		p.Restoring = &at
	}
}

// gauge is a value of a metric of this worker.
type gauge struct {
	name   string
	labels map[string]string
	value  float64
}

// place is the partition that the value is of.
func (g gauge) place() string { return g.labels["topic"] + "/" + g.labels["partition"] }

// gauges returns the values of metrics.
func (w *Worker) gauges(names ...string) (all []gauge) {
	families, _ := w.metrics.Gather() // of a collector that fails, nothing is known
	for _, f := range families {
		if !slices.Contains(names, f.GetName()) {
			continue
		}
		for _, m := range f.GetMetric() {
			g := gauge{f.GetName(), make(map[string]string), m.GetGauge().GetValue()}
			for _, l := range m.GetLabel() {
				g.labels[l.GetName()] = l.GetValue()
			}
			all = append(all, g)
		}
	}
	return all
}

// The limits of asking other workers.
const (
	workersAtOnce = 8
	maxWorkers    = 64
	readyFor      = 2 * time.Second
)

// workers asks all workers that are known whether they are ready.
func (g *consoleGroups) workers(ctx context.Context) []operations.Worker {
	all := []operations.Worker{{Name: g.worker.in.WorkerName(), Address: g.worker.Address(), Here: true}}
	if d := g.worker.directory; d != nil {
		self := d.Self()
		all[0].Name, all[0].Address = self.Instance, self.Address
		for _, p := range d.Pods() {
			known := slices.ContainsFunc(all, func(w operations.Worker) bool { return w.Name == p.Instance })
			if !known && len(all) < maxWorkers {
				all = append(all, operations.Worker{Name: p.Instance, Address: p.Address})
			}
		}
	}
	group := new(errgroup.Group)
	group.SetLimit(workersAtOnce)
	for i := range all {
		group.Go(func() error {
			g.askReady(ctx, &all[i])
			return nil
		})
	}
	_ = group.Wait() // none returns an error
	slices.SortStableFunc(all[1:], func(a, b operations.Worker) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// askReady asks a worker what it lacks to be ready.
func (g *consoleGroups) askReady(ctx context.Context, w *operations.Worker) {
	ctx, cancel := context.WithTimeout(ctx, readyFor)
	defer cancel()
	api, err := g.api, error(nil)
	if !w.Here {
		options := client.Options{HTTP: &http.Client{Timeout: readyFor}}
		api, err = client.New([]string{"http://" + w.Address}, options)
	}
	if err == nil {
		_, err = api.Ready(ctx)
	}
	if err == nil {
		w.Ready = true
		return
	}
	lacking, err := lacks(err)
	if err != nil {
		w.Wrong = err.Error()
	}
	for _, c := range lacking {
		w.Missing = append(w.Missing, operations.Missing{Check: c.Name, Detail: c.Detail})
	}
}

// lacks returns the checks that a worker has failed which said that it is not ready, or its error if it has
// said something else.
func lacks(notReady error) ([]wire.Check, error) {
	problem, is := errors.AsType[*client.Problem](notReady)
	if !is || len(problem.Checks) == 0 {
		return nil, notReady
	}
	return slices.DeleteFunc(problem.Checks, func(c wire.Check) bool { return c.Ready }), nil
}
