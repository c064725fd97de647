package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"refold/codecs"
	"refold/config"
	"refold/eventsourcing"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/snapshots"
	"refold/snapshots/refold"
	"refold/views"
	"refold/views/httpapi"
)

// kind is an aggregate by its names, before a registry is there.
type kind struct {
	name, plural string
	open         func(*codecs.Registry, config.Config) (*aggregate, error)
}

// kinds are the aggregates of this program. A new one is its folder and a line here.
var kinds = []kind{
	{accounts.Name, accounts.Plural, openAccounts},
	{orders.Name, orders.Plural, openOrders},
}

// names are what aggregates and processes are called.
func names(c config.Topics) processors.Names {
	n := processors.Names{Prefix: c.Prefix}
	for _, k := range kinds {
		n.Aggregates = append(n.Aggregates, processors.AggregateName{Name: k.name, Plural: k.plural})
	}
	for _, p := range processes {
		n.Processes = append(n.Processes, p.name)
	}
	return n
}

// collection returns the plural of the aggregates that a user calls by their name or plural.
func collection(called string) (string, error) {
	known := make([]string, 0, len(kinds))
	for _, k := range kinds {
		if called == k.name || called == k.plural {
			return k.plural, nil
		}
		known = append(known, k.name)
	}
	return "", fmt.Errorf("there is no aggregate %q; there is %s", called, strings.Join(known, ", "))
}

// aggregate is everything that the program does with an aggregate without knowing which it is.
type aggregate struct {
	kind
	commands, events, rows *codecs.Set
	recentSize             int
	fold                   refold.Fold
	graph                  func(processors.GraphOptions) (*goka.GroupGraph, error)
	row                    func(value []byte) (sequence int64, state any, err error)
	resource               httpapi.Resource // but for what it reads and writes
}

func openAggregates(registry *codecs.Registry, c config.Config) ([]*aggregate, error) {
	opened := make([]*aggregate, 0, len(kinds))
	for _, k := range kinds {
		a, err := k.open(registry, c)
		if err != nil {
			return nil, err
		}
		a.kind = k
		opened = append(opened, a)
	}
	return opened, nil
}

// sets are the aggregate's codecs.
func (a *aggregate) sets() []*codecs.Set { return []*codecs.Set{a.commands, a.events, a.rows} }

// prepare gets the IDs of the aggregate's schemas from the registry, and makes sure that the rows and
// events of all their versions can be read. Commands that can't be read are dead letters; without rows and
// events nothing can be handled.
func (a *aggregate) prepare(ctx context.Context) error {
	var errs []error
	for _, set := range a.sets() {
		errs = append(errs, set.Prepare(ctx))
	}
	if errors.Join(errs...) == nil {
		errs = append(errs, a.rows.CheckVersions(ctx), a.events.CheckVersions(ctx))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("schemas of %s: %w", a.plural, err)
	}
	return nil
}

func (k kind) topics(c config.Topics) processors.Topics {
	return processors.NewTopics(c.Prefix, k.name, k.plural)
}

// description is the aggregate as the views read it.
func (a *aggregate) description(c config.Topics, results *codecs.Set) views.Description {
	return views.Description{
		Name: a.name, Plural: a.plural, Topics: a.topics(c),
		Commands: a.commands, Results: results, Events: a.events, Row: a.row,
		Fold: a.fold,
	}
}

// show is the aggregate as the API shows it.
func (a *aggregate) show(v *views.Views) httpapi.Resource {
	r := a.resource
	r.Name, r.Plural = a.name, a.plural
	reader := v.Aggregate(a.name)
	r.Rows, r.Sender, r.Events, r.Past = reader, reader, reader, reader
	if r.Commands == nil {
		r.Commands = a.commands
	}
	return r
}

func openAccounts(registry *codecs.Registry, c config.Config) (*aggregate, error) {
	set, err := accounts.NewCodecs(registry)
	if err != nil {
		return nil, err
	}
	return &aggregate{
		commands: set.Commands, events: set.Events, rows: set.Rows,
		recentSize: c.Accounts.RecentCommands, fold: accounts.NewFold(set),
		graph: func(o processors.GraphOptions) (*goka.GroupGraph, error) {
			return accounts.Graph(set, o)
		},
		row: readRow[accounts.Account](set.Table()),
		resource: httpapi.Resource{
			State: reflect.TypeFor[accounts.Account](),
			Example: accounts.Account{
				Status: accounts.StatusOpen, Owner: "Alice", Currency: "EUR", Balance: 500,
				Charges: []accounts.Charge{},
			},
			CommandExamples: map[string]json.RawMessage{
				"OpenAccount":   json.RawMessage(`{"owner": "Alice", "currency": "EUR"}`),
				"DepositMoney":  json.RawMessage(`{"amount": 500, "currency": "EUR"}`),
				"WithdrawMoney": json.RawMessage(`{"amount": 120, "currency": "EUR"}`),
			},
		},
	}, nil
}

func openOrders(registry *codecs.Registry, c config.Config) (*aggregate, error) {
	set, err := orders.NewCodecs(registry)
	if err != nil {
		return nil, err
	}
	example := orders.PlaceOrder{
		AccountID: "alice", Currency: "EUR",
		Lines: []orders.Line{{SKU: "tea-500g", Quantity: 2, UnitPrice: 1250, Currency: "EUR"}},
	}
	return &aggregate{
		commands: set.Commands, events: set.Events, rows: set.Rows,
		recentSize: c.Orders.RecentCommands, fold: orders.NewFold(set),
		graph: func(o processors.GraphOptions) (*goka.GroupGraph, error) {
			return orders.Graph(set, o)
		},
		row: readRow[orders.Order](set.Table()),
		resource: httpapi.Resource{
			Commands: offered{set.Commands, orders.OfProcess()},
			State:    reflect.TypeFor[orders.Order](),
			Example: orders.Order{
				Status: orders.StatusPlaced, Payment: orders.PaymentPending,
				AccountID: example.AccountID, Currency: example.Currency, Lines: example.Lines,
				Total: 2500,
			},
			CommandExamples: map[string]json.RawMessage{
				"PlaceOrder": json.RawMessage(`{"accountId": "alice", "currency": "EUR", "lines": ` +
					`[{"sku": "tea-500g", "quantity": 2, "unitPrice": 1250, "currency": "EUR"}]}`),
				"ShipOrder":    json.RawMessage(`{"carrier": "DHL", "trackingNumber": "00340434"}`),
				"DeliverOrder": json.RawMessage(`{}`),
				"CancelOrder":  json.RawMessage(`{"reason": "ordered twice"}`),
			},
		},
	}, nil
}

// offered are an aggregate's commands without those that are not for users of the API.
type offered struct {
	*codecs.Set
	hidden []string
}

// Types returns the commands that users may send.
func (o offered) Types() []string {
	return slices.DeleteFunc(o.Set.Types(), func(name string) bool {
		return slices.Contains(o.hidden, name)
	})
}

// readRow reads rows of a table for a view.
func readRow[S any](rows goka.Codec) func([]byte) (int64, any, error) {
	return func(value []byte) (int64, any, error) {
		decoded, err := rows.Decode(value)
		if err != nil {
			return 0, nil, err
		}
		row, is := decoded.(eventsourcing.Snapshot[S])
		if !is {
			return 0, nil, fmt.Errorf("a row is a %T", decoded)
		}
		return row.Sequence, row.State, nil
	}
}

// followers opens stores of tables that somebody else writes: joins and lookups.
func followers(
	stores *snapshots.Stores,
) func(context.Context, string, int32) (storage.Storage, error) {
	return func(ctx context.Context, topic string, partition int32) (storage.Storage, error) {
		return stores.Follower(ctx, topic, partition, snapshots.Projection{})
	}
}
