package refold

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// work does what takes a time, by a clock that only tests have.
func work(d time.Duration) { <-time.After(d) }

func TestPaceLimitsEvents(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, begin, done := newPace(10_000, 1), time.Now(), 0
		for done < 50_000 {
			if err := p.wait(t.Context(), p.stride()); err != nil {
				t.Fatal(err)
			}
			done += p.stride()
		}
		if took := time.Since(begin); took < 4900*time.Millisecond || took > 5100*time.Millisecond {
			t.Errorf("%d events at 10,000 each second took %v", done, took)
		}
	})
}

func TestPaceLimitsTheShareOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, begin, worked := newPace(0, 0.25), time.Now(), time.Duration(0)
		for worked < time.Second {
			if err := p.wait(t.Context(), p.stride()); err != nil {
				t.Fatal(err)
			}
			work(time.Millisecond)
			worked += time.Millisecond
			p.pause()
			work(time.Microsecond) // waiting for the network, say: no work
		}
		if took := time.Since(begin); took < 3900*time.Millisecond || took > 4100*time.Millisecond {
			t.Errorf("a second of work at a share of a quarter took %v", took)
		}
	})
}

func TestPaceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		over := errors.New("over")
		for name, p := range map[string]*pace{"events": newPace(1, 1), "share": newPace(0, 0.0001)} {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(time.Second, func() { cancel(over) })
			var err error
			for err == nil {
				err = p.wait(ctx, 1)
				work(10 * time.Millisecond)
			}
			if !errors.Is(err, over) && !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %v", name, err)
			}
		}
	})
}
