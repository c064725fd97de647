//go:build faulty

package exactlyonce_test

import (
	"os"
	"strings"
	"testing"
)

// The twin of TestBetween_zombie: with FAULTY=fencing a zombie's row is committed over its heir's.
// `make simulate-proof` runs it.
func TestBetweenFaulty_zombie(t *testing.T) {
	if os.Getenv("FAULTY") != "fencing" {
		t.Fatal("FAULTY must be fencing")
	}
	versions(t, func(t *testing.T, version int16) {
		t.Helper()
		c, err := writeAsZombie(t, version)
		if err != nil {
			t.Errorf("the zombie is told %v", err)
		}
		if got := c.counts("key-000"); !strings.HasPrefix(got, "1 2 1") {
			t.Errorf("the row was %s; want 1 2, and 1 again", got)
		}
	})
}
