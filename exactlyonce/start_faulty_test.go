//go:build faulty

package exactlyonce_test

import (
	"os"
	"slices"
	"testing"
)

// The twin of TestStartNewest_crash: with FAULTY=start the first position is not committed at once, and the
// records between the first start and the crash are lost. `make simulate-proof` runs it.
func TestStartFaulty(t *testing.T) {
	if os.Getenv("FAULTY") != "start" {
		t.Fatal("FAULTY must be start")
	}
	c := crashBeforeTheFirstBatch(t)
	c.waitForOutputs(5)
	if got, want := c.handledNumbers(), []int{110, 111, 112, 113, 114}; !slices.Equal(got, want) {
		t.Errorf("the records %v were handled; want the loss of those before %v", got, want)
	}
}
