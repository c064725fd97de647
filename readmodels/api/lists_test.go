package api_test

import (
	"net/http"
	"testing"

	"refold/client/wire"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/projections/memory"
	"refold/readmodels"
	"refold/readmodels/api"
	"refold/readmodels/readmodelstest"
)

func TestAccounts(t *testing.T) {
	s := shop(t)
	id := func(a readmodels.AccountRow) string { return a.AccountID }
	for path, want := range map[string][]string{
		"/read-models/accounts":                                      {"=dave+1", "alice", "bob", "carol"},
		"/read-models/accounts?limit=1":                              {"=dave+1", "alice", "bob", "carol"},
		"/read-models/accounts?limit=20":                             {"=dave+1", "alice", "bob", "carol"},
		"/read-models/accounts?status=frozen":                        {"bob"},
		"/read-models/accounts?currency=EUR&limit=1":                 {"alice", "carol"},
		"/read-models/accounts?currency=EUR&status=closed":           {"carol"},
		"/read-models/accounts?owner=BOB":                            {"bob"},
		"/read-models/accounts?owner=alice+%3Cb%3Eliddell%3C%2Fb%3E": {"alice"},
		"/read-models/accounts?owner=bo":                             nil,
		"/read-models/accounts?owner=%27+OR+1%3D1+--":                nil,
	} {
		same(t, path, want, pages(t, s, path, id))
	}
	first := read[api.Page[readmodels.AccountRow]](t, s.get(t, "/read-models/accounts?owner=bob"))
	same(t, "bob", []readmodels.AccountRow{{
		AccountID: "bob", Status: accounts.StatusFrozen, Owner: "Bob", Currency: "JPY", Balance: 85_020,
		FrozenFor: "STOLEN", Sequence: 4,
	}}, first.Items)
}

// A list goes on behind the row that its cursor names, whether that row is still there or not.
func TestPagesAreStable(t *testing.T) {
	d := filled(t, readmodelstest.Shop())
	s := serve(t, api.Options{Database: d})
	first := read[api.Page[readmodels.AccountRow]](t, s.get(t, "/read-models/accounts?limit=2"))
	for _, statement := range []string{
		`DELETE FROM accounts_current__7 WHERE account_id = 'alice'`,
		`UPDATE accounts_current__7 SET account_id = '0' WHERE account_id = '=dave+1'`,
	} {
		if _, err := d.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "the accounts behind the first page", []string{"bob", "carol"},
		pages(t, s, first.Next, func(a readmodels.AccountRow) string { return a.AccountID }))
}

func TestOrders(t *testing.T) {
	s := shop(t)
	id := func(o readmodels.OrderRow) string { return o.OrderID }
	everyOrder := []string{"tea", "pot", "kettle", "cups", "lost", "owed"}
	for path, want := range map[string][]string{
		"/read-models/orders":                                  everyOrder,
		"/read-models/orders?limit=1":                          everyOrder,
		"/read-models/orders?status=cancelled&limit=1":         {"pot", "owed"},
		"/read-models/orders?payment=pending":                  {"cups"},
		"/read-models/orders?attention=true":                   {"owed"},
		"/read-models/orders?account=alice&limit=2":            {"tea", "pot", "cups"},
		"/read-models/orders?account=alice&status=delivered":   {"tea"},
		"/read-models/orders?minAge=1728000&limit=2":           {"tea", "pot", "kettle"}, // 20 days
		"/read-models/orders?minAge=86400&status=declined":     nil,
		"/read-models/orders?minAge=86000&status=declined":     {"lost"},
		"/read-models/orders?account=%27%3B+DROP+TABLE+orders": nil,
	} {
		same(t, path, want, pages(t, s, path, id))
	}
	owed := read[api.Page[readmodels.OrderRow]](t, s.get(t, "/read-models/orders?attention=true")).Items[0]
	if owed.Attention != readmodels.RefundDeclined || owed.Code != accounts.CodeAccountClosed ||
		owed.Reason != "moved away" || owed.Payment != orders.PaymentRefundDeclined || owed.Total != 700 {
		t.Errorf("the order that a person has to see to is %+v", owed)
	}
}

func TestSearch(t *testing.T) {
	s := shop(t)
	id := func(o readmodels.OrderDocument) string { return o.OrderID }
	for path, want := range map[string][]string{
		"/read-models/orders/search?q=dhl":                      {"kettle", "tea"},
		"/read-models/orders/search?q=Cafe":                     {"kettle"},
		"/read-models/orders/search?q=caf%C3%A9+EXPR":           {"kettle"},
		"/read-models/orders/search?q=tea-500g&limit=1":         {"kettle", "lost", "tea"},
		"/read-models/orders/search?q=tea&account=alice":        {"tea"},
		"/read-models/orders/search?q=tea&status=declined":      {"lost"},
		"/read-models/orders/search?q=00340434-2":               {"kettle"},
		"/read-models/orders/search?q=cancelled":                {"owed", "pot"},
		"/read-models/orders/search?q=dhl+cups":                 nil,
		"/read-models/orders/search?q=%22+OR+terms%3A+NEAR(tea": nil,
		"/read-models/orders/search?q=tea%27%3A*+%7C+%27pot":    nil,
		"/read-models/orders/search?q=mallory+NOT+lost":         nil,
	} {
		same(t, path, want, pages(t, s, path, id))
	}
	found := read[api.Page[readmodels.OrderDocument]](t, s.get(t, "/read-models/orders/search?q=kettle"))
	same(t, "the kettle", []readmodels.OrderDocument{{
		OrderID: "kettle", AccountID: "bob", Status: orders.StatusShipped, Payment: orders.PaymentPaid,
		Currency: "JPY", Total: 4_980, SKUs: []string{"kettle-1.7L", "tea-500g"},
		Carriers: []string{"DHL", "Café Express"}, TrackingNumbers: []string{"00340434-2", "1Z999AA1"},
		Sequence: 5,
	}}, found.Items)
}

// Full text follows the rows: what changes is found by its new words, what goes by none.
func TestSearchFollowsRows(t *testing.T) {
	d := filled(t, readmodelstest.Shop())
	s := serve(t, api.Options{Database: d})
	find := func(word string) []string {
		return pages(t, s, "/read-models/orders/search?q="+word,
			func(o readmodels.OrderDocument) string { return o.OrderID })
	}
	for _, statement := range []string{
		`INSERT INTO order_search__7 SELECT 'lost', account_id, status, payment, currency, total, skus,
			carriers, tracking_numbers, 'lost and found', sequence FROM order_search__7
			WHERE order_id = 'lost'
			ON CONFLICT DO UPDATE SET terms = excluded.terms`,
		`DELETE FROM order_search__7 WHERE order_id = 'tea'`,
	} {
		if _, err := d.db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	same(t, "orders with found", []string{"lost"}, find("found"))
	same(t, "orders with tea", []string{"kettle"}, find("tea"))
}

func TestCustomer(t *testing.T) {
	s := shop(t)
	alice := read[api.Customer](t, s.get(t, "/read-models/customers/alice"))
	same(t, "alice", readmodels.CustomerRow{
		AccountID: "alice", Status: accounts.StatusOpen, Owner: "Alice <b>Liddell</b>", Currency: "EUR",
		Balance: 11_200, Sequence: 7, Orders: 3, Placed: 1, Delivered: 1, Cancelled: 1, Paid: 4_250,
		Refunded: 3_000,
	}, alice.Customer)
	var ids []string
	for path := "/read-models/customers/alice?limit=1"; path != ""; {
		page := read[api.Customer](t, s.get(t, path)).Orders
		ids = append(ids, page.Items[0].OrderID)
		path = page.Next
	}
	same(t, "alice's orders", []string{"cups", "pot", "tea"}, ids)
	mallory := read[api.Customer](t, s.get(t, "/read-models/customers/mallory"))
	same(t, "mallory, who has no account",
		readmodels.CustomerRow{AccountID: "mallory", Orders: 1, Declined: 1}, mallory.Customer)
	if carol := read[api.Customer](t, s.get(t, "/read-models/customers/carol")); carol.Orders.Items == nil {
		t.Error("the orders of carol are null")
	}
	refused(t, s.get(t, "/read-models/customers/nobody"), http.StatusNotFound, wire.CodeNotFound)
}

// The card comes from a cache, or from the database if there is none.
func TestCard(t *testing.T) {
	cache := &memory.Store{}
	d := filled(t, readmodelstest.Shop())
	cached := serve(t, api.Options{Database: d, Cards: cache})
	refused(t, cached.get(t, "/read-models/accounts/bob/card"), http.StatusServiceUnavailable,
		wire.CodeNoReadModel)
	card := readmodels.AccountCard
	if err := readmodelstest.Fill(t.Context(), cache, &card, readmodelstest.Shop(), 3); err != nil {
		t.Fatal(err)
	}
	for where, s := range map[string]served{"cache": cached, "database": serve(t, api.Options{Database: d})} {
		same(t, where, readmodels.CardRow{
			AccountID: "bob", Owner: "Bob", Status: accounts.StatusFrozen, Currency: "JPY", Balance: 85_020,
			Sequence: 4,
		}, read[readmodels.CardRow](t, s.get(t, "/read-models/accounts/bob/card")))
		same(t, where, "=dave+1",
			read[readmodels.CardRow](t, s.get(t, "/read-models/accounts/=dave+1/card")).AccountID)
		refused(t, s.get(t, "/read-models/accounts/nobody/card"), http.StatusNotFound, wire.CodeNotFound)
	}
}
