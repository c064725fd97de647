//go:build faulty

package exactlyonce_test

import (
	"os"
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
		c.expectCounts("key-000", "1 2 1 3")
	})
}
