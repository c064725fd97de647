package compat_test

import (
	"testing"

	"refold/codecs/compat"
	"refold/codecs/compat/compattest"
)

// Whatever two schemas are, the comparison ends; a difference that breaks something is one that is reported.
func FuzzCompare(f *testing.F) {
	for _, c := range compattest.Cases() {
		f.Add(c.Older, c.Newer)
	}
	f.Fuzz(func(t *testing.T, older, newer string) {
		a, err := compat.Parse(older)
		if err != nil {
			return
		}
		b, err := compat.Parse(newer)
		if err != nil {
			return
		}
		found, changes := compat.Compare(a, b), compat.Diff(a, b)
		if len(found) > 0 && len(changes) == 0 && older != newer {
			for _, finding := range found {
				if finding.Kind != compat.KindClash {
					t.Errorf("nothing has changed, and there is a break: %s", finding)
				}
			}
		}
	})
}
