package protobuf

import (
	"embed"
	"strings"

	"github.com/bufbuild/protocompile"
	"google.golang.org/protobuf/reflect/protoregistry"
)

// bundled has files that registries take for granted, beside those of google/protobuf.
//
//go:embed bundled
var bundled embed.FS

// standardFolder has the files of the library, which have their paths for themselves.
const standardFolder = "google/protobuf/"

// standard finds the library's files.
var standard = protocompile.WithStandardImports(protocompile.ResolverFunc(
	func(string) (protocompile.SearchResult, error) {
		return protocompile.SearchResult{}, protoregistry.NotFound
	}))

// sources finds the texts of files.
type sources struct {
	name, text string
	imports    map[string]string
}

// FindFileByPath implements [protocompile.Resolver]. The library's own types come first: they have a JSON of
// their own, and no text of anybody's may change them.
func (s sources) FindFileByPath(path string) (protocompile.SearchResult, error) {
	if path == s.name {
		return protocompile.SearchResult{Source: strings.NewReader(s.text)}, nil
	}
	if strings.HasPrefix(path, standardFolder) {
		if found, err := standard.FindFileByPath(path); err == nil {
			return found, nil
		}
	}
	return s.imported(path)
}

func (s sources) imported(path string) (protocompile.SearchResult, error) {
	if text, has := s.imports[path]; has {
		return protocompile.SearchResult{Source: strings.NewReader(text)}, nil
	}
	if text, err := bundled.ReadFile("bundled/" + path); err == nil {
		return protocompile.SearchResult{Source: strings.NewReader(string(text))}, nil
	}
	return protocompile.SearchResult{}, protoregistry.NotFound
}
