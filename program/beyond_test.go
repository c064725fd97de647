package program

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
)

// asEarlier writes the records of an aggregate once more, for other keys, as a version without limits of IDs
// would have written them.
func (i *testbed) asEarlier(key string, others []string, topics ...string) {
	i.t.Helper()
	var records []*kgo.Record
	for _, topic := range topics {
		for _, r := range i.records(topic) {
			if string(r.Key) != key {
				continue
			}
			for _, other := range others {
				earlier := &kgo.Record{Topic: topic, Key: []byte(other), Value: r.Value}
				for _, h := range r.Headers {
					if h.Key == codecs.HeaderID || h.Key == codecs.HeaderSubject {
						of := strings.TrimPrefix(string(h.Value), key)
						if of != string(h.Value) {
							h.Value = []byte(other + of)
						}
					}
					earlier.Headers = append(earlier.Headers, h)
				}
				records = append(records, earlier)
			}
		}
	}
	i.write(records...)
}

// beyondKeys are keys that no reader of headers takes: n binary ones in each of two partitions, and one that
// is too long.
func beyondKeys(n int) (keys []string) {
	count := [2]int{}
	for m := 0; min(count[0], count[1]) < n; m++ {
		key := fmt.Sprintf("\xff\xfe%06d", m)
		if p := kafka.Partition([]byte(key), 2); count[p] < n {
			count[p]++
			keys = append(keys, key)
		}
	}
	return append(keys, strings.Repeat("long", 300))
}

// Records whose IDs are beyond the limits, as earlier versions wrote them, are read like all others, named
// once, and hold nobody up: not verify, a rebuild or a reset (G7), not the process, nor what it does for
// others (G8).
func TestRecordsOfEarlierVersionsHoldNobodyUp(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	w.open("ann")
	w.deposit("ann", 3)
	data := `{"accountId": "ann", "currency": "EUR", "lines": ` +
		`[{"sku": "tea", "quantity": 1, "unitPrice": 100, "currency": "EUR"}]}`
	place := func(w *runningWorker, id string) {
		w.send("/orders/"+id, "place-"+id, "PlaceOrder", data)
		eventually(t, func() bool {
			return strings.Contains(w.text("/orders/"+id), `"payment":"paid"`)
		}, w.out)
	}
	place(w, "tea-1")
	w.stop()

	const least = 10
	keys := beyondKeys(2 * least)
	i.asEarlier("ann", keys, "account-events", "account-results", "accounts-table")
	placed := slices.IndexFunc(i.records("order-events"), func(r *kgo.Record) bool {
		return header(r, codecs.HeaderSequence) == "1"
	})
	order := string(i.records("order-events")[placed].Key)
	beside := slices.DeleteFunc(slices.Clone(keys), func(key string) bool {
		// The group has no offset in the other partition.
		return kafka.Partition([]byte(key), 2) != kafka.Partition([]byte(order), 2)
	})
	i.asEarlier(order, beside, "order-events", "order-results", "orders-table")

	says := fmt.Sprintf("%d events and results are beyond the limits of IDs", 10*len(keys))
	verified := func(flags ...string) {
		if _, text := i.verifyAccounts(0, flags...); strings.Count(text, says) != 1 {
			t.Errorf("verify does not say once %q:\n%s", says, text)
		}
	}
	verified()
	rows := i.table()
	if text := i.reset(t.Context(), 0, "--yes"); strings.Count(text, says) != 1 {
		t.Errorf("reset does not say once %q:\n%s", says, text)
	}
	i.same(rows)

	w = i.start("--processor.poison-least", fmt.Sprint(least), "--processor.poison-share", "0.1")
	defer w.stop()
	place(w, "tea-2")
	p := i.producer()
	// The process reads the events, and the results of its own commands. Those of others it passes over.
	eventually(t, func() bool { return len(p.letters()) >= len(keys)+len(beside) }, w.out)
	for place, letter := range p.letters() {
		if header(letter, processors.HeaderReason) != string(codecs.ReasonBeyondLimits) ||
			header(letter, processors.HeaderGroup) != "order-payments" {
			t.Errorf("%s: %v", place, letter.Headers)
		}
	}
	if n := strings.Count(w.out.String(), "record set aside"); n > 1 {
		t.Errorf("the log names %d records", n)
	}
	if reply := w.ask(http.MethodGet, "/readyz", ""); reply.status != http.StatusOK {
		t.Errorf("the worker is not ready: %v", reply.body)
	}
	verified("--worker", w.server)
	i.rebuildAccounts(0, nil)
	if reply := w.ask(http.MethodGet, "/accounts", ""); reply.status != http.StatusOK {
		t.Errorf("the list is %d", reply.status)
	}
}

// A command whose outcome nobody could read is not decided.
func TestCommandsBeyondTheLimitsAreNotDecided(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	p := i.producer()
	for _, key := range []string{"\x01\x92\xa7\x10\xff\xee", strings.Repeat("k", 819)} {
		p.put(p.open(key, eventsourcing.Metadata{ID: "c-1"}))
	}
	p.put(p.open("ann", eventsourcing.Metadata{ID: strings.Repeat("i", 1018)}))
	eventually(t, func() bool { return len(p.letters()) == 3 }, w.out)
	for place, letter := range p.letters() {
		if reason := header(letter, processors.HeaderReason); reason != string(codecs.ReasonBeyondLimits) {
			t.Errorf("%s: %s", place, reason)
		}
	}
	if n := len(i.records("account-events")) + len(i.records("accounts-table")); n != 0 {
		t.Errorf("%d events and rows", n)
	}
	w.goesOn("ann")
}
