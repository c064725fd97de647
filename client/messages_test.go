package client

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// A stream is read as the standard has it: a message ends with an empty line, comments and unknown
// fields mean nothing, an id counts without a message, and what is cut off does not count at all.
func TestMessages(t *testing.T) {
	at := place{id: "before"}
	r := newMessages(strings.NewReader("retry: 1500\nid: 1\n\n"+
		":\n\nevent: a\nid:2\ndata: {}\nunknown: x\n\n"+
		"data: x\r\ndata: y\r\n\r\n"+
		"event: dropped\n\n"+
		"id: 3\ndata: cut off"), &at)
	lines := 0
	alive := func() { lines++ }
	var got []string
	for {
		m, err := r.next(alive)
		if err != nil {
			break
		}
		got = append(got, m.event+" "+string(m.data)+" "+at.id)
	}
	if diff := cmp.Diff([]string{"a {} 2", " x\ny 2"}, got); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	if at.id != "2" || at.retry != 1500*time.Millisecond || lines != 16 {
		t.Errorf("the place is %+v, after %d lines", at, lines)
	}
}

func TestMessagesAreLimited(t *testing.T) {
	endless := io.MultiReader(strings.NewReader("data: "), zeros{})
	if _, err := newMessages(endless, &place{}).next(func() {}); err == nil {
		t.Error("an endless line was read")
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
