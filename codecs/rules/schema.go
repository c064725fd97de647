package rules

import (
	"encoding/json"
	"fmt"
)

// PropertyName is the property of a record's schema that has its rules, so that they travel with the schema
// through any registry: an array of objects with the members name, expr and message.
const PropertyName = "rules"

// Property returns rules as the value of the property.
func Property(all []Rule) any {
	property := make([]any, len(all))
	for i, r := range all {
		property[i] = map[string]any{"name": r.Name, "expr": r.Expr, "message": r.Message}
	}
	return property
}

// OfSchema returns the rules that the text of a record's schema has; none if it has none. They are not
// compiled. The error says that the text or the property is something else.
func OfSchema(text string) ([]Rule, error) {
	var schema struct {
		Rules []Rule `json:"rules"`
	}
	if err := json.Unmarshal([]byte(text), &schema); err != nil {
		return nil, fmt.Errorf("read the rules of a schema: %w", err)
	}
	return schema.Rules, nil
}
