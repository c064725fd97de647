package program

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
	"refold/processors"
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
	t.Parallel()
	i := newTestbed(t)
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

// newer returns a command whose schema only the registry knows.
func (p *producer) newer(i *testbed, key, id string) (r *kgo.Record, schema int) {
	p.t.Helper()
	r = p.open(key, eventsourcing.Metadata{ID: id})
	client, err := sr.NewClient(sr.URLs(i.cluster.RegistryURL()))
	if err != nil {
		p.t.Fatal(err)
	}
	newer := strings.Replace(p.accounts.Commands.SchemaText("OpenAccount"), "Wish", "A wish", 1)
	schema, err = client.RegisterSchema(p.t.Context(), "refold.accounts.OpenAccount",
		sr.Schema{Schema: newer}, -1, -1)
	if err != nil {
		p.t.Fatal(err)
	}
	_, data, err := codecs.SplitWire(r.Value)
	if err != nil {
		p.t.Fatal(err)
	}
	r.Value = append(codecs.AppendWireHeader(nil, schema), data...)
	return r, schema
}

// refuse has the registry answer 403 for one ID; 0: for everything.
func (i *testbed) refuse(id int) {
	i.cluster.Registry().Intercept(func(w http.ResponseWriter, r *http.Request) bool {
		if id != 0 && r.URL.Path != fmt.Sprintf("/schemas/ids/%d", id) {
			return false
		}
		http.Error(w, `{"error_code": 40301, "message": "no"}`, http.StatusForbidden)
		return true
	})
}

// The registry refuses a record's schema, or is away: that is a fault. The record's partition waits, and
// /readyz says for what; the others go on, nothing is set aside, and the log is not flooded. When there is an
// answer the partition goes on by itself.
func TestRecordsWaitForTheRegistry(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]struct {
		with func(i *testbed, schema int)
		says string
	}{
		"which refuses one ID": {
			func(i *testbed, schema int) { i.refuse(schema) }, "so this is about schema",
		},
		"which refuses everything": {
			func(i *testbed, _ int) { i.refuse(0) }, "check Username and Password",
		},
		"which is away": {func(i *testbed, _ int) {
			i.cluster.Registry().Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
				http.Error(w, `{"error_code": 50001}`, http.StatusServiceUnavailable)
				return true
			})
		}, "answered 503"},
	} {
		t.Run(name, func(t *testing.T) {
			i := newTestbed(t)
			after := "1h"
			if name == "which refuses everything" {
				after = "1ms" // however short: it is about us
			}
			w := i.start("--registry.retry-limit", "100ms", "--registry.refused-after", after,
				"--processor.stall-after", "200ms", "--processor.backoff-max", "100ms")
			p := i.producer()
			key := keyOf(1, 0)
			r, schema := p.newer(i, key, "waits")
			fail.with(i, schema)
			p.put(r, p.open(keyOf(1, 1), eventsourcing.Metadata{ID: "behind"}))
			eventually(t, func() bool {
				ready := w.text("/readyz")
				return strings.Contains(ready, fail.says) && strings.Contains(ready,
					commandsTopic+"/1 is held: the record at offset 0 can't be decoded")
			}, w.out)
			for n := range 3 {
				w.goesOn(keyOf(0, n))
			}
			eventually(t, func() bool {
				return strings.Contains(w.text("/metrics"), "exactlyonce_input_lag_records"+
					`{group="accounts",partition="1",topic="account-commands"} 2`)
			}, w.out)
			if n := len(p.letters()); n != 0 {
				t.Errorf("%d records were set aside", n)
			}
			if n := strings.Count(w.out.String(), "can't be decoded"); n > 5 {
				t.Errorf("the log tells it %d times", n)
			}
			i.cluster.Registry().ClearInterceptors()
			eventually(t, func() bool { return len(p.read("account-events")) == 5 }, w.out)
			if n := len(p.letters()); n != 0 {
				t.Errorf("%d records were set aside", n)
			}
			w.stop()
		})
	}
}

// A registry that goes on refusing one ID for registry.refused-after, while it answers for others, will not
// answer: what is permanent for a record is poison. It is set aside with the reason, and what is behind it
// is handled.
func TestRecordOfARefusedSchemaIsSetAside(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start("--registry.refused-after", "300ms", "--processor.backoff-max", "100ms")
	p := i.producer()
	r, schema := p.newer(i, keyOf(1, 0), "refused")
	i.refuse(schema)
	p.put(r, p.open(keyOf(1, 1), eventsourcing.Metadata{ID: "behind"}))
	eventually(t, func() bool { return len(p.letters()) == 1 && len(p.read("account-events")) == 1 }, w.out)
	for _, letter := range p.letters() {
		for _, h := range letter.Headers {
			if h.Key == processors.HeaderReason && string(h.Value) != string(codecs.ReasonRefusedSchema) {
				t.Errorf("the reason is %s", h.Value)
			}
		}
	}
	w.goesOn(keyOf(1, 2))
	w.stop()
}

// A partition that waits for a schema moves to another worker, which handles it: the worker that had it does
// not go on saying that it is held.
func TestPartitionThatWaitsMovesAway(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	flags := []string{"--registry.retry-limit", "100ms", "--registry.refused-after", "1h"}
	one := i.start(flags...)
	p := i.producer()
	var schema int
	for partition := range int32(2) { // whichever moves
		var r *kgo.Record
		r, schema = p.newer(i, keyOf(partition, 0), fmt.Sprint("waits-", partition))
		i.refuse(schema)
		p.put(r)
	}
	eventually(t, func() bool {
		ready := one.text("/readyz")
		return strings.Contains(ready, commandsTopic+"/0 is held") &&
			strings.Contains(ready, commandsTopic+"/1 is held")
	}, one.out)
	i.store = t.TempDir()
	other := i.begin(flags...)
	holds := func(w *runningWorker) int {
		return strings.Count(w.text("/metrics"), "exactlyonce_held_partition{")
	}
	eventually(t, func() bool { return holds(one) == 1 && holds(other) == 1 }, other.out)
	i.cluster.Registry().ClearInterceptors()
	eventually(t, func() bool { return len(p.read("account-events")) == 2 }, one.out)
	for _, w := range []*runningWorker{one, other} {
		eventually(t, func() bool {
			return w.ask(http.MethodGet, "/readyz", "").status == http.StatusOK
		}, w.out)
		w.stop()
	}
}
