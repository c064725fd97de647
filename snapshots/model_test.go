package snapshots_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/snapshots"
)

// layer is rows by key; nil is a deletion.
type layer map[string][]byte

// model is what a table must do, in the simplest way; and the real one beside it.
type model struct {
	*world
	topic string
	kind  kind
	fs    *vfs.MemFS

	stores *snapshots.Stores
	table  *snapshots.Staged

	topicRows map[string][]byte           // what a reader of the whole topic sees
	rows      map[string][]byte           // what the store has committed
	history   map[int64]map[string]string // what the topic's rows were at each offset
	layers    []layer                     // sealed
	open      layer
}

// kind is a kind of store: on disk or (without a directory) in memory, and its row cache.
type kind struct {
	dir      string
	rowCache int64
}

// names makes topics and directories of their own for each run.
var names atomic.Int64

var keys = rapid.SampledFrom([]string{"", "a", "a\x00", "ab", "b", "c", "\xff", "\xff\xff"})

// Values that fill a memtable within a few commits, among others.
var values = rapid.Custom(func(t *rapid.T) []byte {
	size := rapid.SampledFrom([]int{0, 1, 3, 100, 60_000, 300_000}).Draw(t, "size")
	return bytes.Repeat([]byte{rapid.Byte().Draw(t, "byte")}, size)
})

// G3, G4, G6: staged layers do what a naive model does, whatever happens in between: discarded
// layers, sessions that come and go, restarts, crashes. After a crash the files hold a prefix of
// what was committed, together with the offset of just that prefix; the restore adds the rest.
func TestStagedAsTheModel(t *testing.T) {
	w := newWorld(t)
	w.producer = w.client()
	rapid.Check(t, func(t *rapid.T) {
		m := newModel(t, w, rapid.SampledFrom([]kind{
			{"", 1 << 20}, {"", 0}, // in memory
			{"/model", 1 << 20}, {"/model", 20_000}, {"/model", 0},
		}).Draw(t, "kind"))
		defer func() {
			if err := m.stores.Close(); err != nil {
				t.Error(err)
			}
		}()
		t.Repeat(map[string]func(*rapid.T){
			"set": m.set, "set more": m.set, "delete": m.remove, "seal": m.seal,
			"commit": m.commit, "commit more": m.commit, "produce only": m.produceOnly,
			"discard": m.discard, "reopen": m.reopen, "restart": m.restart,
			"crash": m.crash, "flush": m.flush, "iterate": m.iterate,
			"": m.check,
		})
	})
}

func newModel(t *rapid.T, w *world, k kind) *model {
	n := names.Add(1)
	m := &model{
		world: w, topic: fmt.Sprintf("t%d", n), kind: k, fs: vfs.NewCrashableMem(),
		topicRows: make(layer), rows: make(layer), open: make(layer),
		history: map[int64]map[string]string{-1: {}, 0: {}},
	}
	if k.dir != "" {
		m.kind.dir = fmt.Sprint(k.dir, n)
	}
	if err := w.Kafka().CreateTopic(m.topic, 1, nil); err != nil {
		t.Fatal(err)
	}
	m.start(t)
	return m
}

// start is what a process does that starts.
func (m *model) start(t *rapid.T) {
	o := m.options(m.kind.dir)
	o.Metrics = nil
	o.RowCacheBytes, o.MemTableBytes = m.kind.rowCache, 256<<10
	var err error
	if m.stores, err = snapshots.OpenOn(m.fs, o); err != nil {
		t.Fatal(err)
	}
	if m.kind.dir == "" {
		m.rows = make(layer)
	} else {
		m.prefix(t)
	}
	m.take(t)
}

// prefix checks that the files hold what the topic held at the offset that they say.
func (m *model) prefix(t *rapid.T) {
	rows, next, err := snapshots.Raw(m.stores, m.topic)
	if err != nil {
		t.Fatal(err)
	}
	if want, is := m.history[next]; !is || !maps.Equal(rows, want) {
		t.Fatalf("at offset %d the files hold %d rows; want %d", next, len(rows), len(want))
	}
}

// take opens the table, which restores it to the end of the topic.
func (m *model) take(t *rapid.T) {
	var err error
	if m.table, err = m.stores.Staged(m.Context(), m.topic, 0); err != nil {
		t.Fatal(err)
	}
	if err := m.table.Open(); err != nil {
		t.Fatal(err)
	}
	m.rows, m.layers, m.open = maps.Clone(m.topicRows), nil, make(layer)
}

func (m *model) set(t *rapid.T) {
	key, value := keys.Draw(t, "key"), values.Draw(t, "value")
	if err := m.table.Set(key, value); err != nil {
		t.Fatal(err)
	}
	m.open[key] = value
}

func (m *model) remove(t *rapid.T) {
	key := keys.Draw(t, "key")
	if err := m.table.Delete(key); err != nil {
		t.Fatal(err)
	}
	m.open[key] = nil
}

func (m *model) seal(t *rapid.T) {
	if got := m.table.Seal(); !maps.EqualFunc(got, m.open, same) {
		t.Fatalf("Seal returned %d rows; want %d", len(got), len(m.open))
	}
	if len(m.open) > 0 {
		m.layers, m.open = append(m.layers, m.open), make(layer)
	}
}

// same tells an empty value from none.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

// produce writes the oldest sealed layer to the topic, as the engine does before it commits it.
func (m *model) produce(t *rapid.T) (next int64) {
	records := make([]*kgo.Record, 0, len(m.layers[0]))
	for key, value := range m.layers[0] {
		records = append(records, &kgo.Record{Topic: m.topic, Key: []byte(key), Value: value})
	}
	if err := m.producer.ProduceSync(m.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for _, r := range records {
		next = max(next, r.Offset+1)
	}
	apply(m.topicRows, m.layers[0])
	at := make(map[string]string)
	for key, value := range m.topicRows {
		at[key] = string(value)
	}
	m.history[next] = at
	return next
}

func apply(rows, changes layer) {
	for key, value := range changes {
		if value == nil {
			delete(rows, key)
		} else {
			rows[key] = value
		}
	}
}

func (m *model) commit(t *rapid.T) {
	if len(m.layers) == 0 {
		if err := m.table.Commit(1); err == nil {
			t.Fatal("committed no layer")
		}
		return
	}
	if err := m.table.Commit(m.produce(t)); err != nil {
		t.Fatal(err)
	}
	apply(m.rows, m.layers[0])
	m.layers = m.layers[1:]
}

// produceOnly is a commit that the local store never learns of: the session ends with it.
func (m *model) produceOnly(t *rapid.T) {
	if len(m.layers) > 0 {
		m.produce(t)
		m.reopen(t)
	}
}

func (m *model) discard(*rapid.T) {
	m.table.Discard()
	m.layers, m.open = nil, make(layer)
}

// reopen is a new session; the old one may be closed before or after it begins, or never.
func (m *model) reopen(t *rapid.T) {
	old, when := m.table, rapid.SampledFrom([]string{"before", "after", "never"}).Draw(t, "close")
	if when == "before" {
		m.close(t, old)
	}
	m.take(t)
	if when == "after" {
		m.close(t, old)
	}
}

func (m *model) close(t *rapid.T, table *snapshots.Staged) {
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
}

func (m *model) restart(t *rapid.T) {
	if err := m.stores.Close(); err != nil {
		t.Fatal(err)
	}
	m.start(t)
}

// crash leaves what was synced, and some of what was not.
func (m *model) crash(t *rapid.T) {
	if m.kind.dir == "" {
		return
	}
	seed := rapid.Uint64().Draw(t, "seed")
	left := m.fs.CrashClone(vfs.CrashCloneCfg{
		UnsyncedDataPercent: rapid.SampledFrom([]int{0, 50, 90}).Draw(t, "percent"),
		RNG:                 rand.New(rand.NewPCG(seed, seed)),
	})
	if err := m.stores.Close(); err != nil { // the dead process; its files are not looked at again
		t.Fatal(err)
	}
	m.fs = left
	m.start(t)
}

func (m *model) flush(*rapid.T) { snapshots.Flush(m.stores) }

// all is what a reader of the table sees.
func (m *model) all() layer {
	rows := maps.Clone(m.rows)
	for _, l := range m.layers {
		apply(rows, l)
	}
	apply(rows, m.open)
	return rows
}

// check reads a row, from below the layers too.
func (m *model) check(t *rapid.T) {
	key := keys.Draw(t, "key")
	want := m.all()[key]
	if got, err := m.table.Get(key); err != nil || !same(got, want) {
		t.Fatalf("Get(%q) is %d bytes, %v; want %d", key, len(got), err, len(want))
	}
	if has, err := m.table.Has(key); err != nil || has != (want != nil) {
		t.Fatalf("Has(%q) is %v, %v", key, has, err)
	}
}

// iterate goes over a range, or all, from the beginning or from a key; twice.
func (m *model) iterate(t *rapid.T) {
	var start, limit []byte
	if rapid.Bool().Draw(t, "range") {
		start, limit = []byte(keys.Draw(t, "start")), []byte(keys.Draw(t, "limit"))
	}
	it, err := m.table.IteratorWithRange(start, limit)
	if err != nil {
		t.Fatal(err)
	}
	defer it.Release()
	rows := m.all()
	maps.DeleteFunc(rows, func(key string, _ []byte) bool {
		return key < string(start) || limit != nil && key >= string(limit)
	})
	for round := range rapid.IntRange(1, 2).Draw(t, "rounds") {
		want := slices.Sorted(maps.Keys(rows))
		if round > 0 || rapid.Bool().Draw(t, "seek") {
			from := keys.Draw(t, "from")
			want = slices.DeleteFunc(want, func(key string) bool { return key < from })
			if found := it.Seek([]byte(from)); found != (len(want) > 0) {
				t.Fatalf("Seek(%q) is %v", from, found)
			}
		}
		for _, key := range want {
			if !it.Next() {
				t.Fatalf("no %q, %v", key, it.Err())
			}
			value, err := it.Value()
			if err != nil || string(it.Key()) != key || !same(value, rows[key]) {
				t.Fatalf("%q is %d bytes, %v; want %q", it.Key(), len(value), err, key)
			}
		}
		if it.Next() {
			t.Fatalf("beyond the end there is %q", it.Key())
		}
	}
	if err := it.Err(); err != nil {
		t.Fatal(err)
	}
}
