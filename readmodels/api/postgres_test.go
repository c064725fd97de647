//go:build system

package api_test

import (
	"net/http"
	"strings"
	"testing"

	"refold/client/wire"
	"refold/projections/postgres"
	"refold/projections/postgres/postgrestest"
	"refold/readmodels"
	"refold/readmodels/api"
	"refold/readmodels/readmodelstest"
)

// Answers from Postgres are the same as those from SQLite, and the documentation's queries for
// Postgres find something.
func TestStoreInPostgres(t *testing.T) {
	ctx := t.Context()
	server, err := postgrestest.Start(ctx, "fsync=off")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	store, err := postgres.Open(server.URL("postgres"), postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s, want := serve(t, api.Options{Database: store}), shop(t)
	for _, path := range everyPath {
		refused(t, s.get(t, path), http.StatusServiceUnavailable, wire.CodeNoReadModel)
	}
	for i := range all {
		if err := readmodelstest.Fill(ctx, store, &all[i], readmodelstest.Shop(), 4); err != nil {
			t.Fatal(err)
		}
	}
	for _, path := range append([]string{
		"/read-models/orders/search?q=tea-500g", "/read-models/orders/search?q=caf%C3%A9+EXPR",
		"/read-models/orders/search?q=00340434-2", "/read-models/orders/search?q=tea%27%3A*+%7C+%27pot",
		"/read-models/orders?minAge=1728000&status=cancelled", "/read-models/orders?attention=true",
		"/read-models/accounts?owner=BOB", "/read-models/accounts/bob/statement?month=2026-02",
		"/read-models/customers/mallory",
	}, everyPath...) {
		same(t, path, want.get(t, path).Text, s.get(t, path).Text)
	}
	same(t, "accounts", 4, len(pages(t, s, "/read-models/accounts?limit=1",
		func(a readmodels.AccountRow) string { return a.AccountID })))
	same(t, "orders", []string{"tea", "pot", "kettle", "cups", "lost", "owed"}, pages(t, s,
		"/read-models/orders?limit=1", func(o readmodels.OrderRow) string { return o.OrderID }))
	id := func(o readmodels.OrderDocument) string { return o.OrderID }
	same(t, "words", []string{"kettle", "lost", "tea"}, pages(t, s,
		"/read-models/orders/search?q=tea&limit=1", id))
	second := read[api.Customer](t, s.get(t, read[api.Customer](t, s.get(t,
		"/read-models/customers/alice?limit=1")).Orders.Next))
	same(t, "alice's second order", "pot", second.Orders.Items[0].OrderID)
	for _, block := range fence.FindAllStringSubmatch(documentation(t), -1) {
		if !strings.HasPrefix(block[2], "-- Postgres") {
			continue
		}
		rows, err := store.DB().QueryContext(ctx, block[2])
		if err != nil || !rows.Next() {
			t.Errorf("%s: %v", block[2], err)
			continue
		}
		_ = rows.Close()
	}
}
