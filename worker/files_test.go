package worker

import (
	"testing"

	"refold/processors"
)

// More partitions than files can be opened for are told before the process ends of them.
func TestTooFewFiles(t *testing.T) {
	for name, test := range map[string]struct {
		partitions int32
		limit      int64
		views      bool
		directory  string
		told       bool
	}{
		"enough":       {8, 1024, true, "stores", false},
		"too few":      {256, 20_000, true, "stores", true},
		"no views":     {256, 20_000, false, "stores", false},
		"nobody knows": {256, 0, true, "stores", false},
		"in memory":    {256, 20_000, true, "", false},
	} {
		w := &Worker{opened: &processors.Opened{Aggregates: make([]*processors.OpenAggregate, 2)}}
		w.partitions.Store(test.partitions)
		w.config.Views.Enabled, w.config.Store.Directory = test.views, test.directory
		if err := w.tooFewFiles(test.limit); (err != nil) != test.told {
			t.Errorf("%s: %v", name, err)
		}
	}
}
