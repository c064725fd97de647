package projections_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"refold/projections"
)

type (
	part struct {
		Names  []string          `json:"names"`
		Counts map[string]int    `json:"counts"`
		Raw    json.RawMessage   `json:"raw"`
		Bytes  []byte            `json:"bytes"`
		Left   []string          `json:"left,omitempty"`
		Next   *part             `json:"next"`
		Any    any               `json:"any"`
		By     map[string][]part `json:"by"`
		Pair   [2][]int          `json:"pair"`
		At     time.Time         `json:"at"`
	}
	nested    struct{ part }
	withParts struct {
		ID    string   `column:"id,key"`
		List  []part   `column:"list"`
		Part  nested   `column:"part"`
		Any   any      `column:"any"`
		Plain []string `column:"plain"`
	}
)

// The JSON of a column is the same whether a state has no slice or an empty one, as a state that was stored
// and read again may have the other.
func TestNilsInJSON(t *testing.T) {
	const none = `"names":[],"counts":{},"raw":null,"bytes":""`
	const rest = `"pair":[[],[]],"at":"0001-01-01T00:00:00Z"}`
	const empty = `{` + none + `,"next":null,"any":null,"by":{},` + rest
	table := projections.NewTable[withParts]("with_parts")
	given := withParts{
		List: []part{{Next: &part{}, By: map[string][]part{"a": nil, "b": {{}}}}},
		Part: nested{part: part{Any: map[string]any{"x": []string(nil), "y": part{}, "z": nil}}},
		Any:  []any{nil, []int(nil), map[string]int(nil), &part{}},
	}
	before := withParts{
		List: []part{{Next: &part{}, By: map[string][]part{"a": nil, "b": {{}}}}},
		Part: nested{part: part{Any: map[string]any{"x": []string(nil), "y": part{}, "z": nil}}},
		Any:  []any{nil, []int(nil), map[string]int(nil), &part{}},
	}
	want := []any{
		"",
		json.RawMessage(`[{` + none + `,"next":` + empty + `,"any":null,"by":{"a":[],"b":[` + empty + `]},` +
			rest + `]`),
		json.RawMessage(`{` + none + `,"next":null,"any":{"x":[],"y":` + empty + `,"z":null},"by":{},` +
			rest),
		json.RawMessage(`[null,[],{},` + empty + `]`),
		json.RawMessage(`[]`),
	}
	if diff := cmp.Diff(texts(want), texts(table.Values(given))); diff != "" {
		t.Errorf("the values differ (- wanted, + found):\n%s", diff)
	}
	if diff := cmp.Diff(before, given, cmp.AllowUnexported(nested{})); diff != "" {
		t.Errorf("the row was changed:\n%s", diff)
	}
	for i, v := range table.Values(withParts{Plain: []string{}, List: []part{}}) {
		if c := table.Columns[i]; c.Name == "plain" || c.Name == "list" {
			if !c.Equal(v, c.Zero()) || !c.Equal(v, table.Values(withParts{})[i]) {
				t.Errorf("column %s: %s, %s and %s differ", c.Name, v, c.Zero(), table.Values(withParts{})[i])
			}
		}
	}
}

func texts(values []any) (all []string) {
	for _, v := range values {
		if raw, is := v.(json.RawMessage); is {
			all = append(all, string(raw))
		}
	}
	return all
}

// A value that contains itself is refused, as it was.
func TestNilsInCircles(t *testing.T) {
	table := projections.NewTable[withParts]("with_parts")
	circle := &part{}
	circle.Next = circle
	mustPanic(t, "column any", func() { table.Put(withParts{Any: circle}) })
}
