package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sr"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// keyOf returns a key of a partition of two, one of many.
func keyOf(partition int32, n int) string {
	for i := 0; ; i++ {
		key := fmt.Sprintf("%d-%d", n, i)
		if kafka.Partition([]byte(key), 2) == partition {
			return key
		}
	}
}

// A partition of which most is poison is held: nothing more of it is set aside, readiness says where
// and why, and the other partition goes on. A restart lets go; then everything was set aside once.
func TestTooMuchPoisonIsHeld(t *testing.T) {
	i := newInstallation(t)
	w := i.start("--processor.poison-least", "10", "--processor.poison-window", "100")
	p := i.producer()
	var garbage []*kgo.Record
	for range 50 {
		garbage = append(garbage, &kgo.Record{Key: []byte(keyOf(1, 0)), Value: []byte("garbage")})
	}
	p.put(garbage...)
	eventually(t, func() bool {
		return strings.Contains(w.text("/readyz"), commandsTopic+"/1 is held: too much poison at offset 9")
	}, w.out)
	for n := range 5 {
		w.goesOn(keyOf(0, n))
	}
	if n := len(p.letters()); n > 9 {
		t.Errorf("%d records were set aside; the tenth was too much", n)
	}
	ready, metrics := w.text("/readyz"), w.text("/metrics")
	for _, says := range []string{"10 are poison", "not-wire-format", "restart the worker"} {
		if !strings.Contains(ready, says) {
			t.Errorf("/readyz does not say %q: %s", says, ready)
		}
	}
	if !strings.Contains(metrics, `refold_held_partitions{group="accounts"} 1`) {
		t.Error("the metric does not tell of the partition")
	}
	if n := strings.Count(w.out.String(), "too much poison: a partition is held"); n != 1 {
		t.Errorf("the log tells it %d times", n)
	}
	w.stop()

	w = i.start("--processor.poison-share", "0")
	eventually(t, func() bool { return len(p.letters()) == len(garbage) }, w.out)
	w.goesOn(keyOf(1, 1))
	w.stop()
}

// A registry that is away is a fault: a record whose schema nobody knows yet waits for it, also over
// starts of the processor, and what is behind it, too; nothing is set aside. Then the line goes on.
func TestRegistryThatIsAwayIsWaitedFor(t *testing.T) {
	i := newInstallation(t)
	w := i.start("--registry.retry-limit", "100ms")
	p := i.producer()
	key := keyOf(1, 0)
	r := p.open(key, eventsourcing.Metadata{ID: "waits"})
	client, err := sr.NewClient(sr.URLs(i.cluster.RegistryURL()))
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(p.accounts.Commands.SchemaText("OpenAccount"), "Wish", "A wish", 1)
	id, err := client.RegisterSchema(t.Context(), "refold.accounts.OpenAccount",
		sr.Schema{Schema: newer}, -1, -1)
	if err != nil {
		t.Fatal(err)
	}
	_, data, err := codecs.SplitWire(r.Value)
	if err != nil {
		t.Fatal(err)
	}
	r.Value = append(codecs.AppendWireHeader(nil, id), data...)
	i.cluster.Registry().Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		http.Error(w, `{"error_code": 50001}`, http.StatusServiceUnavailable)
		return true
	})
	p.put(r, p.open(keyOf(1, 1), eventsourcing.Metadata{ID: "behind"}))
	eventually(t, func() bool {
		return strings.Count(w.out.String(), "processor ended; it is started again") >= 2
	}, w.out)
	if n := len(p.letters()) + len(p.read("account-events")); n != 0 {
		t.Errorf("%d records came of it", n)
	}
	i.cluster.Registry().ClearInterceptors()
	eventually(t, func() bool { return len(p.read("account-events")) == 2 }, w.out)
	if n := len(p.letters()); n != 0 {
		t.Errorf("%d records were set aside", n)
	}
	w.stop()
}
