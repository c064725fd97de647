//go:build system

package main

import "testing"

// A pod owns nothing any more when every partition has an owner, and it is another.
func TestOwnsNothing(t *testing.T) {
	for name, test := range map[string]struct {
		owners string
		want   bool
	}{
		"others have all": {
			`{"aggregates": [{"aggregate": "account", "partitions": [
				{"partition": 0, "address": "b:1"}, {"partition": 1, "address": "c:1"}]}]}`, true,
		},
		"it has one": {
			`{"aggregates": [{"aggregate": "account", "partitions": [
				{"partition": 0, "address": "b:1"}, {"partition": 1, "address": "a:1"}]}]}`, false,
		},
		"nobody has one": {
			`{"aggregates": [{"aggregate": "account", "partitions": [{"partition": 0}]}]}`, false,
		},
		"no owners": {`-`, false},
	} {
		if err := ownsNothing(test.owners, "a:1"); (err == nil) != test.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}
