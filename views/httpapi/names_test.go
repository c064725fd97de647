package httpapi_test

import (
	"context"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"refold/codecs/avrojson"
	"refold/processors"
	"refold/views"
	"refold/views/httpapi"
	"refold/views/livefeed"
)

// document is the API's description of a server that has everything.
type document struct {
	Paths      map[string]map[string]*operation
	Components struct{ Schemas map[string]map[string]any }
}

type operation struct {
	OperationID string                     `json:"operationId"`
	Description string                     `json:"description"`
	Parameters  []parameter                `json:"parameters"`
	RequestBody *struct{ Content content } `json:"requestBody"`
	Responses   map[string]map[string]any  `json:"responses"`
}

type parameter struct {
	Name, In string
	Required bool
	Schema   map[string]any
	Example  any
	Explode  *bool
}

type content map[string]struct{ Schema map[string]any }

func describe(t *testing.T, b *bench) document {
	t.Helper()
	var d document
	if err := json.Unmarshal([]byte(b.ask(t, "GET", "/openapi.json", "").Text), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// everything gives a server all parts that it can have.
func everything(o *httpapi.Options) {
	o.Rebuilds, o.Views = newFakeRebuilds(), new(fakeViews)
	o.Live = func(ctx context.Context, f livefeed.Filter, after string) (httpapi.Listener, error) {
		return newFakeFeed().Listen(ctx, f, after)
	}
	o.Traces = fakeTraces(func(string) (views.Trace, error) { return views.Trace{}, views.ErrNotFound })
	o.Placement, o.Instance = allHere{}, "pod-0"
}

// An aggregate can't be called like a part of the server's own paths.
func TestPathsAreReserved(t *testing.T) {
	own := []string{"internal"} // not described
	for path := range describe(t, newBench(t, everything)).Paths {
		first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
		if first != "" && first != "accounts" {
			own = append(own, first)
		}
	}
	if len(own) < 8 {
		t.Fatalf("only %v are described", own)
	}
	for _, name := range own {
		names := processors.Names{Aggregates: []processors.AggregateName{{Name: "x", Plural: name}}}
		if names.Check() == nil {
			t.Errorf("an aggregate may be called %s", name)
		}
	}
}

// Two aggregates may have commands and states of one name: each is described as it is.
func TestAggregatesWithTheSameNames(t *testing.T) {
	type other struct {
		Ratio float64 `json:"ratio"`
	}
	d := describe(t, newBench(t, func(o *httpapi.Options) {
		everything(o)
		second := o.Resources[0]
		second.Name, second.Plural = "account-command", "account-events"
		second.State, second.Example, second.Commands = reflect.TypeFor[other](), nil, otherTypes{}
		o.Resources = append(o.Resources, second)
	}))
	for component, field := range map[string]string{
		"Account.Command.DepositMoney": "amount", "AccountCommand.Command.DepositMoney": "count",
		"Account.State": "owner", "AccountCommand.State": "ratio",
	} {
		properties, _ := d.Components.Schemas[component]["properties"].(map[string]any)
		if properties[field] == nil {
			t.Errorf("%s is described as %v", component, properties)
		}
	}
	for path, methods := range d.Paths {
		for _, o := range methods {
			if o.RequestBody != nil && len(o.RequestBody.Content) != 1 {
				t.Errorf("the body of %s is of %d types, only JSON is taken",
					path, len(o.RequestBody.Content))
			}
		}
	}
	for path, methods := range d.Paths {
		for _, o := range methods {
			for _, p := range o.Parameters {
				if p.Name == "Idempotency-Key" && p.Example != nil {
					t.Errorf("%s: the example %v would be that of all commands, which refuse each "+
						"other's then", path, p.Example)
				}
			}
		}
	}
}

// otherTypes has a command that is called as one of another aggregate.
type otherTypes struct{ fakeTypes }

func (otherTypes) Types() []string { return []string{"DepositMoney"} }

func (otherTypes) DescribeJSON(
	_ string, named func(string, *avrojson.Schema) string,
) *avrojson.Schema {
	return describeJSON(`{"type": "record", "name": "DepositMoney",
		"fields": [{"name": "count", "type": "int"}]}`, named)
}
