package views_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/processors"
	"refold/snapshots"
	"refold/views"
)

// lease is a session that can be lost.
type lease struct{ lost atomic.Bool }

func (l *lease) Holds() bool { return !l.lost.Load() }

// commit is what a processor's transaction has made visible.
type commit struct {
	inputs, outputs []*kgo.Record
	rows            map[string][]byte
}

func (c commit) Inputs(each func(kafka.TopicPartition, []*kgo.Record)) {
	for _, r := range c.inputs {
		each(kafka.TopicPartition{Topic: r.Topic, Partition: r.Partition}, []*kgo.Record{r})
	}
}

func (c commit) Outputs(each func(kafka.TopicPartition, []kgo.Record)) {
	for _, r := range c.outputs {
		each(kafka.TopicPartition{Topic: r.Topic, Partition: r.Partition}, []kgo.Record{*r})
	}
}

func (c commit) Rows(each func(kafka.TopicPartition, map[string][]byte)) {
	for key, value := range c.rows {
		at := kafka.TopicPartition{Topic: topics.Table, Partition: partitionOf(key)}
		each(at, map[string][]byte{key: value})
	}
}

const ownedPartitions = 3 // of newFixture's topics

func partitionOf(key string) int32 { return kafka.Partition([]byte(key), ownedPartitions) }

// keyIn returns the n-th key of a partition.
func keyIn(partition int32, n int) string {
	for i := 0; ; i++ {
		key := fmt.Sprintf("counter-%d", i)
		if partitionOf(key) != partition {
			continue
		}
		n--
		if n < 0 {
			return key
		}
	}
}

// owner is a process that owns partitions: its group table, and its views in Owned placement.
type owner struct {
	*running

	f      *fixture
	t      *testing.T
	tables *snapshots.Stores
	staged map[int32]*snapshots.Staged
	lease  *lease
	leave  func()
}

func (f *fixture) owner(t *testing.T, limits views.Limits, change ...func(*views.Options)) *owner {
	t.Helper()
	tables, err := snapshots.Open(snapshots.Options{
		Name: "tables", Dir: t.TempDir(), Kafka: f.kafka,
		Metrics:    snapshots.NewMetrics(prometheus.NewRegistry()),
		CacheBytes: 64 << 20, MaxOpenFiles: 640, Logger: slog.New(slog.DiscardHandler),
	})
	must(t, err)
	o := &owner{f: f, t: t, tables: tables, staged: map[int32]*snapshots.Staged{}, leave: func() {}}
	v, stores := f.open(t, append(change, func(options *views.Options) {
		options.Placement, options.Tables, options.Limits = views.Owned, tables, limits
		options.Partitions = func() int32 { return ownedPartitions }
	})...)
	o.running = f.started(t, v, stores)
	t.Cleanup(func() {
		o.leave()
		o.stop()
		for _, st := range o.staged {
			must(t, st.Close())
		}
		must(t, tables.Close())
	})
	return o
}

// begin gives the process partitions, and reads nothing yet.
func (o *owner) begin(partitions ...int32) {
	o.t.Helper()
	for _, p := range partitions {
		if o.staged[p] != nil {
			continue
		}
		st, err := o.tables.Staged(o.t.Context(), topics.Table, p)
		must(o.t, err)
		must(o.t, st.Open())
		o.staged[p] = st
	}
	o.Begin("counter", partitions)
}

// own lets readers in, until leave.
func (o *owner) own() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	o.lease = &lease{}
	go func() {
		defer close(done)
		o.Own(ctx, "counter", o.lease, func() {})
	}()
	o.leave = func() { cancel(); <-done; o.leave = func() {} }
}

// handle is a transaction: a command, its event, its result and its row.
func (o *owner) handle(id string, sequence int) {
	o.t.Helper()
	command := fmt.Sprintf("%s-%d", id, sequence)
	c := commit{rows: map[string][]byte{id: row(uint64(sequence))}}
	c.inputs = append(c.inputs, o.f.command(o.t, id, command))
	result, err := o.f.results.Encode(processors.Result{
		CommandType: "Add", Accepted: true,
		FirstSequence: int64(sequence), LastSequence: int64(sequence),
	})
	must(o.t, err)
	event, err := o.f.events.Encode(Added{Amount: int64(sequence)})
	must(o.t, err)
	c.outputs = append(c.outputs,
		o.f.produce(o.t, topics.Events, id, event, header(codecs.HeaderType, "Added"),
			header(codecs.HeaderSequence, fmt.Sprint(sequence)), header(codecs.HeaderID, command+"-0")),
		o.f.produce(o.t, topics.Results, id, result, header(codecs.HeaderCausationID, command)))
	st := o.staged[partitionOf(id)]
	must(o.t, st.Set(id, row(uint64(sequence))))
	st.Seal()
	at := o.f.produce(o.t, topics.Table, id, row(uint64(sequence)))
	must(o.t, st.Commit(at.Offset+1))
	o.Committed("counter", c)
}

func header(name, value string) kgo.RecordHeader {
	return kgo.RecordHeader{Key: name, Value: []byte(value)}
}

// produce writes a record and returns it with the place that it has got.
func (f *fixture) produce(
	t *testing.T, topic, key string, value []byte, headers ...kgo.RecordHeader,
) *kgo.Record {
	t.Helper()
	r := &kgo.Record{
		Topic: topic, Key: []byte(key), Value: value, Headers: headers,
		Timestamp: time.Now().Truncate(time.Millisecond),
	}
	must(t, f.client.ProduceSync(t.Context(), r).FirstErr())
	return r
}

// command writes a command.
func (f *fixture) command(t *testing.T, subject, id string) *kgo.Record {
	t.Helper()
	value, err := f.commands.Encode(Add{Amount: 1})
	must(t, err)
	return f.produce(t, topics.Commands, subject, value, header(codecs.HeaderType, "Add"),
		header(codecs.HeaderID, id))
}

// expect says that the process serves an aggregate's events up to a sequence, and what belongs to each.
func (o *owner) expect(id string, sequence int) {
	o.t.Helper()
	row, err := o.counters.WaitFor(patient(o.t), id, int64(sequence))
	if err != nil || row.Sequence != int64(sequence) {
		o.t.Errorf("%s: the row is %+v, %v", id, row, err)
	}
	page, err := o.counters.WaitEvents(patient(o.t), id,
		views.EventQuery{After: int64(sequence) - 1, Limit: 1})
	if err != nil || page.Sequence != int64(sequence) {
		o.t.Errorf("%s: the history is %+v, %v", id, page, err)
	}
	for s := 1; s <= sequence; s++ {
		key := counterCommand(id, fmt.Sprintf("%s-%d", id, s))
		command, err := o.WaitCommand(patient(o.t), key, views.Decided)
		if err != nil || command.LastSequence != int64(s) {
			o.t.Errorf("%s: %+v, %v", key.ID, command, err)
		}
	}
}

// A process answers for the partitions that it owns, from what it has committed and what Kafka has of
// before; for others it answers ErrNotHere (G10).
func TestOwned(t *testing.T) {
	f := newFixture(t)
	o := f.owner(t, views.Limits{})
	mine, others := keyIn(1, 0), keyIn(2, 0)
	if _, err := o.counters.Get(mine); !errors.Is(err, views.ErrNotHere) {
		t.Errorf("nothing is owned yet, and Get says %v", err)
	}
	o.begin(0, 1)
	o.own()
	for s := range 3 {
		o.handle(mine, s+1)
	}
	o.expect(mine, 3)
	_, err := o.counters.Get(others)
	_, ofCommand := o.Command(t.Context(), counterCommand(others, "c"))
	_, ofEvents := o.counters.Events(t.Context(), others, views.EventQuery{Limit: 1})
	for _, err := range []error{err, ofCommand, ofEvents} {
		if !errors.Is(err, views.ErrNotHere) {
			t.Errorf("a partition of another process: %v", err)
		}
	}
	page, err := o.counters.List("", 10)
	if err != nil || len(page.Rows) != 1 || page.Rows[0].ID != mine {
		t.Errorf("the list is %+v, %v", page, err)
	}
	// The next session has all three. What the last one has kept need not be read again.
	o.leave()
	o.begin(0, 1, 2)
	o.own()
	o.expect(mine, 3)
	o.handle(others, 1)
	o.expect(others, 1)
}

// Nothing is missed, and nothing comes twice, whether a transaction commits before, while or after the
// copies are restored, and however little may wait meanwhile (G3).
func TestOwned_restoreAndCommitsCross(t *testing.T) {
	for name, limits := range map[string]views.Limits{
		"all of it waits": {},
		"one byte waits":  {QueueBytes: 1, RestartPauseMin: time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			o := f.owner(t, limits)
			id, sequence := keyIn(0, 0), 0
			for session := range 4 {
				o.begin(0)
				for range 3 + session {
					sequence++
					o.handle(id, sequence)
				}
				o.own()
				sequence++
				o.handle(id, sequence)
				o.expect(id, sequence)
				o.leave()
			}
		})
	}
}

// A process that can't be certain that it still owns a partition says so. It does not answer with what
// was true before another process took it over (G10).
func TestOwned_leaseLost(t *testing.T) {
	f := newFixture(t)
	o := f.owner(t, views.Limits{MoveWait: time.Millisecond})
	id := keyIn(0, 0)
	o.begin(0)
	o.own()
	o.handle(id, 1)
	eventually(t, func() bool {
		_, err := o.Command(t.Context(), counterCommand(id, id+"-1"))
		_, ofEvents := o.counters.Events(t.Context(), id, views.EventQuery{Limit: 1})
		return err == nil && ofEvents == nil
	})
	o.expect(id, 1)
	o.lease.lost.Store(true)
	key := counterCommand(id, id+"-1")
	for name, read := range map[string]func() error{
		"Get":       func() error { _, err := o.counters.Get(id); return err },
		"WaitFor":   func() error { _, err := o.counters.WaitFor(patient(t), id, 1); return err },
		"List":      func() error { _, err := o.counters.List("", 1); return err },
		"Command":   func() error { _, err := o.Command(t.Context(), key); return err },
		"CommandOf": func() error { _, err := o.CommandsOf(t.Context(), key.ID); return err },
		"Events": func() error {
			_, err := o.counters.Events(t.Context(), id, views.EventQuery{Limit: 1})
			return err
		},
	} {
		if err := read(); !errors.Is(err, views.ErrNotHere) {
			t.Errorf("%s: %v", name, err)
		}
	}
	o.lease.lost.Store(false)
	o.expect(id, 1)
}

// A wait outlives the pause between two sessions of the process: a session ends when the group changes, and
// mostly gives back what it took.
func TestOwned_waitOutlivesASession(t *testing.T) {
	f := newFixture(t)
	o := f.owner(t, views.Limits{MoveWait: time.Minute})
	id := keyIn(0, 0)
	o.begin(0)
	o.own()
	o.handle(id, 1)
	o.expect(id, 1)
	o.leave()
	done := make(chan error, 1)
	go func() {
		_, err := o.WaitCommand(patient(t), counterCommand(id, id+"-2"), views.Decided)
		done <- err
	}()
	o.begin(0)
	o.own()
	o.handle(id, 2)
	must(t, <-done)
}

// A command that has not been handled is found where it waits, and one that nobody has sent is not.
func TestOwned_pendingCommands(t *testing.T) {
	f := newFixture(t)
	o := f.owner(t, views.Limits{})
	id := keyIn(0, 0)
	o.begin(0)
	o.own()
	o.handle(id, 1)
	o.expect(id, 1)
	f.command(t, id, "waits")
	command, err := o.WaitCommand(patient(t), counterCommand(id, "waits"), views.Pending)
	if err != nil || command.Status != views.Pending || command.Type != "Add" {
		t.Errorf("%+v, %v", command, err)
	}
	found, err := o.WaitCommandsOf(patient(t), "waits")
	if err != nil || len(found.Commands) != 1 || found.Commands[0].Subject != id {
		t.Errorf("%+v, %v", found, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	command, err = o.WaitCommand(ended, counterCommand(id, "nobody's"), views.Pending)
	if !errors.Is(err, views.ErrNotYet) || command.Status != views.Unknown {
		t.Errorf("%+v, %v", command, err)
	}
}

// What somebody else writes to an owned partition is no commit of this process. It is read from Kafka
// when the copy is found to lack it.
func TestOwned_foreignRecord(t *testing.T) {
	f := newFixture(t)
	o := f.owner(t, views.Limits{StallAfter: 100 * time.Millisecond, RestartPauseMin: time.Millisecond})
	id := keyIn(0, 0)
	o.begin(0)
	o.own()
	o.handle(id, 1)
	o.expect(id, 1)
	f.writeResult(t, id, "foreign", processors.Result{CommandType: "Add", Accepted: true, LastSequence: 9})
	command, err := o.WaitCommand(patient(t), counterCommand(id, "foreign"), views.Decided)
	if err != nil || command.LastSequence != 9 {
		t.Errorf("%+v, %v", command, err)
	}
}
