package tabletest

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/lovoo/goka/storage"
	"github.com/twmb/franz-go/pkg/kgo"
)

// layers: the newest layer is seen first, the oldest is committed first, and discarding leaves
// what is committed.
func layers(b *bench) {
	table := b.staged()
	b.expectSealed(table, "map[]")
	b.set(table, "a", "1", "b", "1")
	b.expectSealed(table, `map["a":"1" "b":"1"]`)
	b.set(table, "a", "2", "b", "", "c", "2")
	b.expect(table, "a", "2", "b", "", "c", "2", "d", "")
	b.expectSealed(table, `map["a":"2" "b":"" "c":"2"]`)
	b.expectSealed(table, "map[]")
	b.commit(table, b.write("a", "1", "b", "1"))
	b.set(table, "c", "3", "d", "3")
	b.expect(table, "a", "2", "b", "", "c", "3", "d", "3")
	table.Discard()
	b.expect(table, "a", "1", "b", "1", "c", "", "d", "")
	b.expectSealed(table, "map[]")
	b.set(table, "a", "4")
	b.expectSealed(table, `map["a":"4"]`)
	b.commit(table, b.write("a", "4"))
	b.expect(table, "a", "4", "b", "1")
	if err := table.Commit(99); err == nil {
		b.Errorf("Commit without a sealed layer: %v", errWant)
	}
	b.close(table)
}

// iterators see all layers, in the order of keys, as they were when the iterator was made.
func iterators(b *bench) {
	table := b.staged()
	b.set(table, "b", "1", "d", "1", "a", "1")
	table.Seal()
	b.commit(table, b.write("b", "1", "d", "1", "a", "1"))
	b.set(table, "c", "2", "a", "2")
	table.Seal()
	b.set(table, "d", "", "e", "3")
	all, err := table.Iterator()
	if err != nil {
		b.Fatal(err)
	}
	b.set(table, "f", "4")
	if got := list(b, all); got != "a=2 b=1 c=2 e=3" {
		b.Errorf("the iterator went over %q", got)
	}
	some, err := table.IteratorWithRange([]byte("b"), []byte("e"))
	if err != nil {
		b.Fatal(err)
	}
	if got := list(b, some); got != "b=1 c=2" {
		b.Errorf("the iterator from b to before e went over %q", got)
	}
	b.close(table)
}

func list(b *bench, it storage.Iterator) string {
	b.Helper()
	defer it.Release()
	var rows []string
	for it.Next() {
		value, err := it.Value()
		if err != nil {
			b.Fatal(err)
		}
		rows = append(rows, fmt.Sprintf("%s=%s", it.Key(), value))
	}
	if err := it.Err(); err != nil {
		b.Fatal(err)
	}
	return strings.Join(rows, " ")
}

// nilValues: nil is refused (it would be a deletion), an empty value is a row.
func nilValues(b *bench) {
	table := b.staged()
	if err := table.Set("a", nil); err == nil {
		b.Errorf("Set of nil: %v", errWant)
	}
	if err := table.Set("a", []byte{}); err != nil {
		b.Fatal(err)
	}
	if value, err := table.Get("a"); value == nil || len(value) != 0 || err != nil {
		b.Errorf("the empty row is %q, %v", value, err)
	}
	b.close(table)
}

func emptyTopic(b *bench) {
	table := b.staged()
	b.expect(table, "a", "")
	if offset, err := table.GetOffset(-3); err != nil || offset >= 0 {
		b.Errorf("GetOffset is %d, %v; want none", offset, err)
	}
	b.close(table)
}

// restore ends exactly at the end of a topic that ends in a commit marker (design §2, no. 4).
func restore(b *bench) {
	b.write("a", "1", "b", "1", "c", "1")
	b.write("b", "2", "c", "")
	table := b.staged()
	b.expect(table, "a", "1", "b", "2", "c", "")
	b.expectOffset(table, 6) // five rows and two markers
	if err := table.MarkRecovered(); err != nil {
		b.Error(err)
	}
	b.close(table)
}

// abortedTail: what was aborted never was, though it is the end of the topic.
func abortedTail(b *bench) {
	b.write("a", "1")
	b.begin("a", "2", "b", "2")
	b.end(kgo.TryAbort)
	table := b.staged()
	b.expect(table, "a", "1", "b", "")
	b.expectOffset(table, 4)
	b.close(table)
}

// openTransaction: a transaction that is open when the restore begins is waited for (design §2,
// no. 5).
func openTransaction(b *bench) {
	b.write("a", "1")
	b.begin("a", "2")
	table, err := b.tables.Staged(b.Context(), topic, 0)
	if err != nil {
		b.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() { opened <- table.Open() }()
	select {
	case err := <-opened:
		b.Fatalf("opened in front of an open transaction: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	b.end(kgo.TryCommit)
	if err := <-opened; err != nil {
		b.Fatal(err)
	}
	b.expect(table, "a", "2")
	b.close(table)
}

// reopen: what was written elsewhere in the meantime is there, deletions included.
func reopen(b *bench) {
	b.write("a", "1", "b", "1")
	table := b.staged()
	b.set(table, "c", "1")
	table.Seal()
	b.commit(table, b.write("c", "1"))
	b.close(table)
	b.write("a", "2", "b", "", "d", "2")
	table = b.staged()
	b.expect(table, "a", "2", "b", "", "c", "1", "d", "2")
	b.close(table)
}

// uncommittedIsGone: layers do not survive, whether they were sealed or not (G6).
func uncommittedIsGone(b *bench) {
	b.write("a", "1")
	table := b.staged()
	b.set(table, "a", "2")
	table.Seal()
	b.set(table, "a", "3", "b", "3")
	b.close(table)
	table = b.staged()
	b.expect(table, "a", "1", "b", "")
	b.close(table)
}

// cancelled: the end of the context ends a restore soon, with an error, and another may follow.
func cancelled(b *bench) {
	b.write("a", "1")
	b.begin("a", "2") // holds the restore up
	ctx, cancel := context.WithCancel(b.Context())
	table, err := b.tables.Staged(ctx, topic, 0)
	if err != nil {
		b.Fatal(err)
	}
	opened := make(chan error, 1)
	go func() { opened <- table.Open() }()
	cancel()
	select {
	case err := <-opened:
		if err == nil {
			b.Errorf("a cancelled restore: %v", errWant)
		}
	case <-time.After(patience):
		b.Fatal("a cancelled restore goes on")
	}
	if err := table.Close(); err != nil {
		b.Error(err)
	}
	b.end(kgo.TryCommit)
	table = b.staged()
	b.expect(table, "a", "2")
	b.close(table)
}

// madeAnew: a store that does not fit its topic is rebuilt.
func madeAnew(b *bench) {
	for range 5 {
		b.write("a", "1", "old", "1")
	}
	table := b.staged()
	b.close(table)
	if err := b.cluster.Kafka().DeleteTopic(topic); err != nil {
		b.Fatal(err)
	}
	if err := b.cluster.Kafka().CreateTopic(topic, 1, nil); err != nil {
		b.Fatal(err)
	}
	opts, err := b.settings.Options()
	if err != nil {
		b.Fatal(err)
	}
	cl, err := kgo.NewClient(opts...)
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	r := &kgo.Record{Topic: topic, Key: []byte("a"), Value: []byte("new")}
	if err := cl.ProduceSync(b.Context(), r).FirstErr(); err != nil {
		b.Fatal(err)
	}
	table = b.staged()
	b.expect(table, "a", "new", "old", "")
	b.close(table)
}

// follower: a table that another process writes is restored, and then takes what Goka stores.
func follower(b *bench) {
	b.write("a", "1", "b", "1")
	store, err := b.tables.Follower(b.Context(), topic, 0)
	if err != nil {
		b.Fatal(err)
	}
	if err := store.Open(); err != nil {
		b.Fatal(err)
	}
	b.expect(store, "a", "1", "b", "1")
	b.expectOffset(store, 2)
	if err := store.Set("a", []byte("2")); err != nil {
		b.Error(err)
	}
	if err := store.Delete("b"); err != nil {
		b.Error(err)
	}
	if err := store.SetOffset(4); err != nil {
		b.Error(err)
	}
	b.expect(store, "a", "2", "b", "")
	b.expectOffset(store, 4)
	if err := store.Close(); err != nil {
		b.Error(err)
	}
}
