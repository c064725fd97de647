package audit_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/audit"
)

// disk is what a worker has on its disk of the accounts' table, partition 0.
type disk struct {
	topic [16]byte
	next  int64
	rows  map[string][]byte
}

// quiet is a logger of Pebble's.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, a ...any) { panic(fmt.Sprintf(format, a...)) }

// diskOf is a store that has everything that is in the topic below an offset.
func (w *written) diskOf(next int64) *disk {
	w.Helper()
	d := &disk{next: next, rows: map[string][]byte{}}
	topic := w.prefix + "accounts-table"
	details, err := w.admin.ListTopics(w.Context(), topic)
	if err != nil {
		w.Fatal(err)
	}
	d.topic = details[topic].ID
	_, err = audit.Scan(w.Context(), w.source.Brokers, topic, func(r *kgo.Record) error {
		if r.Partition == 0 && r.Offset < next {
			d.rows[string(r.Key)] = slices.Clone(r.Value)
		}
		return nil
	})
	if err != nil {
		w.Fatal(err)
	}
	return d
}

// end is the offset behind the table's last record, a marker.
func (w *written) end() int64 {
	w.Helper()
	topic := w.prefix + "accounts-table"
	ends, err := w.admin.ListEndOffsets(w.Context(), topic)
	if err != nil {
		w.Fatal(err)
	}
	end, _ := ends.Lookup(topic, 0)
	return end.Offset
}

// write makes the files, and returns the directory of the worker's stores.
func (d *disk) write(w *written) string {
	w.Helper()
	dir := w.TempDir()
	path := filepath.Join(dir, w.prefix+"tables", "db-1")
	if err := os.MkdirAll(path, 0o750); err != nil {
		w.Fatal(err)
	}
	db, err := pebble.Open(path, &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	if err != nil {
		w.Fatal(err)
	}
	point := append([]byte{1}, d.topic[:]...)
	point = binary.BigEndian.AppendUint64(point, uint64(d.next))
	point = binary.BigEndian.AppendUint64(point, 0)
	// The store of another partition is in front of it: the rows of the two must not be taken for one.
	for number, partition := range []byte{7, 0} {
		of := []byte{0, 0, 0, byte(number + 1)}
		name := append([]byte{1, 0, 0, 0, partition}, w.prefix+"accounts-table"...)
		rows := map[string][]byte{"\x00": name, "\x01": point}
		for key, value := range d.rows {
			rows["\x02"+key] = value
		}
		if partition != 0 {
			rows["\x02other"] = []byte("partition's")
		}
		for key, value := range rows {
			if err := db.Set(append(slices.Clone(of), key...), value, pebble.NoSync); err != nil {
				w.Fatal(err)
			}
		}
	}
	if err := db.Flush(); err != nil {
		w.Fatal(err)
	}
	if err := db.Close(); err != nil {
		w.Fatal(err)
	}
	return dir
}

// accounts is a world with a row of alice's.
func accounts(alice audit.Row) *audit.World {
	return &audit.World{Kind: audit.Accounts, Rows: map[string]audit.Row{"alice": alice}}
}

// G6: a store has what its topic had at the store's own offset, and nothing else.
func TestStoresAreComparedWithTheirTopics(t *testing.T) {
	shop := wholeShop()
	w := newPlace(t).write(shop)
	first := w.end() // behind alice as she is
	later := accounts(shop.Accounts.Rows["alice"])
	w.transact(kgo.TryCommit, w.row(later, "alice")) // once more, as a refold writes it
	changed := func() []byte {
		row := later.Rows["alice"]
		add(account(&row), 1)
		return w.row(accounts(row), "alice").Value
	}()
	for name, story := range map[string]struct {
		next   int64
		change func(*disk)
		want   counts
	}{
		"all of it":       {w.end(), func(*disk) {}, counts{}},
		"behind":          {first, func(*disk) {}, counts{}},
		"nothing yet":     {0, func(*disk) {}, counts{}},
		"ahead":           {w.end() + 1, func(*disk) {}, counts{audit.Ahead: 1}},
		"a row differs":   {w.end(), func(d *disk) { d.rows["alice"] = changed }, counts{audit.Rows: 1}},
		"a row is behind": {first, func(d *disk) { d.rows["alice"] = changed }, counts{audit.Rows: 1}},
		"a row that was never committed": {w.end(), func(d *disk) {
			d.rows["bob"] = changed
		}, counts{audit.Rows: 1}},
		"a row that comes later": {0, func(d *disk) { d.rows["alice"] = changed }, counts{audit.Rows: 1}},
		"a row is missing":       {w.end(), func(d *disk) { delete(d.rows, "alice") }, counts{audit.Rows: 1}},
		"another topic's":        {w.end(), func(d *disk) { d.topic[0]++; d.rows = nil }, counts{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &written{place: w.in(t), prefix: w.prefix, source: w.source}
			d := w.diskOf(story.next)
			story.change(d)
			summary := w.wants(audit.Options{Stores: []string{d.write(w)}}, story.want)
			if told := len(summary.Notes) > 0; told != (name == "another topic's") {
				t.Errorf("what was not checked: %q", summary.Notes)
			}
		})
	}
}

// A topic forgets old rows when it is compacted; a store that is behind may have them, if they
// once were what events and results make.
func TestStoresMayKnowWhatWasCompactedAway(t *testing.T) {
	shop := wholeShop()
	w := newPlace(t).write(shop)
	ring := (&naive{rings: map[string][][]byte{}}).remember(shop.Accounts.Results[0])
	opened := func(owner string, version1 bool) []byte {
		row := audit.Row{
			Sequence: 1, Recent: ring,
			State: accountOf(owner, 0),
		}
		if version1 {
			delete(row.State, "frozenFor")
		}
		return w.row(accounts(row), "alice").Value
	}
	for owner, want := range map[string]counts{"Alice": {}, "Mallory": {audit.Rows: 1}} {
		for _, version1 := range []bool{false, true} {
			d := w.diskOf(0) // the topic has nothing of her below her last row any more
			d.rows["alice"] = opened(owner, version1)
			w.wants(audit.Options{Stores: []string{d.write(w)}}, want)
		}
	}
	empty := w.TempDir()
	store := filepath.Join(empty, w.prefix+"tables", "db-1")
	if err := os.MkdirAll(store, 0o750); err != nil {
		t.Fatal(err)
	}
	if s := w.wants(audit.Options{Stores: []string{empty}}, counts{}); len(s.Notes) != 1 {
		t.Errorf("of a folder without a database is noted %q", s.Notes)
	}
	elsewhere := audit.Options{Source: w.source, Stores: []string{t.TempDir()}}
	if _, err := audit.Run(t.Context(), elsewhere); err == nil {
		t.Error("a directory without stores was read")
	}
}
