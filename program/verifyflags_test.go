package program

import (
	"fmt"
	"testing"
)

func TestParsePartitions(t *testing.T) {
	for text, want := range map[string]string{
		"": "[0 1 2 3]", "2": "[2]", "3,0": "[0 3]", "1-2": "[1 2]", "0-1,1-2": "[0 1 2]",
		"4": "", "-1": "", "2-1": "", "a": "", "1,": "",
	} {
		got, err := parsePartitions(text, 4)
		if (err == nil) != (want != "") || err == nil && fmt.Sprint(got) != want {
			t.Errorf("%q: %v, %v; want %s", text, got, err, want)
		}
	}
}
