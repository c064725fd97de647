//go:build system

package realkafka

import "testing"

func TestParseVersion(t *testing.T) {
	for out, want := range map[string]int{
		`openjdk version "25.0.3" 2026-04-21 LTS`: 25,
		`openjdk version "17.0.15" 2025-04-15`:    17,
		`java version "1.8.0_402"`:                8,
		`openjdk version "22" 2024-03-19`:         22,
	} {
		if got, err := parseVersion(out); err != nil || got != want {
			t.Errorf("parseVersion(%q) = %d, %v, want %d", out, got, err, want)
		}
	}
	if got, err := parseVersion("command not found"); err == nil {
		t.Errorf("a text without version was read as %d", got)
	}
}
