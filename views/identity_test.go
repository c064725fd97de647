package views_test

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/processors"
	"refold/views"
)

// neighbours are other subjects of the same partition, of the fixture's three.
func neighbours(t *testing.T, subject string, n int) (found []string) {
	t.Helper()
	for i := 0; len(found) < n; i++ {
		other := fmt.Sprintf("%s-%d", subject, i)
		if kafka.Partition([]byte(other), 3) == kafka.Partition([]byte(subject), 3) {
			found = append(found, other)
		}
	}
	return found
}

// G1: one ID, sent to several aggregates, is several commands, each with an outcome of its own: in one
// partition and in different ones, live and in a copy that is made anew.
func TestOneIDOfManyCommands(t *testing.T) {
	f := newFixture(t)
	v := f.run(t)
	subjects := append(neighbours(t, "alice", 2), "alice", "zoe", "bob")
	for i, subject := range subjects {
		must(t, v.counters.Send(patient(t), add("salary", subject, int64(i))))
	}
	result := func(i int) processors.Result {
		if i%2 == 1 {
			return processors.Result{CommandType: "Add", Code: fmt.Sprintf("code-%d", i)}
		}
		return processors.Result{
			CommandType: "Add", Accepted: true, FirstSequence: int64(i + 1), LastSequence: int64(i + 1),
		}
	}
	for i, subject := range slices.Backward(subjects) { // those in one partition in the other order
		waited := make(chan error, 1)
		go func() {
			_, err := v.WaitCommand(patient(t), counterCommand(subject, "salary"), views.Decided)
			waited <- err
		}()
		if i < len(subjects)-1 {
			known, err := v.WaitCommand(patient(t), counterCommand(subject, "salary"), views.Pending)
			must(t, err)
			if known.Status != views.Pending {
				t.Errorf("the command to %s is %v by the result of another one", subject, known.Status)
			}
		}
		f.writeResult(t, subject, "salary", result(i))
		must(t, <-waited)
	}
	check := func() views.Namesakes {
		t.Helper()
		for i, subject := range subjects {
			got, err := v.Command(t.Context(), counterCommand(subject, "salary"))
			must(t, err)
			if want := result(i); got.Code != want.Code || got.LastSequence != want.LastSequence ||
				got.CommandKey != counterCommand(subject, "salary") {
				t.Errorf("the command to %s became %+v, want %+v", subject, got, want)
			}
		}
		all, err := v.CommandsOf(t.Context(), "salary")
		must(t, err)
		return all
	}
	live := check()
	if len(live.Commands) != len(subjects) || live.More {
		t.Errorf("under its ID alone: %+v", live)
	}
	v.stop()
	f.dir = t.TempDir()
	v = f.run(t, func(o *views.Options) { o.Limits.Namesakes = 3 })
	restored := check()
	if len(restored.Commands) != 3 || !restored.More {
		t.Errorf("with room for three: %+v", restored)
	}
	v.stop()
	v = f.run(t)
	if restored = check(); !reflect.DeepEqual(restored, live) {
		t.Errorf("restored %+v, live %+v", restored, live)
	}
}

// A command that lies in another partition than its key's is a dead letter: nobody is sent to it.
func TestCommandInTheWrongPartition(t *testing.T) {
	f := newFixture(t)
	belongs := kafka.Partition([]byte("alice"), 3)
	f.writeAt(t, topics.Commands, (belongs+1)%3, "alice", kgo.RecordHeader{
		Key: codecs.HeaderID, Value: []byte("c-1"),
	})
	f.writeAt(t, topics.Commands, belongs, "alice", kgo.RecordHeader{
		Key: codecs.HeaderID, Value: []byte("c-2"),
	})
	v := f.run(t)
	_, err := v.CommandsOf(t.Context(), "c-2")
	must(t, err)
	if found, err := v.CommandsOf(t.Context(), "c-1"); !errors.Is(err, views.ErrNotFound) {
		t.Errorf("found %+v, %v", found, err)
	}
}

// writeAt writes a record without a value into a partition, whatever its key.
func (f *fixture) writeAt(
	t *testing.T, topic string, partition int32, key string, headers ...kgo.RecordHeader,
) {
	t.Helper()
	f.writeRecordAt(t, &kgo.Record{
		Topic: topic, Partition: partition, Key: []byte(key), Headers: headers, Timestamp: time.Now(),
	})
}

func (f *fixture) writeRecordAt(t *testing.T, r *kgo.Record) {
	t.Helper()
	opts, err := f.kafka.Options()
	must(t, err)
	client, err := kgo.NewClient(append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()))...)
	must(t, err)
	defer client.Close()
	must(t, client.ProduceSync(t.Context(), r).FirstErr())
}

// Who asks for an ID alone is woken by the first command of it, whosever it is.
func TestWaitCommandsOf(t *testing.T) {
	f := newFixture(t)
	v := f.run(t)
	if _, err := v.CommandsOf(t.Context(), "c-1"); !errors.Is(err, views.ErrNotFound) {
		t.Errorf("not sent yet: %v", err)
	}
	waited := make(chan error, 1)
	go func() {
		found, err := v.WaitCommandsOf(patient(t), "c-1")
		if err == nil && (len(found.Commands) != 1 || found.Commands[0].Subject != "zoe") {
			err = fmt.Errorf("found %+v", found)
		}
		waited <- err
	}()
	must(t, v.counters.Send(patient(t), add("c-1", "zoe", 1)))
	must(t, <-waited)
}
