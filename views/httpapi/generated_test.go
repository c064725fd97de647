package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"refold/codecs"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/views"
	"refold/views/httpapi"
)

// Zoo is a command that has fields of each kind of Avro type.
type Zoo struct {
	Flag   bool             `avro:"flag"`
	Small  int32            `avro:"small"`
	Large  int64            `avro:"large"`
	Ratio  float32          `avro:"ratio"`
	Score  float64          `avro:"score"`
	Blob   []byte           `avro:"blob"`
	Hash   [3]byte          `avro:"hash"`
	State  string           `avro:"state"`
	Again  string           `avro:"again"`
	Text   string           `avro:"text"`
	List   []int32          `avro:"list"`
	Labels map[string]int64 `avro:"labels"`
	Choice any              `avro:"choice"`
	Maybe  *float64         `avro:"maybe"`
	Next   *Zoo             `avro:"next"`
}

const zooSchema = `{"type": "record", "name": "Zoo", "namespace": "all.of", "fields": [
	{"name": "flag", "type": "boolean"}, {"name": "small", "type": "int", "default": 1},
	{"name": "large", "type": "long"}, {"name": "ratio", "type": "float"},
	{"name": "score", "type": "double"},
	{"name": "blob", "type": "bytes"}, {"name": "hash", "type": {"type": "fixed", "name": "Hash", "size": 3}},
	{"name": "state", "type": {"type": "enum", "name": "State", "symbols": ["NEW", "OLD"]}},
	{"name": "again", "type": "State", "default": "OLD"}, {"name": "text", "type": "string"},
	{"name": "list", "type": {"type": "array", "items": "int"}},
	{"name": "labels", "type": {"type": "map", "values": "long"}},
	{"name": "choice", "type": ["null", "int", "string", "double"], "doc": "Any of them."},
	{"name": "maybe", "type": ["null", "double"], "default": null},
	{"name": "next", "type": ["null", "all.of.Zoo"], "default": null}]}`

// generated is a server with the aggregates of the program, one more, and everything else.
func generated(t *testing.T) *bench {
	t.Helper()
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{URLs: []string{"http://localhost:1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(registry.Close)
	ofAccounts, err := accounts.Definition.Open(registry)
	if err != nil {
		t.Fatal(err)
	}
	ofOrders, err := orders.Definition.Open(registry)
	if err != nil {
		t.Fatal(err)
	}
	zoo, err := codecs.NewSet(registry, codecs.Record[Zoo](zooSchema))
	if err != nil {
		t.Fatal(err)
	}
	b := newBench(t, func(o *httpapi.Options) {
		everything(o)
		first := o.Resources[0]
		first.Past = fakePast(func(views.Moment) (views.PastRow, error) {
			return views.PastRow{Row: alice(2), Time: at}, nil
		})
		o.Limits.Wait, o.Limits.UnknownWait = 1, 1
		for _, r := range []httpapi.Resource{
			{
				Name: accounts.Definition.Name, Plural: accounts.Definition.Plural,
				Commands: ofAccounts.Commands,
				State:    reflect.TypeFor[accounts.Account](),
			},
			{
				Name: orders.Definition.Name, Plural: orders.Definition.Plural, Commands: ofOrders.Commands,
				State: reflect.TypeFor[orders.Order](),
			},
			{Name: "animal", Plural: "animals", Commands: zoo, State: reflect.TypeFor[measured]()},
		} {
			r.Rows, r.Sender, r.Events, r.Past = first.Rows, first.Sender, first.Events, first.Past
			if r.Name == accounts.Definition.Name {
				o.Resources = nil
			}
			o.Resources = append(o.Resources, r)
		}
	})
	b.rows.GetFn = func(string) (views.Row, error) { return alice(3), nil }
	return b
}

// call is a request that is made of the description.
type call struct {
	method, path string
	operation    *operation
	values       map[string]string // by "query atLeast"
	query        url.Values
	lists        map[string][]string // of the query: the commas between their values are not escaped
	body         any                 // nil: none
}

func (c *call) send(t *rapid.T, b *bench) *httptest.ResponseRecorder {
	path := c.path
	header := http.Header{}
	query := url.Values{}
	for name, values := range c.query {
		query[name] = values
	}
	for name, value := range c.values {
		switch in, name, _ := strings.Cut(name, " "); in {
		case "path":
			path = strings.ReplaceAll(path, "{"+name+"}", url.PathEscape(value))
		case "query":
			query.Set(name, value)
		case "header":
			header.Set(name, value)
		}
	}
	parts := []string{}
	if len(query) > 0 {
		parts = append(parts, query.Encode())
	}
	for name, texts := range c.lists {
		escaped := make([]string, len(texts))
		for i, text := range texts {
			escaped[i] = url.QueryEscape(text)
		}
		parts = append(parts, name+"="+strings.Join(escaped, ","))
	}
	if len(parts) > 0 {
		path += "?" + strings.Join(parts, "&")
	}
	var body bytes.Buffer
	if c.body != nil {
		encoder := json.NewEncoder(&body)
		if err := encoder.Encode(c.body); err != nil {
			t.Fatal(err)
		}
		header.Set("Content-Type", "application/json")
	}
	ctx := context.Background()
	if c.path == "/events/live" { // which has no end
		ended, cancel := context.WithCancel(ctx)
		cancel()
		ctx = ended
	}
	r := httptest.NewRequestWithContext(ctx, strings.ToUpper(c.method), path, &body)
	r.Header = header
	w := httptest.NewRecorder()
	b.server.Handler().ServeHTTP(w, r)
	return w
}

func (c *call) String() string {
	body, _ := json.Marshal(c.body)
	return fmt.Sprintf("%s %s %v %v %s", c.method, c.path, c.values, c.lists, body)
}

// decoded is a value as a server reads it, numbers kept.
func decoded(t *rapid.T, v any) any {
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var back any
	if err := decoder.Decode(&back); err != nil {
		t.Fatal(err)
	}
	return back
}

// texts are the items of a list as they stand in a request.
func texts(items []any) []string {
	all := make([]string, len(items))
	for i, item := range items {
		all[i] = fmt.Sprint(item)
	}
	return all
}

// drawCall returns a request that is valid by the description.
func drawCall(t *rapid.T, j jsonSchema, method, path string, o *operation) *call {
	c := &call{
		method: method, path: path, operation: o, values: map[string]string{},
		lists: map[string][]string{},
	}
	// What OpenAPI can't say, and the descriptions of these parameters do.
	moment := rapid.SampledFrom([]string{"atLeast", "sequence", "time"}).Draw(t, "moment")
	moments := []string{"atLeast", "sequence", "time"}
	for _, p := range o.Parameters {
		beside := p.In == "query" && slices.Contains(moments, p.Name) && p.Name != moment
		if !p.Required && (beside || rapid.Bool().Draw(t, "without "+p.Name)) {
			continue
		}
		value := j.draw(t, p.Schema, 3)
		text := fmt.Sprint(value)
		if items, is := value.([]any); is {
			if p.In == "query" {
				c.lists[p.Name] = texts(items)
				continue
			}
			text = strings.Join(texts(items), ",")
		}
		if p.In == "header" && strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' }) {
			continue // no header has that
		}
		if p.In == "path" && text == "" {
			text = "x"
		}
		c.values[p.In+" "+p.Name] = text
	}
	if o.RequestBody != nil {
		c.body = j.draw(t, o.RequestBody.Content["application/json"].Schema, 4)
	}
	return c
}

// operations calls fn for each operation of the description.
func operations(
	t *testing.T, b *bench, fn func(t *testing.T, j jsonSchema, method, path string, o *operation),
) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(b.ask(t, "GET", "/openapi.json", "").Text))
	decoder.UseNumber()
	var d document
	if err := decoder.Decode(&d); err != nil {
		t.Fatal(err)
	}
	for path, methods := range d.Paths {
		for method, o := range methods {
			t.Run(o.OperationID, func(t *testing.T) {
				fn(t, jsonSchema{d.Components.Schemas}, method, path, o)
			})
		}
	}
}

// What the description calls valid is never refused for its form, and has a status that is described.
func TestWhatIsValidIsTaken(t *testing.T) {
	b := generated(t)
	operations(t, b, func(t *testing.T, j jsonSchema, method, path string, o *operation) {
		t.Helper()
		rapid.Check(t, func(t *rapid.T) {
			c := drawCall(t, j, method, path, o)
			w := c.send(t, b)
			switch status := w.Code; {
			case status == http.StatusBadRequest, status == http.StatusUnsupportedMediaType,
				status >= 500 && status != http.StatusServiceUnavailable:
				t.Fatalf("%s\nis answered %d: %s", c, status, w.Body)
			case o.Responses[fmt.Sprint(status)] == nil:
				t.Fatalf("%s\nis answered %d, which is not described: %s", c, status, w.Body)
			}
		})
	})
}

// wrongValues are values that hardly any schema allows all of.
func wrongValues() []any {
	return []any{
		nil, true, json.Number("-1"), json.Number("1.5"), json.Number("1e30"), json.Number("-1e-2"),
		"", "x", " ", "\u0100", "NaN", "Infinity ",
		[]any{},
		[]any{nil},
		map[string]any{},
		map[string]any{"other": json.Number("1")},
	}
}

// spoil changes one place of a value, or says that there is none to change.
func spoil(t *rapid.T, v any) any {
	object, is := v.(map[string]any)
	if !is || len(object) == 0 || rapid.IntRange(0, 9).Draw(t, "here") == 0 {
		return rapid.SampledFrom(wrongValues()).Draw(t, "wrong")
	}
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	name := rapid.SampledFrom(names).Draw(t, "name")
	switch rapid.IntRange(0, 5).Draw(t, "how") {
	case 0:
		delete(object, name)
	case 1:
		object["no such member"] = object[name]
	default:
		object[name] = spoil(t, object[name])
	}
	return object
}

// What the description does not allow is refused.
func TestWhatIsNotValidIsRefused(t *testing.T) {
	b := generated(t)
	operations(t, b, func(t *testing.T, j jsonSchema, method, path string, o *operation) {
		t.Helper()
		if len(o.Parameters) == 0 && o.RequestBody == nil {
			return
		}
		rapid.Check(t, func(t *rapid.T) {
			c := drawCall(t, j, method, path, o)
			wrong := rapid.IntRange(-1, len(o.Parameters)).Draw(t, "what")
			switch {
			case wrong < 0:
				c.query = url.Values{"noSuchParameter": {"1"}}
			case wrong < len(o.Parameters):
				p := o.Parameters[wrong]
				text := rapid.SampledFrom([]string{
					"", "-1", "1.5", "x", "a b", ".", "..", "\"", "\"\"", "a/b/", "//", ",",
					"9223372036854775808", "1e19",
					"2026-13-01T00:00:00Z", strings.Repeat("y", 600),
				}).Draw(t, "wrong")
				var value any = text
				switch p.Schema["type"] {
				case "integer":
					value = json.Number(text)
				case "array":
					var items []any
					for _, item := range strings.Split(text, ",") {
						items = append(items, item)
					}
					value = items
				}
				isTime := p.Schema["format"] == "date-time"
				anyText := p.Schema["type"] == "string" && p.Schema["pattern"] == nil &&
					p.Schema["enum"] == nil && !isTime
				if j.valid(p.Schema, value) && !isTime || p.In != "query" && text == "" || anyText {
					return // it is valid, or there is no such request
				}
				if value, is := value.([]any); is && p.In == "query" {
					c.lists[p.Name] = texts(value)
				} else {
					c.values[p.In+" "+p.Name] = text
				}
			case o.RequestBody == nil:
				return // no body
			default:
				schema := o.RequestBody.Content["application/json"].Schema
				c.body = spoil(t, decoded(t, c.body))
				if c.body == nil || j.valid(schema, decoded(t, c.body)) {
					return // it is valid still
				}
			}
			if w := c.send(t, b); w.Code != http.StatusBadRequest && w.Code != http.StatusNotFound &&
				w.Code/100 != 3 { // a path with . or .. in it leads elsewhere
				t.Fatalf("%s\nis answered %d: %s", c, w.Code, w.Body)
			}
		})
	})
}
