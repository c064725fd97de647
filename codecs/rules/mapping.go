package rules

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"refold/codecs/expr"
)

// Mapping makes a record of one type of a record of another. It is safe for concurrent use.
type Mapping struct {
	from, to *record
	program  cel.Program
}

// NewMapping compiles an expression that makes a record of type to of one of type from, the variable message.
// It is a map of the new record's fields, such as {"amount": message.euros * 100, "currency": "EUR"}, or the
// record itself, such as MoneyDeposited{amount: message.euros * 100, currency: "EUR"}, also in the branches
// of a condition; a record inside it is written in one of the two ways as well. All fields must be set, but
// for those that may be null. The error lists every mistake with its place: a field that there is not, one
// that has another type, one that is missing.
func NewMapping(from, to reflect.Type, text string) (*Mapping, error) {
	known, env, err := newRecords(from, to)
	if err != nil {
		return nil, err
	}
	m := &Mapping{from: known.byType[from], to: known.byType[to]}
	parsed, err := expr.Parse(env, text)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the place
	}
	asRecord(parsed.NativeRep().Expr(), m.to)
	checked, err := expr.Check(env, parsed)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the place
	}
	if t := checked.OutputType(); !t.IsExactType(m.to.cel) {
		return nil, fmt.Errorf("the expression is a %v; it must be a %s, as a map of its fields",
			t, m.to.name)
	}
	if err := known.complete(checked); err != nil {
		return nil, err
	}
	m.program, err = expr.Program(env, checked, MaxCost)
	return m, err //nolint:wrapcheck // it says what
}

// asRecord makes a record of a map that is written where one must be, so that CEL checks its fields.
func asRecord(e ast.Expr, rec *record) {
	switch e.Kind() {
	case ast.CallKind:
		if call := e.AsCall(); call.FunctionName() == "_?_:_" {
			asRecord(call.Args()[1], rec)
			asRecord(call.Args()[2], rec)
		}
	case ast.StructKind:
		for _, entry := range e.AsStruct().Fields() {
			field := entry.AsStructField()
			rec.in.within(e.AsStruct().TypeName(), field.Name(), field.Value())
		}
	case ast.MapKind:
		factory := ast.NewExprFactory()
		entries := e.AsMap().Entries()
		fields := make([]ast.EntryExpr, len(entries))
		for i, entry := range entries {
			pair := entry.AsMapEntry()
			name, is := pair.Key().AsLiteral().(types.String)
			if pair.Key().Kind() != ast.LiteralKind || !is {
				return // it stays a map, which is the wrong type
			}
			rec.in.within(rec.name, string(name), pair.Value())
			fields[i] = factory.NewStructField(entry.ID(), string(name), pair.Value(), pair.IsOptional())
		}
		e.SetKindCase(factory.NewStruct(e.ID(), rec.name, fields))
	default:
	}
}

// within does the same with the value of a field, if that is a record, and with the items of a list of
// records.
func (r *records) within(typeName, fieldName string, value ast.Expr) {
	rec := r.byName[typeName]
	if rec == nil || rec.fields[fieldName] == nil {
		return // the check of types says so
	}
	switch t := rec.fields[fieldName].cel.Type; {
	case r.byName[t.TypeName()] != nil:
		asRecord(value, r.byName[t.TypeName()])
	case t.Kind() == types.ListKind && value.Kind() == ast.ListKind:
		if item := r.byName[t.Parameters()[0].TypeName()]; item != nil {
			for _, e := range value.AsList().Elements() {
				asRecord(e, item)
			}
		}
	}
}

// complete lists the fields that are not set of the records that an expression makes.
func (r *records) complete(checked *cel.Ast) error {
	var mistakes []error
	info := checked.NativeRep().SourceInfo()
	ast.PreOrderVisit(checked.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.StructKind || r.byName[e.AsStruct().TypeName()] == nil {
			return
		}
		rec := r.byName[e.AsStruct().TypeName()]
		set := map[string]bool{}
		for _, entry := range e.AsStruct().Fields() {
			name := entry.AsStructField().Name()
			if place := info.GetStartLocation(entry.ID()); set[name] {
				mistakes = append(mistakes, fmt.Errorf("line %d, column %d: the field %s of %s is set twice",
					place.Line(), place.Column()+1, name, rec.name))
			}
			set[name] = true
		}
		place := info.GetStartLocation(e.ID())
		for _, name := range slices.Sorted(maps.Keys(rec.beyond)) {
			mistakes = append(mistakes, fmt.Errorf("line %d, column %d: no expression can set the field %s "+
				"of %s, a %v; use a function in Go", place.Line(), place.Column()+1, name, rec.name,
				rec.beyond[name]))
		}
		for _, name := range rec.names {
			if !set[name] && !rec.fields[name].nullable {
				mistakes = append(mistakes, fmt.Errorf("line %d, column %d: the field %s of %s is not set",
					place.Line(), place.Column()+1, name, rec.name))
			}
		}
	}))
	return errors.Join(mistakes...)
}

// Apply returns the new record of a former one. The error says why there is none: a number that is beyond the
// field's type, an item that a list has not, a division by zero, a cost above MaxCost. The same record always
// gives the same.
func (m *Mapping) Apply(record any) (any, error) {
	v := reflect.ValueOf(record)
	if !v.IsValid() || v.Type() != m.from.goType {
		return nil, fmt.Errorf("a %T is no %v", record, m.from.goType)
	}
	made, _, err := m.program.Eval(variable{&object{m.from, v}})
	if err != nil {
		return nil, fmt.Errorf("evaluate the expression: %w", err)
	}
	o, is := made.(*object)
	if !is || o.record != m.to {
		return nil, fmt.Errorf("the expression is %s; it must be a %s", shown(made), m.to.name)
	}
	return o.value.Interface(), nil
}
