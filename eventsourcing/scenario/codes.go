package scenario

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"
)

// DeclaredCodes reads the constants named Code… from a Go file, by name, so that a test can see that
// each code of a rejection is provoked. It fails the test if one of them is no string literal.
func DeclaredCodes(tb testing.TB, file string) map[string]string {
	tb.Helper()
	syntax, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		tb.Fatal(err)
	}
	codes := make(map[string]string)
	ast.Inspect(syntax, func(n ast.Node) bool {
		spec, is := n.(*ast.ValueSpec)
		if !is || !strings.HasPrefix(spec.Names[0].Name, "Code") {
			return true
		}
		name := spec.Names[0].Name
		if len(spec.Values) == 1 {
			if literal, is := spec.Values[0].(*ast.BasicLit); is && literal.Kind == token.STRING {
				codes[name], err = strconv.Unquote(literal.Value)
			}
		}
		if _, read := codes[name]; !read || err != nil {
			tb.Fatal(name + " is no string literal")
		}
		return true
	})
	return codes
}
