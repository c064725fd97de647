package refold_test

import (
	"math"
	"strings"
	"testing"

	"refold/snapshots/rebuild/refold"
)

// Each mistake is named by its field, and a field that is not set is one: the package has no defaults beside
// the configuration's.
func TestMistakenOptions(t *testing.T) {
	w := newWorld(t)
	for name, mistake := range map[string]func(*refold.Options){
		"Fold":            func(o *refold.Options) { o.Fold = nil },
		"EventsTopic":     func(o *refold.Options) { o.EventsTopic = "" },
		"Partition":       func(o *refold.Options) { o.Partition = -1 },
		"CacheBytes":      func(o *refold.Options) { o.CacheBytes = 0 },
		"EventsPerSecond": func(o *refold.Options) { o.EventsPerSecond = -1 },
		"CPUShare":        func(o *refold.Options) { o.CPUShare = math.NaN() },
		"Rows":            func(o *refold.Options) { o.Rows = nil },
		"Live":            func(o *refold.Options) { o.Live = nil },
		"StepRows":        func(o *refold.Options) { o.StepRows = 0 },
		"StepBytes":       func(o *refold.Options) { o.StepBytes = 0 },
		"StepEvents":      func(o *refold.Options) { o.StepEvents = -1 },
		"StepTimeout":     func(o *refold.Options) { o.StepTimeout = 0 },
		"Samples":         func(o *refold.Options) { o.Samples = -1 },
	} {
		o := w.options()
		mistake(&o)
		if _, err := w.run(o); err == nil || !strings.Contains(err.Error(), name+" is ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
