package snapshots_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/snapshots"
)

// G4, G6: a store that can't be of its topic any more is rebuilt, and says so; one that can is not.
func TestStoreFitsItsTopic(t *testing.T) {
	for name, test := range map[string]struct {
		config  []string
		change  func(w *world)
		want    string
		because string // why it is rebuilt; "": it is not
	}{
		"nothing happened": {nil, func(*world) {}, "a=1 b=1", ""},
		"made again, and longer than before": {nil, func(w *world) {
			remake(w)
			w.write("b", "2", "c", "2", "d", "2", "e", "2", "f", "2", "g", "2")
		}, "b=2 c=2 d=2 e=2 f=2 g=2", "the topic was made anew"},
		"made again, and empty": {nil, remake, "", "the topic was made anew"},
		"log start behind the store": {nil, func(w *world) {
			w.write("c", "1", "d", "1")
			deleteRecords(w, 4) // c
		}, "d=1", "out of range"},
		"log start at the store": {nil, func(w *world) {
			w.write("c", "1")
			deleteRecords(w, 3)
		}, "a=1 b=1 c=1", ""},
		"deletions kept for a day": {nil, func(w *world) {
			w.write("a", "-")
			w.write("c", "1")
			w.Kafka().Compact()
		}, "b=1 c=1", ""},
		"deletions forgotten": {[]string{"delete.retention.ms", "0"}, func(w *world) {
			w.write("a", "-")
			w.write("c", "1")
			w.Kafka().Compact()
			sees(w, "c") // reproduction: whoever goes on reading never hears that a is gone
		}, "b=1 c=1", "may have forgotten deletions"},
		"deletions forgotten, but nothing was written": {
			[]string{"delete.retention.ms", "0"}, func(*world) {}, "a=1 b=1", "",
		},
		"not compacted": {
			[]string{"delete.retention.ms", "0", "cleanup.policy", "delete"},
			func(w *world) { w.write("a", "-") }, "b=1", "",
		},
		"configuration is secret": {
			[]string{"delete.retention.ms", "0"}, func(w *world) {
				w.Kafka().Fault(kfake.Fault{
					Keys: []kmsg.Key{kmsg.DescribeConfigs}, Err: kerr.TopicAuthorizationFailed,
				})
				w.write("a", "-")
			}, "b=1", "",
		},
	} {
		for where, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
			t.Run(name+" "+where, func(t *testing.T) {
				w := newWorld(t, test.config...)
				stores := w.stores(dir)
				w.write("a", "1", "b", "1")
				if err := w.opened(stores).Close(); err != nil {
					t.Error(err)
				}
				test.change(w)
				w.expect(w.opened(stores), test.want)
				if rebuilt := w.rebuilt() > 0; rebuilt != (test.because != "") {
					t.Errorf("rebuilt: %v", rebuilt)
				}
				if !strings.Contains(w.log.String(), test.because) {
					t.Errorf("the log does not say %q", test.because)
				}
			})
		}
	}
}

func remake(w *world) {
	w.Helper()
	if err := w.Kafka().DeleteTopic(table); err != nil {
		w.Fatal(err)
	}
	if err := w.Kafka().CreateTopic(table, 1, nil); err != nil {
		w.Fatal(err)
	}
	w.producer.Close()
	w.producer = w.client(kgo.TransactionalID("test"))
}

func deleteRecords(w *world, below int64) {
	w.Helper()
	if err := w.Kafka().DeleteRecords(table, 0, below); err != nil {
		w.Fatal(err)
	}
}

// sees checks which keys a reader sees who goes on after the first three offsets.
func sees(w *world, want string) {
	w.Helper()
	opts, err := w.settings().Options()
	if err != nil {
		w.Fatal(err)
	}
	var keys []string
	_, err = kafka.ReadPartition(w.Context(), opts, kafka.Range{Topic: table, From: 3},
		func(records []*kgo.Record, _ kafka.Progress) error {
			for _, r := range records {
				keys = append(keys, string(r.Key))
			}
			return nil
		})
	if err != nil || fmt.Sprint(keys) != "["+want+"]" {
		w.Fatalf("the topic holds %v, %v; want %v", keys, err, want)
	}
}

// Restores that are cut off again and again don't make a store younger; one that gets to the end
// does.
func TestAgeOfAHalfRestoredStore(t *testing.T) {
	w := newWorld(t)
	stores := w.stores("")
	w.write("a", "1")
	w.begin("b", "1")
	var began int64
	for i := range 3 {
		st, done := w.opening(t.Context(), stores)
		w.restoring(stores, int64(1-min(i, 1)))
		if i == 0 {
			began = snapshots.Since(st)
		}
		if since := snapshots.Since(st); since != began || since == 0 {
			t.Errorf("after %d restores in part it is of %d; want %d", i+1, since, began)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		if err := w.outcome(done); err == nil {
			t.Error("a store was opened after it was closed")
		}
		w.eventually("time passes", func() bool { return time.Now().UnixMilli() > began })
	}
	w.end(kgo.TryCommit)
	if since := snapshots.Since(w.opened(stores)); since <= began {
		t.Errorf("restored to the end, it is of %d; it was of %d before", since, began)
	}
}

// A store that was restored in part is no younger than its beginning: what was deleted meanwhile
// may be forgotten before it goes on.
func TestHalfRestoredStoreIsAsOldAsItsBeginning(t *testing.T) {
	w := newWorld(t, "delete.retention.ms", "0")
	stores := w.stores(t.TempDir())
	w.write("a", "1")
	w.begin("b", "1")
	st, done := w.opening(t.Context(), stores)
	w.restoring(stores, 1)
	if err := st.Close(); err != nil { // ends the restore
		t.Error(err)
	}
	if err := w.outcome(done); err == nil {
		t.Error("a store was opened after it was closed")
	}
	w.end(kgo.TryCommit)
	w.write("a", "-")
	w.write("c", "1")
	w.Kafka().Compact()
	w.expect(w.opened(stores), "b=1 c=1")
}
