package processors_test

import (
	"fmt"
	"testing"
)

// A state comes back from its bytes as it was, and goes on being folded.
func TestStateCodec(t *testing.T) {
	f := newFolding(t)
	for name, by := range map[string][]int64{"one": {5}, "several": {5, 7, -3}, "the same": {1, 1, 1}} {
		state := f.after(t, by...)
		encoded, err := f.EncodeState(state)
		must(t, err)
		back, err := f.DecodeState(encoded)
		must(t, err)
		event, err := f.Decode(f.event(t, fmt.Sprint(len(by)+1), 9))
		must(t, err)
		back, err = f.Apply(back, event)
		must(t, err)
		row, err := f.RowWith(back, nil)
		must(t, err)
		if equal, err := f.Equal(f.after(t, append(by, 9)...), row); !equal || err != nil {
			t.Errorf("%s: equal %v, error %v", name, equal, err)
		}
	}
}

// What is no state is refused; bytes that never will be one say so with a code.
func TestStateCodec_refuses(t *testing.T) {
	f := newFolding(t)
	if _, err := f.EncodeState("no state"); err == nil || code(err) != "" {
		t.Errorf("a state of another fold: %v", err)
	}
	encoded, err := f.EncodeState(f.after(t, 5))
	must(t, err)
	for name, b := range map[string][]byte{
		"nothing": nil, "garbage": []byte("no state"), "cut off": encoded[:len(encoded)-1],
	} {
		if _, err := f.DecodeState(b); code(err) != "row-unusable" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
