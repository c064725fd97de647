package main

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"

	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors/accounts"
	"refold/snapshots"
	"refold/views"
	"refold/views/httpapi"
)

// accountsResource is how the API shows accounts.
func accountsResource(v *views.Views, commands *codecs.Set) httpapi.Resource {
	aggregate := v.Aggregate(accounts.Name)
	return httpapi.Resource{
		Name: accounts.Name, Plural: accounts.Plural,
		Rows: aggregate, Sender: aggregate, Commands: commands,
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
	}
}

// readRow reads rows of a table for a view.
func readRow(rows goka.Codec) func([]byte) (int64, any, error) {
	return func(value []byte) (int64, any, error) {
		decoded, err := rows.Decode(value)
		if err != nil {
			return 0, nil, err
		}
		row, is := decoded.(eventsourcing.Snapshot[accounts.Account])
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
		return stores.Follower(ctx, topic, partition, nil)
	}
}
