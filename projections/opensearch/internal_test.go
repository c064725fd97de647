package opensearch

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"refold/projections"
)

// document is a row with a column of each type.
type document struct {
	ID    string         `column:"id,key,subject"`
	Text  string         `column:"text"`
	Count int64          `column:"count"`
	Rate  float64        `column:"rate"`
	Is    bool           `column:"is"`
	At    time.Time      `column:"at"`
	Bytes []byte         `column:"bytes"`
	JSON  map[string]any `column:"json"`
	Maybe *string        `column:"maybe"`
}

var documents = projections.NewTable[document]("documents")

func TestMapping(t *testing.T) {
	text := object{"type": "text", "fields": object{
		"keyword": object{"type": "keyword", "ignore_above": 8191},
	}}
	want := object{"dynamic": "strict", "properties": object{
		"id": text, "text": text, "maybe": text,
		"count": object{"type": "long"}, "rate": object{"type": "double"}, "is": object{"type": "boolean"},
		"at":    object{"type": "date", "format": "strict_date_optional_time"},
		"bytes": object{"type": "binary"},
		"json":  object{"type": "object", "enabled": false},
	}}
	if diff := cmp.Diff(want, mappingOf(documents.Table)); diff != "" {
		t.Errorf("the mapping differs (- wanted, + found):\n%s", diff)
	}
}

func TestBulkLines(t *testing.T) {
	put := action{op: "index", on: versioned("orders__1", "a/1", 7), document: []byte(`{"id":"a"}`)}
	remove := action{op: "delete", on: versioned("orders__1", "b", 8)}
	seq, term := int64(3), int64(2)
	swap := action{
		op: "index", on: target{Index: "progress__1.write", ID: "t/0", SeqNo: &seq, PrimaryTerm: &term},
		document: []byte(`{}`),
	}
	bodies, counts, err := cut([]action{put, remove, swap}, 1<<20)
	want := `{"index":{"_index":"orders__1.write","_id":"a/1","version":7,"version_type":"external_gte"}}
{"id":"a"}
{"delete":{"_index":"orders__1.write","_id":"b","version":8,"version_type":"external_gte"}}
{"index":{"_index":"progress__1.write","_id":"t/0","if_seq_no":3,"if_primary_term":2}}
{}
`
	if err != nil || len(bodies) != 1 || string(bodies[0]) != want || counts[0] != 3 {
		t.Errorf("the bodies are %q with %v actions (%v); it must be\n%s", bodies, counts, err, want)
	}
}

// Requests have all actions in their order, and are no longer than the limit unless one action is.
func TestBulkIsCut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 500).Draw(t, "limit")
		sizes := rapid.SliceOfN(rapid.IntRange(0, 400), 0, 20).Draw(t, "sizes")
		var all []byte
		actions := make([]action, len(sizes))
		for i, size := range sizes {
			actions[i] = action{op: "index", document: bytes.Repeat([]byte("x"), size)}
			lines, err := actions[i].lines()
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, lines...)
		}
		bodies, counts, err := cut(actions, limit)
		if err != nil || !bytes.Equal(bytes.Join(bodies, nil), all) {
			t.Fatalf("the requests together are not the actions (%v)", err)
		}
		left := len(actions)
		for i, body := range bodies {
			left -= counts[i]
			if counts[i] < 1 || counts[i] > 1 && len(body) > limit {
				t.Fatalf("request %d has %d actions in %d bytes of %d", i, counts[i], len(body), limit)
			}
		}
		if left != 0 {
			t.Fatalf("%d actions are not counted", left)
		}
	})
}

func TestDocumentIDs(t *testing.T) {
	short, long := strings.Repeat("k", maxIDBytes), strings.Repeat("k", maxIDBytes+1)
	if documentID(short) != short || len(documentID(long)) > maxIDBytes || documentID("") == "" {
		t.Error("an ID is empty or too long, or not the key without need")
	}
	if documentID(long) == documentID(long+"k") || documentID(long) == documentID("") {
		t.Error("two keys have one ID")
	}
	if stateID("order", "a#b/c") != "order/a%23b%2Fc" {
		t.Errorf("the ID of a state is %s", stateID("order", "a#b/c"))
	}
}

func TestFailureOf(t *testing.T) {
	for _, c := range []struct {
		body, kind, reason string
	}{
		{
			`{"error":{"type":"mapper_parsing_exception","reason":"failed","caused_by":{"reason":"why"}}}`,
			"mapper_parsing_exception", "failed: why",
		},
		{`{"error":"alias [a] missing"}`, "Not Found", `{"error":"alias [a] missing"}`},
		{`<html>`, "Not Found", `<html>`},
		{``, "Not Found", ``},
	} {
		f := failureOf("GET /", http.StatusNotFound, []byte(c.body))
		if f.kind != c.kind || f.reason != c.reason {
			t.Errorf("%s is %s: %s; it must be %s: %s", c.body, f.kind, f.reason, c.kind, c.reason)
		}
	}
	long := failureOf("GET /", http.StatusNotFound, bytes.Repeat([]byte("x"), 1<<20))
	if len(long.Error()) > 2*maxReasonBytes {
		t.Errorf("the error has %d bytes", len(long.Error()))
	}
}

func TestItemsOf(t *testing.T) {
	results, err := itemsOf([]byte(`{"errors":true,"items":[
		{"index":{"_id":"a","status":201,"_seq_no":4,"_primary_term":2}},
		{"delete":{"_id":"b","status":404,"result":"not_found"}},
		{"index":{"_id":"c","status":409,"error":{"type":"version_conflict_engine_exception",
			"reason":"[c]: version conflict, current version [5] is higher than the one provided [3]"}}},
		{"index":{"_id":"d","status":429,"error":{"type":"rejected_execution_exception","reason":"queue"}}},
		{"index":{"_id":"e","status":404,"error":{"type":"index_not_found_exception","reason":"gone"}}},
		{"index":{"_id":"f","status":400,"error":{"type":"mapper_parsing_exception","reason":"no"}}}]}`))
	if err != nil || len(results) != 6 {
		t.Fatalf("%d items are read (%v)", len(results), err)
	}
	if cmp.Diff(results[:2], []result{{seqNo: 4, term: 2}, {}}, cmp.AllowUnexported(result{})) != "" {
		t.Errorf("successes are %+v and %+v", results[0], results[1])
	}
	if version := tombstone(results[2].failure); version == nil || *version != 5 {
		t.Errorf("the current version is %v; it must be 5", version)
	}
	if tombstone(results[3].failure) != nil {
		t.Error("a version is read where there is none")
	}
	if err := settled(results[:3], judge); err != nil {
		t.Errorf("a document that is newer is a failure: %v", err)
	}
	if err := settled(results[3:4], judge); err == nil || errors.Is(err, projections.ErrNoBuild) {
		t.Errorf("too many requests are %v; it must be a fault", err)
	}
	if err := settled(results[4:5], judge); !errors.Is(err, projections.ErrNoBuild) {
		t.Errorf("a missing index is %v", err)
	}
	// Poison is told before a fault, which may be gone when the batch is tried again, and come with it.
	if _, is := errors.AsType[*projections.Poison](settled(results[3:], judge)); !is {
		t.Error("a row that is refused is no poison")
	}
}

func TestRowsAreReadAsTheyAreWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		row := document{
			ID: rapid.String().Draw(t, "id"), Text: rapid.String().Draw(t, "text"),
			Count: rapid.Int64().Draw(t, "count"), Rate: rapid.Float64().Draw(t, "rate"),
			Is: rapid.Bool().Draw(t, "is"), At: time.UnixMicro(rapid.Int64Range(-6e16, 2e17).Draw(t, "at")),
			Bytes: rapid.SliceOf(rapid.Byte()).Draw(t, "bytes"), JSON: map[string]any{"a": []int{1}},
			Maybe: rapid.Ptr(rapid.String(), true).Draw(t, "maybe"),
		}
		values := documents.Values(row)
		text, err := encodeRow(documents.Table, values)
		if err != nil {
			t.Fatal(err)
		}
		read, err := decodeRow(documents.Table, text)
		if err != nil {
			t.Fatal(err)
		}
		for i, c := range documents.Columns {
			if !c.Equal(values[i], read[i]) {
				t.Fatalf("column %s is %v; it was %v", c.Name, read[i], values[i])
			}
		}
	})
}

// Records may claim any time. None of them makes a progress that can't be read.
func TestTimesOfRecordsAreBounded(t *testing.T) {
	s := &Store{newClient(Options{})}
	for _, at := range []time.Time{
		time.UnixMilli(1<<63 - 1), time.UnixMilli(-1 << 63), time.Unix(1e12, 0), time.Unix(0, 1000).UTC(),
	} {
		a := s.progressAction("orders", 1, progress{ID: "t/0", Time: projections.Bounded(at)})
		read, err := progressOf(found{ID: "t/0", Source: a.document}, true)
		if err != nil || read.Time.Year() > 9999 || at.Year() == 1970 && !read.Time.Equal(at) {
			t.Errorf("%v is read as %v (%v)", at, read.Time, err)
		}
	}
}

func FuzzDecodeRow(f *testing.F) {
	f.Add([]byte(`{"id":"a","text":"","count":1,"rate":0.5,"is":true,"at":"2026-01-02T03:04:05Z",` +
		`"bytes":"AA==","json":{},"maybe":null}`))
	f.Add([]byte(`{"id":1}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		values, err := decodeRow(documents.Table, text)
		if err != nil {
			return
		}
		again, err := encodeRow(documents.Table, values)
		if err != nil || !json.Valid(again) {
			t.Errorf("%q is read, and can't be written: %q (%v)", text, again, err)
		}
	})
}

func FuzzItemsOf(f *testing.F) {
	f.Add([]byte(`{"items":[{"index":{"status":201}},{"delete":{"status":404}}]}`))
	f.Add([]byte(`{"items":[{}]}`))
	f.Fuzz(func(t *testing.T, answer []byte) {
		results, err := itemsOf(answer)
		if err != nil && results != nil {
			t.Error("there are results beside an error")
		}
	})
}
