//go:build system

package realkafka

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

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

// A machine that lacks something is told what, and what to do.
func TestMissing(t *testing.T) {
	old := fakeJava(t, "17.0.15")
	_, none := newest(t.Context(), nil)
	_, tooOld := newest(t.Context(), []string{old})
	t.Setenv("PATH", t.TempDir())
	noMaven := runMaven(t.Context(), java{}, t.TempDir(), "", nil)
	for _, test := range []struct {
		err  error
		says []string
	}{
		{none, []string{"Java", "install a JDK 21 or newer", "JAVA_HOME"}},
		{tooOld, []string{old + " (Java 17)", "install a JDK 21 or newer", "JAVA_HOME"}},
		{noMaven, []string{"Maven (mvn)"}},
	} {
		if !errors.Is(test.err, ErrMissing) {
			t.Errorf("the error is %v", test.err)
			continue
		}
		for _, text := range test.says {
			if !strings.Contains(test.err.Error(), text) {
				t.Errorf("no %q in %q", text, test.err)
			}
		}
	}
}

func TestNewestJava(t *testing.T) {
	binaries := []string{fakeJava(t, "21.0.1"), fakeJava(t, "25.0.3"), "/nowhere/bin/java"}
	got, err := newest(t.Context(), binaries)
	if err != nil || got.Version != 25 || got.binary() != binaries[1] {
		t.Errorf("the newest Java is %+v, %v", got, err)
	}
}

// fakeJava makes a program that says it is that version of Java.
func fakeJava(t *testing.T, version string) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "bin", "java")
	script := "#!/bin/sh\necho 'openjdk version \"" + version + "\"' >&2\n"
	err := os.Mkdir(filepath.Dir(binary), 0o750)
	if err == nil {
		err = os.WriteFile(binary, []byte(script), 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
