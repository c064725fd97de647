package processors

import (
	"encoding/json"
	"fmt"
)

// Total is a number that reports add up, such as the balances of one currency.
type Total struct {
	Name   string
	Amount int64
}

// Totalled returns what a report adds up of a state as JSON, as the HTTP API shows it.
func (a Aggregate[S, C, E]) Totalled(state json.RawMessage) ([]Total, error) {
	if a.Totals == nil {
		return []Total{{a.Plural, 1}}, nil
	}
	var s S
	if err := json.Unmarshal(state, &s); err != nil {
		return nil, fmt.Errorf("read a state of %s: %w", a.Plural, err)
	}
	return a.Totals(s), nil
}
