package refold_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/kafka"
	"refold/kafka/local"
	"refold/snapshots/rebuild/refold"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m,
		goleak.IgnoreTopFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"),
		goleak.IgnoreTopFunction("github.com/cockroachdb/swiss.(*Map).fini"))
}

// patience is how long tests wait for what should happen in a moment.
const patience = 30 * time.Second

// sums is a fold whose state is the sum and the latest of the numbers that its events add. A row is
// "sequence sum latest ring".
type sums struct{ faults int }

type sum struct{ sequence, total, latest int64 }

// coded is an error about an event.
type coded string

func (c coded) Error() string { return "bad event: " + string(c) }
func (c coded) Code() string  { return string(c) }

func (*sums) Version() int { return 1 }

func (*sums) Headers() []string { return nil }

func (f *sums) Decode(event *kgo.Record) (any, error) {
	if f.faults > 0 {
		f.faults--
		return nil, errors.New("the registry is away")
	}
	sequence, err := strconv.ParseInt(string(event.Headers[0].Value), 10, 64)
	if err != nil {
		return nil, coded("bad-header")
	}
	n, err := strconv.ParseInt(string(event.Value), 10, 64)
	if err != nil {
		return nil, coded("undecodable")
	}
	return sum{sequence: sequence, latest: n}, nil
}

func (*sums) Apply(state, event any) (any, error) {
	s, _ := state.(sum)
	e, _ := event.(sum)
	if e.sequence != s.sequence+1 {
		return nil, coded("sequence-gap")
	}
	return sum{e.sequence, s.total + e.latest, e.latest}, nil
}

func (f *sums) EncodeState(state any) ([]byte, error)    { return f.RowWith(state, nil) }
func (*sums) Row(state any, live []byte) ([]byte, error) { return rowOf(state, ringOf(live)), nil }
func (*sums) RowWith(state any, ring []byte) ([]byte, error) {
	return rowOf(state, string(ring)), nil
}

func (*sums) DecodeState(b []byte) (any, error) {
	s, _, err := parse(b)
	return s, err
}

func (*sums) Sequence(row []byte) (int64, error) {
	s, _, err := parse(row)
	return s.sequence, err
}

func (*sums) Equal(state any, row []byte) (bool, error) {
	s, _, err := parse(row)
	return s == state, err
}

func (*sums) JSON(row []byte) (json.RawMessage, error) {
	s, _, err := parse(row)
	return fmt.Appendf(nil, `{"sequence":%d,"state":{"total":%d,"last":[%d]}}`,
		s.sequence, s.total, s.latest), err
}

func rowOf(state any, ring string) []byte {
	s, _ := state.(sum)
	return fmt.Appendf(nil, "%d %d %d %s", s.sequence, s.total, s.latest, ring)
}

func ringOf(row []byte) string {
	if row == nil {
		return ""
	}
	_, ring, _ := parse(row)
	return ring
}

func parse(row []byte) (s sum, ring string, err error) {
	parts := strings.SplitN(string(row), " ", 4)
	if len(parts) != 4 {
		return s, "", coded("no-row")
	}
	for i, to := range []*int64{&s.sequence, &s.total, &s.latest} {
		if *to, err = strconv.ParseInt(parts[i], 10, 64); err != nil {
			return s, "", err
		}
	}
	return s, parts[3], nil
}

// events is the topic of all tests.
const events = "sum-events"

// world is a partition of events, and a table that its owner keeps.
type world struct {
	tb       testing.TB
	cluster  *local.Cluster
	producer *kgo.Client
	topic    string

	table map[string][]byte
	truth map[string]sum // the fold, as the events came

	// between is called when a closing step begins, before the line stands still; scan with each row of
	// the pass.
	between func()
	scan    func()
	// inFlight makes of the rows what a pass may meet: some from before the latest commit, some of
	// transactions that are aborted later.
	inFlight func(table map[string][]byte)

	rings  map[string]string // what commands have made of the rings
	older  map[string][]byte // rows before their latest command
	refuse error             // of the next Between
	faults []error           // of the next reads of rows in steps
	writes int               // of rows
	most   int               // of rows in a step
	steps  int
	still  bool // between two transactions
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	c, err := local.Start(local.Options{Topics: []kafka.TopicSpec{{Name: events, Partitions: 1}}})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	return worldOn(tb, c, events)
}

func worldOn(tb testing.TB, c *local.Cluster, topic string) *world {
	tb.Helper()
	w := &world{
		tb: tb, cluster: c, topic: topic, table: map[string][]byte{}, truth: map[string]sum{},
		rings: map[string]string{}, older: map[string][]byte{},
		between: func() {}, scan: func() {}, inFlight: func(map[string][]byte) {},
	}
	w.producer = w.client()
	return w
}

func (w *world) client(more ...kgo.Opt) *kgo.Client {
	w.tb.Helper()
	opts, err := kafka.Settings{Brokers: w.cluster.Brokers()}.Options()
	if err != nil {
		w.tb.Fatal(err)
	}
	cl, err := kgo.NewClient(append(opts, more...)...)
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(cl.Close)
	return cl
}

// event is the record of the next event of an aggregate, which is then part of the truth.
func (w *world) event(key string, n int64) *kgo.Record {
	s := w.truth[key]
	s = sum{s.sequence + 1, s.total + n, n}
	w.truth[key] = s
	return w.record(key, s.sequence, strconv.FormatInt(n, 10))
}

func (w *world) record(key string, sequence int64, value string) *kgo.Record {
	return &kgo.Record{
		Topic: w.topic, Key: []byte(key), Value: []byte(value),
		Headers: []kgo.RecordHeader{{Key: "sequence", Value: strconv.AppendInt(nil, sequence, 10)}},
	}
}

func (w *world) produce(records ...*kgo.Record) {
	w.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := w.producer.ProduceSync(ctx, records...).FirstErr(); err != nil {
		w.tb.Fatal(err)
	}
}

// command handles a command as a worker does: an event, and the row as the row before has it, right or
// wrong, with the command in its ring.
//
// A worker numbers its events as the row says. Where the row's sequence is damaged, commands would tear a
// hole into the events, and nothing could be folded any more: such aggregates have no commands here.
func (w *world) command(key string, n int64) {
	w.tb.Helper()
	before, ring, _ := parse(w.table[key])
	if before.sequence != w.truth[key].sequence {
		return
	}
	if before.sequence == 0 {
		before = sum{} // the state is not looked at there
	}
	w.produce(w.event(key, n))
	w.update(key, sum{before.sequence + 1, before.total + n, n}, ring+"+")
}

func (w *world) update(key string, s sum, ring string) {
	w.older[key], w.table[key], w.rings[key] = w.table[key], rowOf(s, ring), ring
}

// reject handles a command that is rejected.
func (w *world) reject(key string) {
	s, ring, _ := parse(w.table[key])
	w.update(key, s, ring+"-")
}

// fill makes aggregates with some events each, and right rows.
func (w *world) fill(keys, each int) {
	w.tb.Helper()
	var records []*kgo.Record
	for i := range keys * each {
		records = append(records, w.event(fmt.Sprintf("key-%05d", i%keys), int64(i)))
	}
	w.produce(records...)
	for key, s := range w.truth {
		w.update(key, s, "ring of "+key)
	}
}

func (w *world) options() refold.Options {
	return refold.Options{
		Fold: &sums{}, Rows: &sums{}, Kafka: kafka.Settings{Brokers: w.cluster.Brokers()},
		EventsTopic: w.topic, Live: w, CacheBytes: 128 << 20, CPUShare: 1, StepRows: 1_000,
		StepBytes: refold.MostStepBytes, StepTimeout: time.Second, Samples: 20,
	}
}

func (w *world) run(o refold.Options) (refold.Summary, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return refold.Run(ctx, o)
}

// damageOne makes the state of a row wrong.
func (w *world) damageOne(key string) {
	w.table[key] = rowOf(sum{sequence: w.truth[key].sequence}, w.rings[key])
}

// check compares the table with the truth, and the rings with what commands made of them.
func (w *world) check() {
	w.tb.Helper()
	for key, want := range w.truth {
		if have, _, err := parse(w.table[key]); err != nil || have != want {
			w.tb.Errorf("row of %s is %q, the events say %v", key, w.table[key], want)
		}
	}
	for key, row := range w.table {
		if s, _, err := parse(row); err != nil || s.sequence > 0 && w.truth[key] == (sum{}) {
			w.tb.Errorf("row of %s is %q, there are no events", key, row)
		}
		if have := ringOf(row); have != w.rings[key] {
			w.tb.Errorf("the ring of %s is %q, it was %q", key, have, w.rings[key])
		}
	}
}

// Rows is the table as it is now.
func (w *world) Rows(context.Context) (refold.RowIterator, error) {
	table := maps.Clone(w.table)
	w.inFlight(table)
	return &rows{w: w, keys: slices.Sorted(maps.Keys(table)), table: table, at: -1}, nil
}

type rows struct {
	w     *world
	keys  []string
	table map[string][]byte
	at    int
}

func (r *rows) Next() bool             { r.w.scan(); r.at++; return r.at < len(r.keys) }
func (r *rows) Key() []byte            { return []byte(r.keys[r.at]) }
func (r *rows) Value() ([]byte, error) { return r.table[r.keys[r.at]], nil }
func (*rows) Err() error               { return nil }
func (*rows) Release()                 {}

// Between writes what fn wrote, or nothing.
func (w *world) Between(ctx context.Context, fn func(context.Context, refold.LiveRows) error) error {
	w.between()
	w.still = true
	defer func() { w.still = false }()
	w.steps++
	s := &staged{w: w, rows: map[string][]byte{}}
	if err := errors.Join(fn(ctx, s), w.refuse); err != nil {
		w.refuse = nil
		return fmt.Errorf("between: %w", err)
	}
	w.writes += len(s.rows)
	w.most = max(w.most, len(s.rows))
	for key, row := range s.rows {
		if row == nil {
			delete(w.table, key)
		} else {
			w.table[key] = row
		}
	}
	return nil
}

type staged struct {
	w    *world
	rows map[string][]byte
}

func (s *staged) Get(key string) ([]byte, error) {
	if len(s.w.faults) > 0 {
		fault := s.w.faults[0]
		s.w.faults = s.w.faults[1:]
		return nil, fault
	}
	return s.w.table[key], nil
}

func (s *staged) Delete(key string) error { s.rows[key] = nil; return nil }
func (s *staged) Set(key string, row []byte) error {
	want := rowOf(s.w.truth[key], "")
	if !bytes.HasPrefix(row, want) {
		s.w.tb.Errorf("row of %s is written as %q, the events say %q", key, row, want)
	}
	s.rows[key] = bytes.Clone(row)
	return nil
}

// gone checks that nothing is left of the shadow.
func gone(tb testing.TB, dir string) {
	tb.Helper()
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		tb.Errorf("the shadow's directory is still there: %v", err)
	}
}

func shadowDir(tb testing.TB) string {
	tb.Helper()
	return filepath.Join(tb.TempDir(), "shadow")
}

// trim deletes a topic's first records.
func trim(cl *kgo.Client, topic string, before int64) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, before, -1)
	answers, err := kadm.NewClient(cl).DeleteRecords(ctx, offsets)
	if err != nil {
		return err
	}
	return answers.Error()
}
