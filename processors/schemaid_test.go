package processors_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/processors"
)

// moveID moves a record's schema ID from before the data to a header.
func moveID(r *kgo.Record) *kgo.Record {
	r.Headers = append(r.Headers, kgo.RecordHeader{Key: codecs.HeaderValueSchemaID, Value: r.Value[:5]})
	r.Value = r.Value[5:]
	return r
}

// A fold reads the schema ID of an event from its header. It says so to those that keep only what it reads.
func TestFoldOfSchemaIDsInHeaders(t *testing.T) {
	f := newFolding(t)
	want, err := f.Decode(f.event(t, "1", 5))
	must(t, err)
	event := moveID(f.event(t, "1", 5))
	event.Headers = slices.DeleteFunc(event.Headers, func(h kgo.RecordHeader) bool {
		return !slices.Contains(f.Headers(), h.Key)
	})
	got, err := f.Decode(event)
	must(t, err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// A result is read with its schema ID in a header: what is remembered of outcomes, and comparisons, need it.
func TestResultOfSchemaIDInHeader(t *testing.T) {
	f := newFolding(t)
	results, err := processors.NewResultSet(f.registry)
	must(t, err)
	value, err := results.Encode(processors.Result{CommandType: "Count", Code: "no"})
	must(t, err)
	r := moveID(&kgo.Record{Value: value, Headers: []kgo.RecordHeader{
		{Key: codecs.HeaderID, Value: []byte("c/result")}, {Key: codecs.HeaderType, Value: []byte("Result")},
	}})
	got, _, err := processors.Messages{Results: results}.Result(t.Context(), r)
	if err != nil || got.Code != "no" {
		t.Errorf("got %+v, %v", got, err)
	}
}
