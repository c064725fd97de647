package httpapi_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"refold/views/httpapi"
)

// Account is a state whose Go type is called like its aggregate in the API.
type Account struct {
	Owner   string   `json:"owner"`
	Balance int64    `json:"balance"`
	Charges []Charge `json:"charges"`
}

// Charge is a part of it.
type Charge struct {
	Reference string `json:"reference"`
}

func toJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The description is whole: every reference leads somewhere, every operation has its errors, and
// commands, states and examples are those of the aggregate.
func TestOpenAPI(t *testing.T) {
	a := newBench(t, func(o *httpapi.Options) {
		o.Resources[0].State = reflect.TypeFor[Account]() // called like the aggregate
	}).ask(t, "GET", "/openapi.json", "")
	a.want(t, http.StatusOK, "Content-Type: application/openapi+json")
	var description struct {
		OpenAPI    string
		Paths      map[string]map[string]map[string]any
		Components struct{ Schemas map[string]map[string]any }
	}
	if err := json.Unmarshal([]byte(a.Text), &description); err != nil {
		t.Fatal(err)
	}
	state, _ := description.Components.Schemas["Account.State"]["properties"].(map[string]any)
	if state["owner"] == nil || state["balance"] == nil {
		t.Errorf("the state is described as %v", state)
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
	for name, schema := range schemas {
		if strings.Contains(toJSON(t, schema), `"#/components/schemas/`+name+`"`) {
			t.Errorf("schema %s is described by itself", name)
		}
	}
	for _, name := range []string{
		"Account.Row", "Account.State", "Account.State.Charge", "Account.Page",
		"Account.Command.DepositMoney", "Problem",
	} {
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
