package layers_test

import (
	"fmt"
	"strings"
	"testing"

	"refold/layers"
)

// rowsOf tells the rows of a range: "a=1 b=deleted".
func rowsOf(l *layers.Layers, start, limit string) string {
	var end []byte
	if limit != "" {
		end = []byte(limit)
	}
	var all []string
	for _, r := range l.Range([]byte(start), end) {
		value := string(r.Value)
		if r.Value == nil {
			value = "deleted"
		}
		all = append(all, r.Key+"="+value)
	}
	return strings.Join(all, " ")
}

func expect(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %s, want %s", what, got, want)
	}
}

// The newest layer is seen first, and the oldest is the first to go.
func TestLayers(t *testing.T) {
	l := new(layers.Layers)
	if rows := l.Seal(); len(rows) != 0 {
		t.Errorf("an empty layer was sealed: %v", rows)
	}
	if _, is := l.Oldest(); is {
		t.Error("an empty layer is kept")
	}
	l.Set("a", []byte("1"))
	l.Set("b", []byte("1"))
	expect(t, "the first layer", fmt.Sprint(l.Seal()), "map[a:[49] b:[49]]")
	l.Set("b", nil)
	l.Set("c", []byte("2"))
	l.Seal()
	l.Set("c", []byte("3"))
	expect(t, "all", rowsOf(l, "", ""), "a=1 b=deleted c=3")
	expect(t, "a range", rowsOf(l, "b", "c"), "b=deleted")
	if value, found := l.Get("b"); value != nil || !found {
		t.Errorf("a deleted row is %q, %v", value, found)
	}
	if _, found := l.Get("d"); found {
		t.Error("there is a row that was never written")
	}
	oldest, _ := l.Oldest()
	expect(t, "the oldest", fmt.Sprint(oldest), "map[a:[49] b:[49]]")
	l.Drop()
	expect(t, "without the oldest", rowsOf(l, "", ""), "b=deleted c=3")
	l.Discard()
	expect(t, "discarded", rowsOf(l, "", ""), "")
}
