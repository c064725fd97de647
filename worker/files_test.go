package worker

import "testing"

// A limit of open files that the stores and connections exceed is told before the process ends of it.
func TestTooFewFiles(t *testing.T) {
	for name, test := range map[string]struct {
		openFiles int
		limit     int64
		directory string
		told      bool
	}{
		"enough":       {600, 1024, "stores", false},
		"too few":      {1000, 1024, "stores", true},
		"nobody knows": {1000, 0, "stores", false},
		"in memory":    {1000, 1024, "", false},
	} {
		w := new(Worker)
		w.config.Store.OpenFiles, w.config.Store.Directory = test.openFiles, test.directory
		if err := w.tooFewFiles(test.limit); (err != nil) != test.told {
			t.Errorf("%s: %v", name, err)
		}
	}
}
