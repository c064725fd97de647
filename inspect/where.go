package inspect

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
)

// The limits of an expression.
const (
	// MaxWhereBytes limits the text.
	MaxWhereBytes = 16 << 10
	// MaxWhereCost limits the evaluation for one record, in CEL's units: a step is one unit, and a comparison
	// of texts about one more for every ten characters. That is about 0.1 s of processor time.
	MaxWhereCost = 1_000_000
	// checkEvery is after how many steps of a loop an evaluation looks whether its context has ended.
	checkEvery = 1000
)

// Where is an expression in CEL over a record: the Common Expression Language, which always ends. Its
// variables are key, value, type, headers, time, partition, offset and format. It is safe for concurrent use.
type Where struct{ program cel.Program }

// NewWhere compiles an expression. The error lists all mistakes with their places.
func NewWhere(expression string) (*Where, error) {
	if len(expression) > MaxWhereBytes {
		return nil, fmt.Errorf("the expression has %d bytes; at most %d are allowed", len(expression),
			MaxWhereBytes)
	}
	if strings.TrimSpace(expression) == "" {
		return nil, errors.New("the expression is empty")
	}
	env, err := cel.NewEnv(
		cel.Variable("key", cel.StringType),
		cel.Variable("value", cel.DynType),
		cel.Variable("type", cel.StringType),
		cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.Variable("time", cel.TimestampType),
		cel.Variable("partition", cel.IntType),
		cel.Variable("offset", cel.IntType),
		cel.Variable("format", cel.StringType),
		// JSON has one kind of numbers: 3 must compare with 2.5.
		cel.CrossTypeNumericComparisons(true),
	)
	if err != nil {
		return nil, fmt.Errorf("prepare CEL: %w", err)
	}
	ast, issues := env.Compile(expression)
	if issues.Err() != nil {
		return nil, mistakes(issues)
	}
	if t := ast.OutputType(); !t.IsExactType(cel.BoolType) && !t.IsExactType(cel.DynType) {
		return nil, fmt.Errorf("the expression is a %v; it must be true or false, such as value.amount > 100",
			t)
	}
	program, err := env.Program(ast,
		cel.CostLimit(MaxWhereCost), cel.InterruptCheckFrequency(checkEvery),
		cel.EvalOptions(cel.OptOptimize))
	if err != nil {
		return nil, fmt.Errorf("the expression: %w", err)
	}
	return &Where{program}, nil
}

// mistakes lists what is wrong with an expression, one mistake a line.
func mistakes(issues *cel.Issues) error {
	var errs []error
	for _, e := range issues.Errors() {
		message := strings.TrimSuffix(e.Message, " (in container '')")
		errs = append(errs,
			fmt.Errorf("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, message))
	}
	return errors.Join(errs...)
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
