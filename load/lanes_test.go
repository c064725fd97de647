package load

import (
	"context"
	"testing"

	"pgregory.net/rapid"
)

func TestNothingBeginsBeforeTheOpeningIsAnswered(t *testing.T) {
	l := newLanes(4)
	open, next, other := l.enter("a", true), l.enter("a", false), l.enter("b", false)
	if open.blocked() != nil || other.blocked() != nil || next.blocked() == nil {
		t.Error("the opening doesn't hold up what it should")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if next.wait(ctx) {
		t.Error("it went on although the context ended")
	}
	open.leave()
	if !next.wait(t.Context()) {
		t.Error("it is held up by an answered opening")
	}
}

// In whatever order answers come, between a command's beginning and its answer fewer than width
// others begin that came after it, and somebody may always go on.
func TestCommandsStayCloseTogether(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		width := rapid.IntRange(1, 5).Draw(t, "width")
		l := newLanes(width)
		var waiting, begun []place
		oldest := func() int {
			low := begun[0].number
			for _, p := range begun {
				low = min(low, p.number)
			}
			return low
		}
		for range 100 {
			waiting = append(waiting, l.enter("a", false))
			var still []place
			for _, p := range waiting {
				if p.blocked() != nil {
					still = append(still, p)
					continue
				}
				begun = append(begun, p)
				if p.number-oldest() >= width {
					t.Fatalf("command %d began beside command %d", p.number, oldest())
				}
			}
			waiting = still
			if len(begun) == 0 {
				t.Fatal("nobody may go on")
			}
			i := rapid.IntRange(0, len(begun)-1).Draw(t, "answered")
			begun[i].leave()
			begun = append(begun[:i], begun[i+1:]...)
		}
		for len(begun)+len(waiting) > 0 {
			if len(begun) == 0 {
				begun, waiting = waiting[:1], waiting[1:]
			}
			begun[0].leave()
			begun = begun[1:]
		}
		if len(l.byName) > 0 {
			t.Error("a lane is kept for nothing")
		}
	})
}
