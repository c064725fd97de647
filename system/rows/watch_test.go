package rows

import (
	"context"
	"errors"
	"testing"
)

// A reader that sees less than before notes it, unless a backup was restored. A store that is away is no
// breach.
func TestWatch(t *testing.T) {
	var sees int64
	errAway := errors.New("away")
	w := NewWatch(func(_ context.Context, s *Seen) error {
		if sees < 0 {
			return errAway
		}
		s.NotBelow("it", sees)
		return nil
	})
	look := func(n int64) {
		sees = n
		w.once(t.Context())
	}
	look(5)
	look(-1)
	look(7)
	if err := w.Restored(func() error { return nil }); err != nil {
		t.Fatal(err)
	}
	look(2)
	look(1)
	if n, away := w.Looks(); n != 4 || !errors.Is(away, errAway) {
		t.Errorf("%d looks have succeeded, and it was away with %v", n, away)
	}
	if all := w.Breaches(); len(all) != 1 || all[0] != "it is 1, and was 2 before" {
		t.Errorf("the breaches are %q", all)
	}
}
