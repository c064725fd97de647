package asyncapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"

	"refold/program/operate/catalogue"
	"refold/program/operate/catalogue/asyncapi"
	"refold/program/operate/catalogue/cataloguetest"
)

// official is the JSON Schema of the specification.
func official(t *testing.T) *jsonschema.Schema {
	t.Helper()
	file, err := os.Open("testdata/asyncapi-3.0.0.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	unpacked, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(unpacked)
	if err != nil {
		t.Fatal(err)
	}
	const name = "http://asyncapi.com/definitions/3.0.0/asyncapi.json"
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func written(t *testing.T, c *catalogue.Catalogue) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := asyncapi.WriteJSON(&b, c); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// secured are servers of each kind, and what must be found of them.
var secured = map[string]struct {
	servers catalogue.Servers
	want    string
}{
	"plain":  {catalogue.Servers{Mechanism: "PLAIN"}, `"type": "plain"`},
	"scram":  {catalogue.Servers{Mechanism: "SCRAM-SHA-512", TLS: true}, `"type": "scramSha512"`},
	"token":  {catalogue.Servers{Mechanism: "OAUTHBEARER", TLS: true}, `"scheme": "bearer"`},
	"mutual": {catalogue.Servers{TLS: true, Certificate: true}, `"type": "X509"`},
	"no scope": {
		catalogue.Servers{Mechanism: "OAUTHBEARER", TokenURL: "https://id/token"}, "https://id/token",
	},
	"oauth": {catalogue.Servers{
		Mechanism: "OAUTHBEARER", TLS: true, TokenURL: "https://id/token", Scope: "kafka",
	}, `"kafka-secure"`},
}

// Every document is valid by the specification's own schema, whatever the program and its servers.
func TestDocumentsAreValid(t *testing.T) {
	schema := official(t)
	check := func(t *testing.T, c *catalogue.Catalogue) {
		t.Helper()
		document, err := jsonschema.UnmarshalJSON(bytes.NewReader(written(t, c)))
		if err != nil {
			t.Fatal(err)
		}
		if err := schema.Validate(document); err != nil {
			t.Errorf("%#v", err)
		}
	}
	for name, c := range cataloguetest.All(t) {
		t.Run(name, func(t *testing.T) { check(t, c) })
	}
	for name, s := range secured {
		t.Run(name, func(t *testing.T) {
			c := cataloguetest.Small(t)
			c.Servers = s.servers
			c.Servers.Brokers = []string{"a:9092", "b:9092"}
			check(t, c)
			if text := string(written(t, c)); !strings.Contains(text, s.want) {
				t.Errorf("%s is not in %s", s.want, text)
			}
		})
	}
	broken := bytes.Replace(written(t, cataloguetest.Small(t)),
		[]byte(`"action": "send"`), []byte(`"action": "x"`), 1)
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(broken))
	if err != nil {
		t.Fatal(err)
	}
	if schema.Validate(document) == nil {
		t.Error("the schema finds nothing wrong with an action that there is not")
	}
}

// Every reference leads to something: the schema can't say so.
func TestReferencesLeadSomewhere(t *testing.T) {
	for name, c := range cataloguetest.All(t) {
		var root any
		if err := json.Unmarshal(written(t, c), &root); err != nil {
			t.Fatal(err)
		}
		n := 0
		eachReference(root, func(to string) {
			n++
			at := root
			for step := range strings.SplitSeq(strings.TrimPrefix(to, "#/"), "/") {
				object, _ := at.(map[string]any)
				at = object[step]
			}
			if at == nil {
				t.Errorf("%s: %s leads nowhere", name, to)
			}
		})
		if n < 10 {
			t.Errorf("%s has %d references", name, n)
		}
	}
}

func eachReference(in any, do func(string)) {
	switch in := in.(type) {
	case map[string]any:
		if to, is := in["$ref"].(string); is {
			do(to)
		}
		for _, within := range in {
			eachReference(within, do)
		}
	case []any:
		for _, within := range in {
			eachReference(within, do)
		}
	}
}

// YAML says the same as JSON.
func TestYAMLIsTheSame(t *testing.T) {
	for name, c := range cataloguetest.All(t) {
		var b bytes.Buffer
		if err := asyncapi.WriteYAML(&b, c); err != nil {
			t.Fatal(err)
		}
		var fromYAML, fromJSON any
		if err := yaml.Unmarshal(b.Bytes(), &fromYAML); err != nil {
			t.Fatal(err)
		}
		if err := yaml.Unmarshal(written(t, c), &fromJSON); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(fromJSON, fromYAML); diff != "" {
			t.Errorf("%s: (-JSON +YAML):\n%s", name, diff)
		}
	}
}

// The whole document of a small program, to be read.
func TestGolden(t *testing.T) {
	var b bytes.Buffer
	if err := asyncapi.WriteYAML(&b, cataloguetest.Small(t)); err != nil {
		t.Fatal(err)
	}
	cataloguetest.Golden(t, "testdata/small.yaml", b.Bytes())
}
