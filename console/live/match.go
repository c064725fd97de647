package live

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"cel.dev/cel-go/cel"

	"refold/client/wire"
	"refold/codecs/expr"
)

const (
	// maxCost limits an evaluation, in CEL's units: a millisecond.
	maxCost = 10_000
	// maxShare is how long evaluations may take in a second, for one viewer. Messages beyond that are not
	// looked at, and the page says how many.
	maxShare = 200 * time.Millisecond
	// maxWhere limits the text of an expression: it stands in addresses.
	maxWhere = 2000
)

// matcher decides which messages a filter means.
type matcher struct {
	filter

	program cel.Program // nil: there is no expression
	now     func() time.Time
	second  time.Time     // when the present second began
	spent   time.Duration // in it

	unlooked int    // messages that were not looked at
	failed   int    // messages for which the expression has no value
	failure  string // of the last of them
}

// example is an expression that is right.
const example = `type == "MoneyDeposited" && data.amount > 1000`

// newMatcher compiles the expression. The error says what is wrong with it, and what would be right.
func newMatcher(f filter, now func() time.Time) (*matcher, error) {
	m := &matcher{filter: f, now: now}
	if f.where == "" {
		return m, nil
	}
	if len(f.where) > maxWhere {
		return nil, fmt.Errorf("the expression has %d bytes; at most %d are allowed", len(f.where), maxWhere)
	}
	env, err := expr.NewEnv(cel.Variable("data", cel.DynType), cel.Variable("kind", cel.StringType),
		cel.Variable("type", cel.StringType), cel.Variable("aggregate", cel.StringType),
		cel.Variable("id", cel.StringType), cel.Variable("correlation", cel.StringType),
		cel.Variable("outcome", cel.StringType), cel.Variable("sequence", cel.IntType))
	if err != nil {
		return nil, err //nolint:wrapcheck // it says what it was doing
	}
	m.program, _, err = expr.Condition(env, f.where, maxCost)
	if err != nil && strings.Contains(err.Error(), "undeclared reference") {
		return nil, fmt.Errorf("%w. There are data, kind, type, aggregate, id, correlation, outcome and "+
			"sequence; the fields of a message are below data: %s", err, example)
	}
	if err != nil {
		return nil, fmt.Errorf("%w. This would be right: %s", err, example)
	}
	return m, nil
}

// fits reports whether a message is meant.
func (m *matcher) fits(ctx context.Context, message *wire.Message) bool {
	if m.code != "" && codeOf(message) != m.code {
		return false
	}
	if m.program == nil {
		return true
	}
	began := m.now()
	if began.Sub(m.second) >= time.Second {
		m.second, m.spent = began, 0
	}
	if m.spent >= maxShare {
		m.unlooked++
		return false
	}
	defer func() { m.spent += m.now().Sub(began) }()
	value, _, err := m.program.ContextEval(ctx, map[string]any{
		"data": native(message.Data), "kind": string(message.Kind), "type": message.Type,
		"aggregate": message.Aggregate, "id": message.Subject, "correlation": message.CorrelationID,
		"outcome": message.Outcome, "sequence": message.Sequence,
	})
	if err != nil {
		m.failed, m.failure = m.failed+1, err.Error()
		return false
	}
	fits, is := value.Value().(bool)
	if !is {
		m.failed++
		m.failure = fmt.Sprintf("the value is %v; it must be true or false", value.Value())
	}
	return fits
}

// codeOf is the code of a rejection; empty if a message is none.
func codeOf(message *wire.Message) string {
	if message.Kind == wire.KindDeadLetter && message.Aside != nil {
		return message.Aside.Reason
	}
	if message.Kind != wire.KindResult || message.Outcome != wire.StatusRejected {
		return ""
	}
	var result struct{ Code string }
	if json.Unmarshal(message.Data, &result) != nil {
		return ""
	}
	return result.Code
}

// native is a JSON value as CEL takes it: whole numbers as such, others as floating-point numbers.
func native(data json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var v any
	if decoder.Decode(&v) != nil {
		return nil
	}
	return nativeOf(v)
}

func nativeOf(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		x, err := v.Float64()
		if err != nil {
			return v.String()
		}
		return x
	case []any:
		for i := range v {
			v[i] = nativeOf(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = nativeOf(v[name])
		}
	}
	return v
}
