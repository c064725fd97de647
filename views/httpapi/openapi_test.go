package httpapi_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// The description is whole: every reference leads somewhere, every operation has its errors, and
// commands, states and examples are those of the aggregate.
func TestOpenAPI(t *testing.T) {
	a := newBench(t, nil).ask(t, "GET", "/openapi.json", "")
	a.want(t, http.StatusOK, "Content-Type: application/openapi+json")
	var description struct {
		OpenAPI    string
		Paths      map[string]map[string]map[string]any
		Components struct{ Schemas map[string]map[string]any }
	}
	if err := json.Unmarshal([]byte(a.Text), &description); err != nil {
		t.Fatal(err)
	}
	if description.OpenAPI != "3.1.0" {
		t.Errorf("openapi %s", description.OpenAPI)
	}
	schemas := description.Components.Schemas
	for _, ref := range regexp.MustCompile(`"\$ref": "([^"]*)"`).FindAllStringSubmatch(a.Text, -1) {
		if _, has := schemas[strings.TrimPrefix(ref[1], "#/components/schemas/")]; !has {
			t.Errorf("%s leads nowhere", ref[1])
		}
	}
	for _, name := range []string{"Account", "AccountPage", "DepositMoney", "Problem"} {
		if schemas[name] == nil {
			t.Errorf("no schema %s", name)
		}
	}
	for _, name := range []string{"ErrorModel", "ErrorDetail"} {
		if schemas[name] != nil {
			t.Errorf("schema %s is huma's, not ours", name)
		}
	}
	for path, methods := range description.Paths {
		for method, operation := range methods {
			if operation["summary"] == "" || operation["operationId"] == "" {
				t.Errorf("%s %s has no summary or ID", method, path)
			}
			responses, _ := operation["responses"].(map[string]any)
			if path != "/metrics" && path != "/openapi.json" && responses["default"] == nil {
				t.Errorf("%s %s doesn't describe its errors", method, path)
			}
		}
	}
	for _, text := range []string{
		`"amount": 1250`,                   // the example of a command
		`"owner": "Alice"`,                 // the example of a state
		`"description": "In minor units."`, // a field's doc in Avro
		`"Idempotency-Key"`, `"If-Match"`, `"If-None-Match"`, `"atLeast"`, `"Prefer"`,
	} {
		if !strings.Contains(a.Text, text) {
			t.Errorf("the description lacks %s", text)
		}
	}
}
