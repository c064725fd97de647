package worker

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Many who want an answer get one, and it is asked for once in its time; one who leaves takes nothing from
// the others.
func TestRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := 0
		r := newRemembered(time.Second, func(ctx context.Context) (int, error) {
			asked++
			time.Sleep(100 * time.Millisecond) //nolint:forbidigo // the bubble's time is exact
			return asked, ctx.Err()
		})
		leaves, leave := context.WithCancel(t.Context())
		var all sync.WaitGroup
		get := func(ctx context.Context, want int, wrong error) {
			all.Go(func() {
				if got, err := r.get(ctx); got != want || !errors.Is(err, wrong) {
					t.Errorf("got %d, %v; want %d, %v", got, err, want, wrong)
				}
			})
		}
		get(leaves, 1, nil) // asks for all, and goes on although it leaves
		synctest.Wait()
		get(leaves, 0, context.Canceled)
		for range 10 {
			get(t.Context(), 1, nil)
		}
		synctest.Wait()
		leave()
		all.Wait()
		time.Sleep(time.Second) //nolint:forbidigo // the same
		get(t.Context(), 2, nil)
		all.Wait()
		r.forget()
		get(t.Context(), 3, nil)
		all.Wait()
	})
}
