package rules

import (
	"slices"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
)

// fieldPath is a field that an expression names, from the record on.
type fieldPath []string

// pathsIn returns the fields of message that an expression names, each once, in the order of its text. Of
// message.a.b it is a.b. What it names of the items of a list counts as the list.
func pathsIn(checked *cel.Ast) (paths []fieldPath) {
	inner := map[int64]bool{} // expressions that are the beginning of a longer path
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.SelectKind || inner[e.ID()] {
			return
		}
		var path fieldPath
		for e.Kind() == ast.SelectKind {
			path = append(path, e.AsSelect().FieldName())
			e = e.AsSelect().Operand()
			inner[e.ID()] = true
		}
		slices.Reverse(path)
		if e.Kind() == ast.IdentKind && e.AsIdent() == messageName &&
			!slices.ContainsFunc(paths, func(p fieldPath) bool { return slices.Equal(p, path) }) {
			paths = append(paths, path)
		}
	}))
	return paths
}

// valuesAt returns the fields of a record at the paths.
func valuesAt(o *object, paths []fieldPath) []Field {
	fields := make([]Field, len(paths))
	for i, path := range paths {
		fields[i] = Field{Path: strings.Join(path, "."), Value: shown(valueAt(o, path))}
	}
	return fields
}

func valueAt(o *object, path fieldPath) ref.Val {
	var value ref.Val = o
	for _, name := range path {
		within, is := value.(traits.Indexer)
		if !is {
			return types.NullValue
		}
		value = within.Get(types.String(name))
	}
	return value
}
