package reactions_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"

	"refold/reactions"
)

// A partition whose next record was deleted before it was sent stops, and says so: to go on would be to pass
// events over. All others go on.
func TestRecordsThatAreGone(t *testing.T) {
	w := newWorld(t)
	all := ids()
	r := hook(func(_ context.Context, e event) error {
		w.sent.add(e)
		return nil
	})
	first := w.run(r, nil)
	w.until("it has begun", func() bool { return w.committed() == partitions })
	first.stop()
	w.deposits(all[0], 3)
	w.deposits(all[1], 2)
	before := make(kadm.Offsets)
	before.Add(kadm.Offset{Topic: prefix + "account-events", Partition: 0, At: 2})
	gone, err := kadm.NewClient(w.client).DeleteRecords(w.ctx, before)
	w.must(errors.Join(err, gone.Error()))
	running := w.run(r, nil)
	w.until("the others are sent, and it is not ready", func() bool {
		return len(w.sent.keys()) == 2 && running.Ready() != nil
	})
	if err := running.Ready(); !strings.Contains(err.Error(), "account-events/0: records were deleted") {
		t.Errorf("the error is %v", err)
	}
	w.all(keysOf(all[1], 1, 2)...)
}

// A reaction does not read topics that are not the installation's.
func TestTopicsThatDoNotFit(t *testing.T) {
	w := newWorld(t)
	id := ids()[0]
	w.deposits(id, 1)
	var lost atomic.Bool
	lost.Store(true)
	r := w.run(hook(func(_ context.Context, e event) error {
		w.sent.add(e)
		return nil
	}), func(o *reactions.Options) {
		o.Fit = func(_ context.Context, topics ...string) error {
			w.same("topics", topics, []string{prefix + "account-events", prefix + "reaction-hook-loop"})
			if lost.Load() {
				return errors.New("the topic is lost")
			}
			return nil
		}
	})
	w.until("it is not ready", func() bool { return r.Ready() != nil })
	if err := r.Ready(); !strings.Contains(err.Error(), "the topic is lost") {
		t.Errorf("the error is %v", err)
	}
	w.same("sent", len(w.sent.keys()), 0)
	w.same("offsets", len(w.offsets()), 0)
	lost.Store(false)
	w.all(keysOf(id, 1, 1)...)
}

// Topics that are missing are a fault that is told.
func TestWithoutTopics(t *testing.T) {
	w := newWorld(t)
	r := hook(func(context.Context, event) error { return nil })
	r.Name = "other"
	running := w.run(r, nil)
	w.until("it is not ready", func() bool { return running.Ready() != nil })
	if err := running.Ready(); !strings.Contains(err.Error(), "reaction-other") {
		t.Errorf("the error is %v", err)
	}
}
