package inspect

import (
	"context"
	"fmt"

	"cel.dev/cel-go/cel"

	"refold/codecs/expr"
)

// MaxWhereCost limits the evaluation of an expression for one record, in the units of package expr: about 0.1
// s of processor time. Its text has at most expr.MaxBytes.
const MaxWhereCost = 1_000_000

// Where is an expression in CEL over a record: the Common Expression Language, which always ends. Its
// variables are key, value, type, headers, time, partition, offset and format. It is safe for concurrent use.
type Where struct{ program cel.Program }

// NewWhere compiles an expression. The error lists all mistakes with their places.
func NewWhere(expression string) (*Where, error) {
	env, err := expr.NewEnv(
		cel.Variable("key", cel.StringType),
		cel.Variable("value", cel.DynType),
		cel.Variable("type", cel.StringType),
		cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("time", cel.TimestampType),
		cel.Variable("partition", cel.IntType),
		cel.Variable("offset", cel.IntType),
		cel.Variable("format", cel.StringType),
	)
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what
	}
	program, _, err := expr.Condition(env, expression, MaxWhereCost)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the places
	}
	return &Where{program}, nil
}

// matches evaluates the expression for a decoded record. The error says why it has no answer: a field that
// the value has not, a comparison of things that don't compare, or a cost above MaxWhereCost.
func (w *Where) matches(ctx context.Context, r *Record) (bool, error) {
	value, err := valueOf(r)
	if err != nil {
		return false, err
	}
	headers := make(map[string]string, len(r.Headers))
	for _, h := range r.Headers {
		if headers[h.Name] = ""; h.Value != nil {
			headers[h.Name] = *h.Value
		} else if h.ValueBase64 != nil {
			headers[h.Name] = *h.ValueBase64
		}
	}
	key := ""
	if r.Key != nil {
		key = *r.Key
	}
	answer, _, err := w.program.ContextEval(ctx, map[string]any{
		"key": key, "value": value, "type": r.Type, "headers": headers, "time": r.Timestamp,
		"partition": int64(r.Partition), "offset": r.Offset, "format": string(r.Format),
	})
	if err != nil {
		return false, fmt.Errorf("evaluate the expression: %w", err)
	}
	is, ok := answer.Value().(bool)
	if !ok {
		return false, fmt.Errorf("the expression is a %s for this record; it must be true or false",
			answer.Type().TypeName())
	}
	return is, nil
}
