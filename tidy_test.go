// Package refold_test holds the code base to what no linter knows: it reads the repository's
// files, and runs nothing.
package refold_test

import (
	"bufio"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxFileLines is where a file should have become two, each with a purpose of its own.
const maxFileLines = 400

// files returns the repository's files whose names end in one of the suffixes, by path.
func files(t *testing.T, suffixes ...string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		hidden := strings.HasPrefix(entry.Name(), ".") && path != "." && entry.Name() != ".ci"
		if entry.IsDir() && (hidden || path == "bin") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".pb.go") || strings.HasSuffix(path, "_templ.go") {
			return nil // it is generated
		}
		for _, suffix := range suffixes {
			if !entry.IsDir() && strings.HasSuffix(path, suffix) {
				found = append(found, path)
				break
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// read returns a file's text.
func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// parsed returns the syntax of every Go file that isn't a test, by path.
func parsed(t *testing.T) (*token.FileSet, map[string]*ast.File) {
	t.Helper()
	set, trees := token.NewFileSet(), make(map[string]*ast.File)
	for _, path := range files(t, ".go") {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		tree, err := parser.ParseFile(set, path, nil, parser.ParseComments)
		if err != nil {
			t.Errorf("parsing: %v", err)
			continue
		}
		trees[path] = tree
	}
	return set, trees
}

// maxFileBytes is more than any source, and less than any program.
const maxFileBytes = 1 << 20

// A program was committed once, by its name that is a folder's elsewhere.
func TestNoProgramIsAmongTheSources(t *testing.T) {
	for _, path := range files(t, "") {
		if slices.Contains([]string{".test", ".out", ".prof"}, filepath.Ext(path)) {
			continue // .gitignore leaves them out
		}
		about, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if about.Size() > maxFileBytes {
			t.Errorf("%s has %d bytes", path, about.Size())
		}
	}
}

func TestFilesAreShort(t *testing.T) {
	for _, path := range files(t, ".go") {
		if n := strings.Count(read(t, path), "\n"); n > maxFileLines {
			t.Errorf("%s has %d lines, at most %d are allowed: split it by purpose",
				path, n, maxFileLines)
		}
	}
}

func TestNothingIsLeftOpen(t *testing.T) {
	left := regexp.MustCompile(`\b(TO` + `DO|FIX` + `ME|XX` + `X)\b|\b[tbf]\.Sk` + `ip(Now|f)?\(`)
	for _, path := range files(t, ".go", ".md", ".yml", ".yaml", ".avsc", "Makefile", "run") {
		for i, line := range strings.Split(read(t, path), "\n") {
			if match := left.FindString(line); match != "" {
				t.Errorf("%s:%d: %s: do it, or say in prose what is not done and why",
					path, i+1, match)
			}
		}
	}
}

func TestEveryPackageIsIntroduced(t *testing.T) {
	_, trees := parsed(t)
	comments := make(map[string][]string) // folder → files with a package comment
	for path, tree := range trees {
		folder := filepath.Dir(path)
		comments[folder] = append(comments[folder], nil...)
		if tree.Doc == nil {
			continue
		}
		comments[folder] = append(comments[folder], path)
		want := "Package " + tree.Name.Name + " "
		if tree.Name.Name == "main" {
			want = "Command " + filepath.Base(folder) + " "
		} else if filepath.Base(path) != "doc.go" {
			t.Errorf("%s: the package comment belongs into doc.go", path)
		}
		if !strings.HasPrefix(tree.Doc.Text(), want) {
			t.Errorf("%s: the package comment must begin with %q", path, want)
		}
	}
	for folder, with := range comments {
		if len(with) != 1 {
			t.Errorf("%s: want one package comment, found %d %v", folder, len(with), with)
		}
	}
}

func TestExportedNamesPromiseSomething(t *testing.T) {
	set, trees := parsed(t)
	for _, tree := range trees {
		for _, declaration := range tree.Decls {
			for _, name := range undocumented(declaration) {
				t.Errorf("%v: %s has no doc comment: what does it promise?",
					set.Position(name.Pos()), name.Name)
			}
		}
	}
}

// undocumented returns the exported names of a declaration that have no doc comment. One comment
// on a group of constants or variables serves all of them.
func undocumented(declaration ast.Decl) []*ast.Ident {
	if d, is := declaration.(*ast.FuncDecl); is {
		if d.Doc == nil && exportedReceiver(d) {
			return exported(d.Name)
		}
		return nil
	}
	var names []*ast.Ident
	group := declaration.(*ast.GenDecl)
	for _, spec := range group.Specs {
		switch s := spec.(type) {
		case *ast.TypeSpec:
			if group.Doc == nil && s.Doc == nil {
				names = append(names, exported(s.Name)...)
			}
		case *ast.ValueSpec:
			if group.Doc == nil && s.Doc == nil && s.Comment == nil {
				names = append(names, exported(s.Names...)...)
			}
		}
	}
	return names
}

func exported(names ...*ast.Ident) []*ast.Ident {
	return slices.DeleteFunc(names, func(name *ast.Ident) bool { return !name.IsExported() })
}

// interfaceMethods are methods whose promise is that of a well-known interface.
var interfaceMethods = []string{
	"Error", "Unwrap", "Is", "As", "String", "LogValue", "Len", "Less", "Swap", "MarshalText",
	"UnmarshalText", "MarshalJSON", "UnmarshalJSON", "ServeHTTP", "Write", "Read",
}

// exportedReceiver reports whether a function is one that users of the package see and that its
// name does not explain.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	receiver := d.Recv.List[0].Type
	for {
		switch r := receiver.(type) {
		case *ast.StarExpr:
			receiver = r.X
		case *ast.IndexExpr:
			receiver = r.X
		case *ast.IndexListExpr:
			receiver = r.X
		case *ast.Ident:
			return r.IsExported() && !slices.Contains(interfaceMethods, d.Name.Name)
		default:
			return false
		}
	}
}

var (
	link    = regexp.MustCompile(`\]\(([^()\s]+)\)`)
	fenced  = regexp.MustCompile("(?s)```.*?```")
	heading = regexp.MustCompile(`(?m)^#+ +(.*?) *$`)
	notSlug = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

func TestLinksLeadSomewhere(t *testing.T) {
	for _, path := range files(t, ".md") {
		text := fenced.ReplaceAllString(read(t, path), "") // NewTable[Row]("name") is no link
		for _, match := range link.FindAllStringSubmatch(text, -1) {
			target, anchor, _ := strings.Cut(match[1], "#")
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue // other people's pages are not ours to test
			}
			file := path
			if target != "" {
				file = filepath.Join(filepath.Dir(path), target)
			}
			if _, err := os.Stat(file); err != nil {
				t.Errorf("%s: the link %s leads nowhere", path, match[1])
				continue
			}
			if anchor != "" && !hasHeading(read(t, file), anchor) {
				t.Errorf("%s: the link %s leads to no heading", path, match[1])
			}
		}
	}
}

// hasHeading reports whether a page has a heading that is reached by #anchor.
func hasHeading(page, anchor string) bool {
	for _, match := range heading.FindAllStringSubmatch(page, -1) {
		slug := notSlug.ReplaceAllString(strings.ToLower(match[1]), "")
		if strings.ReplaceAll(slug, " ", "-") == anchor {
			return true
		}
	}
	return false
}

var (
	fence     = regexp.MustCompile("^\\s*```")
	inline    = regexp.MustCompile("`([^`]+)`")
	target    = regexp.MustCompile(`(?m)^([a-z-]+):`)
	use       = regexp.MustCompile(`Use:\s*"([a-z-]+)`)
	makes     = regexp.MustCompile(`(?:^|[;&|(]\s*)make ([a-z-]+)`)
	processor = regexp.MustCompile(`(?:^|[;&|(/\s])processor ([a-z][a-z-]*)`)
	folder    = regexp.MustCompile(`(?:^|\s)(\./[a-z][\w./-]*)`)
)

// TestCommandsExist checks what the pages tell a reader to type.
func TestCommandsExist(t *testing.T) {
	targets := names(target, read(t, "Makefile"))
	var commands []string
	for _, path := range files(t, ".go") {
		if strings.HasPrefix(path, "program"+string(filepath.Separator)) {
			commands = append(commands, names(use, read(t, path))...)
		}
	}
	checks := []struct {
		mentioned *regexp.Regexp
		exists    func(name string) bool
		otherwise string
	}{
		{
			makes, func(name string) bool { return slices.Contains(targets, name) },
			"the Makefile has no target",
		},
		{
			processor, func(name string) bool { return slices.Contains(commands, name) },
			"the program has no command",
		},
		{folder, func(name string) bool {
			_, err := os.Stat(strings.TrimSuffix(name, "/..."))
			return err == nil || strings.HasPrefix(name, "./bin/") // which is built
		}, "there is no"},
	}
	for _, path := range files(t, ".md") {
		for _, code := range typed(read(t, path)) {
			for _, check := range checks {
				for _, name := range slices.DeleteFunc(names(check.mentioned, code), check.exists) {
					t.Errorf("%s: `%s`: %s %s", path, code, check.otherwise, name)
				}
			}
		}
	}
}

// typed returns a page's lines of code: those in fences without their prompt, and code in the
// text that is a whole command.
func typed(page string) []string {
	var lines []string
	fenced := false
	scanner := bufio.NewScanner(strings.NewReader(page))
	for scanner.Scan() {
		line := scanner.Text()
		switch {
		case fence.MatchString(line):
			fenced = !fenced
		case fenced:
			line, _, _ = strings.Cut(line, " #") // what follows explains
			lines = append(lines, strings.TrimPrefix(strings.TrimSpace(line), "$ "))
		default:
			for _, match := range inline.FindAllStringSubmatch(line, -1) {
				lines = append(lines, match[1])
			}
		}
	}
	return lines
}

// names returns what a pattern's first group matches in a text.
func names(pattern *regexp.Regexp, text string) []string {
	var all []string
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		all = append(all, match[1])
	}
	return all
}
