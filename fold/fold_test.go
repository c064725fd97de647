package fold_test

import (
	"errors"
	"fmt"
	"testing"

	"refold/fold"
)

// coded is an error about an event.
type coded string

func (c coded) Error() string { return "bad event: " + string(c) }
func (c coded) Code() string  { return string(c) }

func TestCodeOf(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want string
	}{
		"nil":     {nil, ""},
		"fault":   {errors.New("the registry is away"), ""},
		"event":   {coded("sequence-gap"), "sequence-gap"},
		"wrapped": {fmt.Errorf("fold it: %w", coded("undecodable")), "undecodable"},
		"joined":  {errors.Join(errors.New("closing"), coded("no-key")), "no-key"},
	} {
		if got := fold.CodeOf(c.err); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
