package readmodels_test

import (
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"refold/eventsourcing"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/foldtest"
	"refold/processors/orders"
	"refold/projections"
	"refold/readmodels"
)

// all are the projections of the package.
var all = []projections.Projection{
	readmodels.AccountsCurrent, readmodels.AccountStatement, readmodels.OrdersByStatus,
	readmodels.CustomerOrders, readmodels.OrderSearch, readmodels.AccountCard,
}

// at is when everything happens, unless a test says otherwise.
var at = time.Date(2026, 1, 31, 23, 59, 58, 0, time.UTC)

// lifeOfAccount has every event of accounts, lifeOfOrder every event of orders, in an order in which they can
// happen.
var (
	lifeOfAccount = []any{
		accounts.AccountOpened{Owner: "Zoë  Smith", Currency: "EUR"},
		accounts.MoneyDeposited{Amount: 1_000, Currency: "EUR"},
		accounts.MoneyWithdrawn{Amount: 100, Currency: "EUR"},
		accounts.AccountCharged{Amount: 300, Currency: "EUR", Reference: "order-1"},
		accounts.AccountFrozen{Reason: accounts.Reason{Kind: accounts.ReasonStolen, Text: "reported"}},
		accounts.AccountRefunded{Amount: 200, Currency: "EUR", Reference: "order-1"},
		accounts.AccountUnfrozen{},
		accounts.MoneyWithdrawn{Amount: 800, Currency: "EUR"},
		accounts.AccountClosed{},
	}
	placed = orders.OrderPlaced{
		AccountID: "zoe", Currency: "EUR", Total: 500, Lines: []orders.Line{
			{SKU: "Tea-500g", Quantity: 2, UnitPrice: 250, Currency: "EUR"},
			{SKU: "leaflet", Quantity: 1, Currency: "EUR"},
			{SKU: "leaflet", Quantity: 9, Currency: "EUR"},
		},
	}
	paid        = orders.PaymentProcessed{AccountID: "zoe", PaymentID: "zoe/3", Amount: 500, Currency: "EUR"}
	requested   = orders.RefundRequested{AccountID: "zoe", Amount: 500, Currency: "EUR"}
	lifeOfOrder = [][]any{
		{
			placed, paid,
			orders.ParcelHandedOver{Carrier: "DHL", TrackingNumber: "0034-1"},
			orders.ParcelHandedOver{Carrier: "DHL", TrackingNumber: "0034-2"},
			orders.OrderShipped{ParcelCount: 2},
			orders.OrderDelivered{},
			orders.SurplusReceived{AccountID: "zoe", PaymentID: "zoe/9", Amount: 500, Currency: "EUR"},
			orders.SurplusRefundDeclined{PaymentID: "zoe/9", Code: "account-closed", Message: "closed"},
			orders.SurplusRefunded{
				AccountID: "zoe", PaymentID: "zoe/9", RefundID: "zoe/10", Amount: 500, Currency: "EUR",
			},
		},
		{placed, orders.PaymentDeclined{Code: "insufficient-funds", Message: "the balance is 0"}},
		{
			placed, paid,
			orders.OrderCancelled{Reason: "ordered twice"},
			requested,
			orders.RefundDeclined{Code: "account-closed", Message: "closed"},
			orders.PaymentRefunded{AccountID: "zoe", RefundID: "zoe/11", Amount: 500, Currency: "EUR"},
		},
	}
)

// The stories of this package's tests leave out no event.
func TestLivesHaveEveryEvent(t *testing.T) {
	told := make(map[string]bool)
	for _, event := range slices.Concat(lifeOfAccount, slices.Concat(lifeOfOrder...)) {
		told[eventsourcing.TypeName(event)] = true
	}
	for _, definition := range []processors.AggregateDefinition{accounts.Definition, orders.Definition} {
		for _, name := range foldtest.Open(t, definition).Events.Types() {
			if !told[name] {
				t.Errorf("no story has the event %s", name)
			}
		}
	}
}

// Every projection is defined rightly, and its rows can be found by whom they are about.
func TestProjections(t *testing.T) {
	tables := make(map[string]string)
	for _, p := range all {
		if err := p.Check(); err != nil {
			t.Error(err)
		}
		for _, table := range p.Tables {
			if other, twice := tables[table.Name]; twice {
				t.Errorf("%s and %s have a table %s", other, p.Name, table.Name)
			}
			tables[table.Name] = p.Name
			if !slices.ContainsFunc(table.Subjects(), func(c projections.Column) bool {
				return c.Name == "account_id"
			}) {
				t.Errorf("rows of %s can't be found by the account that they are about", table.Name)
			}
		}
	}
}

var placeholder = regexp.MustCompile(`\{(\w+)\}`)

// Migrations name tables of their projection only.
func TestMigrations(t *testing.T) {
	for _, p := range all {
		if p.Migrations == nil {
			continue
		}
		files, err := fs.Glob(p.Migrations, "*.sql")
		if err != nil || len(files) == 0 {
			t.Errorf("%s has the migrations %v, %v", p.Name, files, err)
		}
		for _, file := range files {
			text, err := fs.ReadFile(p.Migrations, file)
			if err != nil {
				t.Fatal(err)
			}
			for _, named := range placeholder.FindAllStringSubmatch(string(text), -1) {
				if p.Table(named[1]) == nil {
					t.Errorf("%s of %s names the table %s", file, p.Name, named[1])
				}
			}
		}
	}
}

// Documents and questions are cut alike.
func TestWords(t *testing.T) {
	for text, want := range map[string]string{
		"":                         "",
		" -- ":                     "",
		"Tea-500g":                 "tea 500g",
		"tea TEA téa":              "tea",
		"Café Straße №5 ½":         "cafe straße no5 1 2",
		"a/b@c.example 0034,0035;": "a b c example 0034 0035",
		"DROP TABLE x; --'\"*:&|!": "drop table x",
		"東京 ١٢٣":                   "東京 ١٢٣",
		"z\u0301\x00y":             "z y",
	} {
		if got := strings.Join(readmodels.Words(text), " "); got != want {
			t.Errorf("%q has the words %q, want %q", text, got, want)
		}
	}
}

// Words that were cut once stay as they are: the full text of a database does not cut them further.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{"Tea-500g", "Café", "İstanbul", "ﬃ", "\xff"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := readmodels.Words(text)
		if again := readmodels.Words(strings.Join(once, " ")); !slices.Equal(once, again) {
			t.Errorf("%q has the words %q, and those %q", text, once, again)
		}
	})
}
