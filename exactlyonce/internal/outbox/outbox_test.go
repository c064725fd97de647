package outbox

import (
	"slices"
	"testing"

	"github.com/lovoo/goka"
)

// Records leave in the order in which they were emitted, also beyond a page, and what was taken is gone.
func TestTake(t *testing.T) {
	o := New("table")
	o.Reset(map[string]int32{"out": 1})
	const n = 2*pageRecords + 1
	var want []byte
	for i := range byte(n) {
		o.EmitWithHeaders("out", "key", []byte{i}, goka.Headers{"b": {2}, "a": {1}})
		want = append(want, i)
	}
	o.EmitWithHeaders("table", "row", nil, goka.Headers{"a": {1}})
	taken, rows := o.Take()
	var got []byte
	for _, page := range taken {
		for _, r := range page.Records() {
			got = append(got, r.Value...)
			if string(r.Key) != "key" || len(r.Headers) != 2 || r.Headers[0].Key != "a" {
				t.Errorf("record %d has key %q and headers %v", r.Value, r.Key, r.Headers)
			}
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("taken: %v, emitted: %v", got, want)
	}
	if len(rows) != 1 || len(rows["row"]) != 1 {
		t.Errorf("headers of rows: %v", rows)
	}
	Recycle(taken)
	if taken, rows = o.Take(); len(taken) != 0 || len(rows) != 0 || o.Size() != 0 {
		t.Errorf("left: %d pages, %v, %d bytes", len(taken), rows, o.Size())
	}
}

// A record that can't be emitted is an error of its promise.
func TestEmitToNowhere(t *testing.T) {
	o := New("")
	fails := func(when string) {
		t.Helper()
		var failed error
		o.Emit("other", "key", nil).Then(func(err error) { failed = err })
		if failed == nil {
			t.Errorf("%s: it was emitted", when)
		}
	}
	fails("before the group runs")
	o.Reset(map[string]int32{"out": 1})
	fails("not an output")
}
