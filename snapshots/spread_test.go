package snapshots_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/snapshots"
)

// neighbours are three stores in one database: the rows of the first two share a file, the third's have
// another.
type neighbours struct {
	*world
	disk *vfs.MemFS
	rows []string
}

var neighbourTopics = []string{"a-table", "b-table", "c-table"}

func newNeighbours(t *testing.T) *neighbours {
	t.Helper()
	n := &neighbours{world: newWorld(t), disk: vfs.NewMem()}
	var records []*kgo.Record
	for i := range 800 {
		n.rows = append(n.rows, fmt.Sprintf("key-%05d", i), fmt.Sprintf("%050d", i*i))
	}
	for _, topic := range neighbourTopics {
		if err := n.Kafka().CreateTopic(topic, 1, nil); err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(n.rows); i += 2 {
			records = append(records, &kgo.Record{
				Topic: topic, Key: []byte(n.rows[i]), Value: []byte(n.rows[i+1]),
			})
		}
	}
	if err := n.client().ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	stores := n.open()
	defer n.shut(stores)
	for i, topic := range neighbourTopics {
		n.store(stores, topic)
		if i > 0 {
			snapshots.Settle(stores)
		}
	}
	return n
}

func (n *neighbours) open() *snapshots.Stores {
	n.Helper()
	stores, err := snapshots.OpenOn(n.disk, n.options("/neighbours"))
	if err != nil {
		n.Fatal(err)
	}
	return stores
}

func (n *neighbours) store(stores *snapshots.Stores, topic string) *snapshots.Staged {
	n.Helper()
	st, err := stores.Staged(n.Context(), topic, 0)
	if err != nil {
		n.Fatal(err)
	}
	if err := st.Open(); err != nil {
		n.Fatal(err)
	}
	return st
}

// spoil changes the middle of the file with the rows of the first two.
func (n *neighbours) spoil() {
	n.Helper()
	dir := "/neighbours/" + database
	names, err := n.disk.List(dir)
	if err != nil {
		n.Fatal(err)
	}
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, ".sst") })
	slices.Sort(names)
	if len(names) != 2 {
		n.Fatalf("there are the files %v; want two", names)
	}
	content, err := n.disk.UnsafeGetFileDataBuffer(dir + "/" + names[0])
	if err != nil {
		n.Fatal(err)
	}
	for i := len(content) / 3; i < len(content)*2/3; i++ {
		content[i] ^= 0x5a
	}
}

func isDamaged(st *snapshots.Staged) bool {
	select {
	case <-st.Damaged():
		return true
	default:
		return false
	}
}

// G4, G6: a damaged file costs the stores that have rows in it, and no other: those are told when one of them
// meets it, and are right when they are opened anew. The others go on.
func TestDamageSpreadsNoFurther(t *testing.T) {
	n := newNeighbours(t)
	stores := n.open()
	defer n.shut(stores)
	open := make(map[string]*snapshots.Staged)
	for _, topic := range neighbourTopics {
		open[topic] = n.store(stores, topic)
	}
	n.spoil()
	restored := n.restored()
	err := errors.Join(read(open["a-table"], n.rows), read(open["b-table"], n.rows))
	if !errors.Is(err, snapshots.ErrDamaged) {
		t.Errorf("readers are told %v", err)
	}
	for topic, want := range map[string]bool{"a-table": true, "b-table": true, "c-table": false} {
		if isDamaged(open[topic]) != want {
			t.Errorf("%s is told of damage: %v", topic, !want)
		}
	}
	for _, topic := range neighbourTopics[:2] {
		if err := read(n.store(stores, topic), n.rows); err != nil {
			t.Errorf("%s, opened anew: %v", topic, err)
		}
	}
	if err := read(open["c-table"], n.rows); err != nil {
		t.Errorf("the third: %v", err)
	}
	if n.rebuilt() != 2 || n.restored()-restored != len(n.rows) {
		t.Errorf("%d stores were rebuilt from %d records", n.rebuilt(), n.restored()-restored)
	}
}

// The next process rebuilds the stores that this one has found damaged, and no others.
func TestDamageSpreadsNoFurtherInTheNextProcess(t *testing.T) {
	n := newNeighbours(t)
	stores := n.open()
	a := n.store(stores, "a-table")
	n.store(stores, "b-table")
	n.spoil()
	for _, st := range []*snapshots.Staged{a, n.store(stores, "b-table")} {
		_ = read(st, n.rows)
	}
	if !isDamaged(a) {
		t.Error("nobody is told of the damage")
	}
	n.shut(stores)
	restored := n.restored()
	stores = n.open()
	defer n.shut(stores)
	for _, topic := range neighbourTopics {
		if err := read(n.store(stores, topic), n.rows); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
	}
	if records := n.restored() - restored; records != len(n.rows) {
		t.Errorf("%d records were read", records)
	}
	marks, err := n.disk.List("/neighbours/" + database)
	if err != nil || slices.ContainsFunc(marks, func(name string) bool {
		return strings.HasPrefix(name, "DAMAGED")
	}) {
		t.Errorf("there are the files %v, %v", marks, err)
	}
}

// A database that is damaged as a whole is left by all of its stores, one after the other, for another one,
// and is gone when the last has left.
func TestCondemnedDatabase(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.write("a", "1")
	if err := w.Kafka().CreateTopic("other", 1, nil); err != nil {
		t.Fatal(err)
	}
	stores := w.stores(dir)
	first := w.opened(stores)
	second, err := stores.Follower(t.Context(), "other", 0, snapshots.Projection{})
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Open(); err != nil {
		t.Fatal(err)
	}
	snapshots.Condemn(stores)
	if _, err := first.Get("a"); !errors.Is(err, snapshots.ErrDamaged) || !isDamaged(first) {
		t.Errorf("the first store is told %v", err)
	}
	if err := second.Set("b", []byte("1")); !errors.Is(err, snapshots.ErrDamaged) {
		t.Errorf("the second store is told %v", err)
	}
	w.expect(w.opened(stores), "a=1")
	if got := w.databases(dir); got != "db-1 db-2" {
		t.Errorf("there are the databases %s", got)
	}
	if err := second.Open(); err != nil {
		t.Fatal(err)
	}
	if got := w.databases(dir); got != "db-2" {
		t.Errorf("there are the databases %s", got)
	}
	w.shut(stores)
	before := w.restored()
	w.expect(w.opened(w.stores(dir)), "a=1")
	if w.restored() != before {
		t.Error("the next process has restored the store")
	}
	if n := strings.Count(w.log.String(), "the database of the local stores is damaged"); n != 1 {
		t.Errorf("the log says %d times that the database is damaged", n)
	}
}

func (w *world) databases(dir string) string {
	w.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "db-*"))
	if err != nil {
		w.Fatal(err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return strings.Join(paths, " ")
}

// A process that dies after it has given a database up leaves it to the next one to remove.
func TestCondemnedDatabaseIsRemembered(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.write("a", "1")
	stores := w.stores(dir)
	w.opened(stores)
	w.shut(stores)
	if err := os.WriteFile(filepath.Join(dir, database, "DAMAGED"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w.expect(w.opened(w.stores(dir)), "a=1")
	if got := w.databases(dir); got != "db-2" || w.rebuilt() != 1 {
		t.Errorf("there are the databases %s; rebuilt: %d", got, w.rebuilt())
	}
}

// The directories of the former layout, one database for each partition, are caches: they are removed, and
// the log says so. What is no store's stays.
func TestFormerLayoutIsRemoved(t *testing.T) {
	w, dir := newWorld(t), t.TempDir()
	w.write("a", "1")
	for _, path := range []string{
		table + "/0/MANIFEST-000001", table + "/1.next/000004.sst", "other/12.old/CURRENT",
		"notes/0/text", "notes/read.me", "empty/.keep",
	} {
		path = filepath.Join(dir, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("content"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.expect(w.opened(w.stores(dir)), "a=1")
	for name, stays := range map[string]bool{
		table: false, "other": false, "notes/0/text": true, "empty": true,
	} {
		_, err := os.Stat(filepath.Join(dir, name))
		if (err == nil) != stays || err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v, %v", name, !stays, err)
		}
	}
	if !strings.Contains(w.log.String(), "former layout") || !strings.Contains(w.log.String(), "topics=2") {
		t.Error("the log does not say so")
	}
}

// The stores of one topic can be removed for good; the others stay.
func TestRemove(t *testing.T) {
	n := newNeighbours(t)
	stores := n.open()
	if err := stores.Remove(t.Context(), "b-table"); err != nil {
		t.Fatal(err)
	}
	if names := snapshots.Names(stores); !slices.Equal(names, []string{"a-table/0", "c-table/0"}) {
		t.Errorf("there are the stores %v", names)
	}
	n.shut(stores)
	restored := n.restored()
	stores = n.open()
	defer n.shut(stores)
	for _, topic := range neighbourTopics {
		if err := read(n.store(stores, topic), n.rows); err != nil {
			t.Errorf("%s: %v", topic, err)
		}
	}
	if records := n.restored() - restored; records != len(n.rows)/2 {
		t.Errorf("%d records were read", records)
	}
}
