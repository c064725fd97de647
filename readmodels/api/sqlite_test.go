package api_test

import (
	"net/http"
	"path/filepath"
	"testing"

	"refold/client/wire"
	"refold/projections/sqlite"
	"refold/readmodels"
	"refold/readmodels/api"
	"refold/readmodels/readmodelstest"
)

// Answers from tables that a store has made are the same as those from the tables of the other tests. That
// holds also when another build has taken over, and when the one before was dropped with all that is its own.
func TestStoreInSQLite(t *testing.T) {
	ctx := t.Context()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "readmodels.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s, want := serve(t, api.Options{Database: store}), shop(t)
	for _, path := range everyPath {
		refused(t, s.get(t, path), http.StatusServiceUnavailable, wire.CodeNoReadModel)
	}
	for build := 1; build <= 2; build++ {
		for i := range all {
			if err := readmodelstest.Fill(ctx, store, &all[i], readmodelstest.Shop(), 4); err != nil {
				t.Fatal(err)
			}
		}
		for _, path := range everyPath {
			same(t, path, want.get(t, path).Text, s.get(t, path).Text)
		}
	}
	for i := range all {
		if err := store.Drop(ctx, &all[i], 1); err != nil {
			t.Fatal(err)
		}
	}
	var left int
	row := store.DB().QueryRowContext(ctx,
		`SELECT COUNT(*) FROM sqlite_schema WHERE name LIKE '%\_\_1%' ESCAPE '\'`)
	if err := row.Scan(&left); err != nil || left > 0 {
		t.Errorf("%d tables and indexes of the first builds are left, %v", left, err)
	}
	for _, path := range everyPath {
		same(t, path, want.get(t, path).Text, s.get(t, path).Text)
	}
	found := pages(t, s, "/read-models/orders/search?q=tea&limit=1",
		func(o readmodels.OrderDocument) string { return o.OrderID })
	same(t, "orders with tea", []string{"kettle", "lost", "tea"}, found)
}
