package released_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"refold/codecs/released"
)

const (
	subject = "bank.Closed"
	first   = `{"type":"record","name":"Closed","namespace":"bank","fields":[]}`
	second  = `{"type":"record","name":"Closed","namespace":"bank","doc":"The end.","fields":[]}`
)

func open(t *testing.T, dir string) *released.Folder {
	t.Helper()
	f, err := released.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func freeze(t *testing.T, f *released.Folder, text string) (number int, isNew bool) {
	t.Helper()
	number, isNew, err := f.Freeze(subject, released.Version{Text: text, Example: []byte("example")})
	if err != nil {
		t.Fatal(err)
	}
	return number, isNew
}

// Given a folder that does not exist, when schemas are frozen, then each that differs is a version.
func TestFreeze(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "released")
	for _, step := range []struct {
		text   string
		number int
		isNew  bool
	}{
		{first, 1, true},
		{first, 1, false},
		{strings.ReplaceAll(first, ",", ",\n "), 1, false},
		{second, 2, true},
		{first, 3, true},
	} {
		f := open(t, dir) // from the files, each time
		if number, isNew := freeze(t, f, step.text); number != step.number || isNew != step.isNew {
			t.Errorf("got version %d, new: %v; want %d, %v", number, isNew, step.number, step.isNew)
		}
	}
	f := open(t, dir)
	if got := f.Subjects(); !slices.Equal(got, []string{subject}) {
		t.Errorf("subjects are %v", got)
	}
	versions := f.Versions(subject)
	if len(versions) != 3 || !released.Same(versions[1].Text, second) ||
		string(versions[2].Example) != "example" {
		t.Errorf("versions are %+v", versions)
	}
	if _, _, err := f.Freeze(subject, released.Version{Text: "{"}); err == nil {
		t.Error("what is no JSON is frozen")
	}
}

// Whatever is done to a file by hand is found, and named.
func TestEditedFolders(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(t *testing.T, dir string)
		want string
	}{
		"a schema is changed": {func(t *testing.T, dir string) {
			t.Helper()
			write(t, dir, subject+"/1.avsc", second)
		}, subject + "/1.avsc was changed"},
		"an example is changed": {func(t *testing.T, dir string) {
			t.Helper()
			write(t, dir, subject+"/1.bin", "another")
		}, subject + "/1.bin was changed"},
		"a file is removed": {func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(filepath.Join(dir, subject, "1.avsc")); err != nil {
				t.Fatal(err)
			}
		}, subject + "/1.avsc is missing"},
		"a file is added": {func(t *testing.T, dir string) {
			t.Helper()
			write(t, dir, subject+"/2.avsc", second)
		}, subject + "/2.avsc is not in SHA256SUMS"},
		"the checksums are removed": {func(t *testing.T, dir string) {
			t.Helper()
			if err := os.Remove(filepath.Join(dir, released.SumsFile)); err != nil {
				t.Fatal(err)
			}
		}, subject + "/1.avsc is not in SHA256SUMS"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			freeze(t, open(t, dir), first)
			test.edit(t, dir)
			_, err := released.Open(dir)
			if !errors.Is(err, released.ErrEdited) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// A file that came into the way since the folder was read is left as it is.
func TestFreezeChangesNoFile(t *testing.T) {
	dir := t.TempDir()
	f := open(t, dir)
	if err := os.Mkdir(filepath.Join(dir, subject), 0o750); err != nil {
		t.Fatal(err)
	}
	write(t, dir, subject+"/1.avsc", second)
	if _, _, err := f.Freeze(subject, released.Version{Text: first}); !errors.Is(err, os.ErrExist) {
		t.Errorf("got %v", err)
	}
	content, err := os.ReadFile(filepath.Join(dir, subject, "1.avsc"))
	if err != nil || string(content) != second {
		t.Errorf("the file has %s, %v", content, err)
	}
}

func TestNamesOfFiles(t *testing.T) {
	dir := t.TempDir()
	freeze(t, open(t, dir), first)
	for from, to := range map[string]string{"1.avsc": "one.avsc", "1.bin": "one.bin"} {
		if err := os.Rename(filepath.Join(dir, subject, from), filepath.Join(dir, subject, to)); err != nil {
			t.Fatal(err)
		}
	}
	sums, err := os.ReadFile(filepath.Join(dir, released.SumsFile))
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, released.SumsFile, strings.ReplaceAll(string(sums), "/1.", "/one."))
	if _, err := released.Open(dir); err == nil || !strings.Contains(err.Error(), "<record>/<version>.avsc") {
		t.Errorf("got %v", err)
	}
	write(t, dir, released.SumsFile, "nonsense\n")
	if _, err := released.Open(dir); err == nil || !strings.Contains(err.Error(), "two spaces") {
		t.Errorf("got %v", err)
	}
}

// Registries keep members in another order, and white space; a doc is a difference.
func TestSame(t *testing.T) {
	const schema = `{"type": "record", "name": "A", "fields": [
		{"name": "n", "type": "long", "default": 9007199254740993}]}`
	const reordered = `{"name":"A","type":"record","fields":[
		{"default":9007199254740993,"name":"n","type":"long"}]}`
	for _, test := range []struct {
		other string
		want  bool
	}{
		{reordered, true},
		{strings.Replace(reordered, "0993", "0992", 1), false},
		{`{"name":"A","type":"record","doc":"d","fields":[]}`, false},
		{`no JSON`, false},
	} {
		if released.Same(schema, test.other) != test.want {
			t.Errorf("%s: want %v", test.other, test.want)
		}
	}
}
