package released

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The names of files.
const (
	SumsFile = "SHA256SUMS"

	exampleSuffix = ".bin"
	// importsSuffix ends the folder of what a version refers to, by the names that it has there.
	importsSuffix = ".imports"
)

// suffixes are those of schemas, by format.
var suffixes = map[string]string{"AVRO": ".avsc", "PROTOBUF": ".proto", "JSON": ".json"}

// ErrEdited says that a folder is not what was released.
var ErrEdited = errors.New("released schemas were edited")

// Version is a version of a record as it was released.
type Version struct {
	Number int
	// Format is that of the schema, as registries name it: AVRO, PROTOBUF or JSON. Empty is AVRO.
	Format string
	// Text is the schema, Imports are the texts that it refers to by name.
	Text    string
	Imports map[string]string
	// Example is the data of a record of this version, without the wire format's header.
	Example []byte
}

func (v *Version) format() string { return cmp.Or(v.Format, "AVRO") }

// Folder is a folder of released schemas. It is not safe for concurrent use.
type Folder struct {
	dir      string
	subjects map[string][]Version // each the oldest first
}

// Open reads a folder. One that does not exist is empty. The error wraps [ErrEdited], and names each file
// that was changed, removed, or added by hand.
func Open(dir string) (*Folder, error) {
	f := &Folder{dir: dir, subjects: map[string][]Version{}}
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	sums, err := readSums(dir)
	if err != nil {
		return nil, err
	}
	files, err := readFiles(dir)
	if err != nil {
		return nil, fmt.Errorf("read released schemas: %w", err)
	}
	if err := compareSums(sums, files); err != nil {
		return nil, fmt.Errorf("%w: %s:\n%w", ErrEdited, dir, err)
	}
	if err := f.add(files); err != nil {
		return nil, err
	}
	return f, nil
}

// readFiles returns the schemas and examples of a folder by their names.
func readFiles(dir string) (map[string][]byte, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err //nolint:wrapcheck // Open does
	}
	defer func() { _ = root.Close() }() // it was only read
	files := map[string][]byte{}
	err = fs.WalkDir(root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || path.Dir(name) == "." {
			return err // the sums, and what people have put there
		}
		files[name], err = fs.ReadFile(root.FS(), name)
		return err //nolint:wrapcheck // Open does
	})
	return files, err //nolint:wrapcheck // Open does
}

// add sorts the files into versions.
func (f *Folder) add(files map[string][]byte) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		subject, file, _ := strings.Cut(name, "/")
		suffix := path.Ext(file)
		if strings.Contains(file, "/") || suffix == exampleSuffix {
			continue // it belongs to a schema
		}
		stem := strings.TrimSuffix(name, suffix)
		number, err := strconv.Atoi(path.Base(stem))
		v := Version{
			Number: number, Format: formatOf(suffix), Text: string(files[name]),
			Imports: map[string]string{}, Example: files[stem+exampleSuffix],
		}
		if v.Format == "" || err != nil || number < 1 {
			return fmt.Errorf("%s: must be <record>/<version>.avsc, .proto or .json, the versions from 1 on",
				filepath.Join(f.dir, name))
		}
		for imported, text := range files {
			if within, is := strings.CutPrefix(imported, stem+importsSuffix+"/"); is {
				v.Imports[within] = string(text)
			}
		}
		f.subjects[subject] = append(f.subjects[subject], v)
	}
	for _, versions := range f.subjects {
		slices.SortFunc(versions, func(a, b Version) int { return a.Number - b.Number })
	}
	return nil
}

// readSums returns the sums of files by their names; none if there is no such file.
func readSums(dir string) (map[string]string, error) {
	content, err := os.ReadFile(filepath.Join(dir, SumsFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read released schemas: %w", err)
	}
	sums := map[string]string{}
	for line := range strings.Lines(string(content)) {
		sum, name, ok := strings.Cut(strings.TrimRight(line, "\r\n"), "  ")
		if !ok {
			return nil, fmt.Errorf("%s: %q must be a checksum, two spaces, and the name of a file",
				filepath.Join(dir, SumsFile), line)
		}
		sums[name] = sum
	}
	return sums, nil
}

// compareSums lists files that differ from what was released.
func compareSums(sums map[string]string, files map[string][]byte) error {
	var errs []error
	wrong := func(name, format string) { errs = append(errs, fmt.Errorf("  "+format, name)) }
	for _, name := range slices.Sorted(maps.Keys(files)) {
		switch sum, listed := sums[name]; {
		case !listed:
			wrong(name, "%s is not in "+SumsFile+": remove it, and freeze it instead")
		case sum != sumOf(files[name]):
			wrong(name, "%s was changed: take the change back; what is new becomes a new version by freeze")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(sums)) {
		if _, has := files[name]; !has {
			wrong(name, "%s is missing: records of it may be in the topics for ever")
		}
	}
	return errors.Join(errs...)
}

func sumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// Subjects returns the full names of all records, sorted.
func (f *Folder) Subjects() []string { return slices.Sorted(maps.Keys(f.subjects)) }

// Versions returns the versions of a record, the oldest first.
func (f *Folder) Versions(subject string) []Version { return slices.Clone(f.subjects[subject]) }

// formatOf returns the format of a suffix; "" if there is none.
func formatOf(suffix string) string {
	for format, of := range suffixes {
		if of == suffix {
			return format
		}
	}
	return ""
}

// Freeze writes today's schema of a record, and an example of it, as the next version, unless the latest
// version is the same but for white space. It returns the version's number, and whether it is new; it does
// not look at today's own. A file that exists is never changed: the error says so.
func (f *Folder) Freeze(subject string, today Version) (number int, isNew bool, err error) {
	versions := f.subjects[subject]
	if n := len(versions); n > 0 {
		if number = versions[n-1].Number; versions[n-1].same(&today) {
			return number, false, nil
		}
	}
	number++
	today.Number = number
	if today.Text, err = legible(&today); err != nil {
		return 0, false, fmt.Errorf("freeze %s: %w", subject, err)
	}
	if err := f.write(subject, &today); err != nil {
		return 0, false, fmt.Errorf("freeze version %d of %s: %w", number, subject, err)
	}
	f.subjects[subject] = append(versions, today)
	return number, true, nil
}

// legible returns the text of a version as it is written into a file.
func legible(v *Version) (string, error) {
	if v.format() == "PROTOBUF" {
		return strings.TrimRight(v.Text, "\n") + "\n", nil
	}
	var schema bytes.Buffer
	if err := json.Indent(&schema, []byte(v.Text), "", "  "); err != nil {
		return "", fmt.Errorf("its schema is no JSON: %w", err)
	}
	return schema.String() + "\n", nil
}

func (f *Folder) write(subject string, v *Version) error {
	suffix := suffixes[v.format()]
	if suffix == "" {
		return fmt.Errorf("there is no format %s", v.Format)
	}
	files := map[string]string{suffix: v.Text, exampleSuffix: string(v.Example)}
	for name, text := range v.Imports {
		if !filepath.IsLocal(filepath.FromSlash(name)) {
			return fmt.Errorf("it refers to %q, which is no name for a file", name)
		}
		files[importsSuffix+"/"+name] = text
	}
	var lines strings.Builder
	for _, end := range slices.Sorted(maps.Keys(files)) {
		name := subject + "/" + strconv.Itoa(v.Number) + end
		path := filepath.Join(f.dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return err //nolint:wrapcheck // Freeze does
		}
		// O_EXCL: a file that exists was released.
		if err := appendTo(path, []byte(files[end]), os.O_EXCL); err != nil {
			return err
		}
		fmt.Fprintf(&lines, "%s  %s\n", sumOf([]byte(files[end])), name)
	}
	return appendTo(filepath.Join(f.dir, SumsFile), []byte(lines.String()), os.O_APPEND)
}

func appendTo(path string, content []byte, flag int) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|flag, 0o600)
	if err != nil {
		return err //nolint:wrapcheck // Freeze does
	}
	_, err = file.Write(content)
	return errors.Join(err, file.Close())
}

// same reports whether two versions have the same schema.
func (v *Version) same(other *Version) bool {
	if v.format() != other.format() || len(v.Imports) != len(other.Imports) {
		return false
	}
	for name, text := range v.Imports {
		if imported, has := other.Imports[name]; !has || !Same(text, imported) {
			return false
		}
	}
	return Same(v.Text, other.Text)
}

// Same reports whether two schemas are the same but for white space and the order of members: registries may
// keep them in another order.
func Same(a, b string) bool {
	left, leftErr := parseJSON(a)
	right, rightErr := parseJSON(b)
	if leftErr != nil || rightErr != nil {
		return strings.TrimSpace(a) == strings.TrimSpace(b) // Protobuf
	}
	return reflect.DeepEqual(left, right)
}

func parseJSON(text string) (value any, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber() // a long has more digits than a float64
	err = decoder.Decode(&value)
	return value, err
}
