package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"refold/client/wire"
	"refold/processors/accounts"
	"refold/readmodels"
	"refold/readmodels/api"
	"refold/readmodels/readmodelstest"
)

const ofAlice = "/read-models/accounts/alice/statement"

// Each month opens with what the one before has closed with.
func TestStatement(t *testing.T) {
	s := shop(t)
	for month, want := range map[string][4]int64{ // opening, credits, debits, closing
		"2025-12": {0, 0, 0, 0},
		"2026-01": {0, 10_000, 3_800, 6_200},
		"2026-02": {6_200, 3_000, 3_000, 6_200},
		"2026-03": {6_200, 5_000, 0, 11_200},
		"2026-04": {11_200, 0, 0, 11_200},
	} {
		got := read[api.Statement](t, s.get(t, ofAlice+"?month="+month))
		same(t, month, want, [4]int64{got.Opening, got.Credits, got.Debits, got.Closing})
		if got.Items == nil || got.Month != month {
			t.Errorf("%s: %+v", month, got)
		}
	}
	last := read[api.Statement](t, s.get(t, ofAlice))
	same(t, "the statement of the last month with a booking", api.Statement{
		AccountID: "alice", Owner: "Alice <b>Liddell</b>", Currency: "EUR", OpenedAt: readmodelstest.Begun,
		Month: "2026-03", Bookings: 1, Opening: 6_200, Credits: 5_000, Closing: 11_200,
		Items: []readmodels.StatementLine{{
			Sequence: 7, BookedAt: time.Date(2026, 3, 5, 9, 28, 0, 0, time.UTC), Kind: readmodels.Deposit,
			Text: "Deposit", Amount: 5_000, Currency: "EUR", Balance: 11_200,
		}},
	}, last)
	carol := read[api.Statement](t, s.get(t, "/read-models/accounts/carol/statement"))
	if carol.Month != "2026-02" || carol.ClosedAt == nil || len(carol.Items) > 0 {
		t.Errorf("the statement of an account without bookings is %+v", carol)
	}
	refused(t, s.get(t, "/read-models/accounts/nobody/statement"), http.StatusNotFound, wire.CodeNotFound)
}

// A page begins with the balance that the one before has ended with.
func TestStatement_pages(t *testing.T) {
	s := shop(t)
	path := ofAlice + "?month=2026-01&limit=1"
	var amounts []int64
	balance := int64(0)
	for path != "" {
		page := read[api.Statement](t, s.get(t, path))
		if first := len(amounts) == 0; first != (page.Carried == nil) || !first && *page.Carried != balance {
			t.Fatalf("%s follows on %d with %v", path, balance, page.Carried)
		}
		if page.Closing != 6_200 || page.Bookings != 3 {
			t.Errorf("%s is not of the whole month: %+v", path, page)
		}
		amounts, balance = append(amounts, page.Items[0].Amount), page.Items[0].Balance
		path = page.Next
	}
	same(t, "the amounts of the month", []int64{10_000, -2_550, -1_250}, amounts)
}

// The client says in which format, by the path or by Accept.
func TestStatement_formats(t *testing.T) {
	s := shop(t)
	const csv, html = "text/csv; charset=utf-8; header=present", "text/html; charset=utf-8"
	for _, test := range []struct{ path, accept, want string }{
		{ofAlice, "", "application/json"},
		{ofAlice, "*/*", "application/json"},
		{ofAlice, "application/pdf", "application/json"},
		{ofAlice, "text/csv", csv},
		{ofAlice, "application/json;q=0.5, text/csv;q=0.8", csv},
		{ofAlice, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", html},
		{ofAlice + ".csv", "text/html", csv},
		{ofAlice + ".html", "", html},
	} {
		a := s.get(t, test.path, "Accept: "+test.accept)
		if got := a.Header.Get("Content-Type"); got != test.want || a.Status != http.StatusOK {
			t.Errorf("%s of %q: %d, %s", test.path, test.accept, a.Status, got)
		}
		if (a.Header.Get("Vary") == "Accept") != (test.path == ofAlice) {
			t.Errorf("%s varies with %q", test.path, a.Header.Get("Vary"))
		}
	}
	refused(t, s.get(t, "/read-models/accounts/nobody/statement.html", "Accept: text/html"),
		http.StatusNotFound, wire.CodeNotFound)
}

func TestStatement_csv(t *testing.T) {
	s := shop(t)
	a := s.get(t, ofAlice+".csv?month=2026-01")
	same(t, "the file", strings.ReplaceAll(
		`account,month,sequence,booked_at,kind,text,reference,amount,currency,balance
alice,2026-01,,,opening,Opening balance,,,EUR,0.00
alice,2026-01,2,2026-01-05T09:01:00Z,deposit,Deposit,,100.00,EUR,100.00
alice,2026-01,3,2026-01-05T09:02:00Z,withdrawal,Withdrawal,,-25.50,EUR,74.50
alice,2026-01,4,2026-01-05T09:06:00Z,payment,Payment,tea,-12.50,EUR,62.00
alice,2026-01,,,closing,Closing balance,,,EUR,62.00
`, "\n", "\r\n"), a.Text)
	same(t, "its name", `attachment; filename="statement-alice-2026-01.csv"`,
		a.Header.Get("Content-Disposition"))
	first := s.get(t, ofAlice+".csv?month=2026-01&limit=2")
	if strings.Contains(first.Text, "closing") ||
		!strings.Contains(first.Header.Get("Link"), "statement.csv?") {
		t.Errorf("the first of two pages is %s, and then comes %s", first.Text, first.Header.Get("Link"))
	}
	next := strings.TrimPrefix(strings.TrimSuffix(first.Header.Get("Link"), `>; rel="next"`), "<")
	second := s.get(t, next).Text
	if strings.Contains(second, "opening") || !strings.Contains(second, "closing") {
		t.Errorf("the second of two pages is %s", second)
	}
}

// Neither a browser nor a spreadsheet executes texts that others have chosen.
func TestStatement_hostile(t *testing.T) {
	const id, reference = `=cmd|' /C calc'!A0"<script>`, `@SUM(1)<img src=x onerror=alert(1)>`
	const attack = `"><script>alert(1)</script>`
	const fileName = `"statement-_cmd____C_calc__A0__script_-2026-01.csv"`
	at := readmodelstest.Begun
	charged := accounts.AccountCharged{Amount: 1, Currency: "EUR", Reference: reference}
	history := readmodelstest.History{
		{Subject: id, Event: accounts.AccountOpened{Owner: attack, Currency: "EUR"}, Time: at},
		{Subject: id, Event: accounts.MoneyDeposited{Amount: 5, Currency: "EUR"}, Time: at},
		{Subject: id, Event: charged, Time: at},
	}
	s := serve(t, api.Options{Database: filled(t, history)})
	path := "/read-models/accounts/" + wire.Segment(id) + "/statement"
	page := s.get(t, path+".html?limit=1")
	for _, bad := range []string{"<script", "<img", `"<`} {
		if strings.Contains(page.Text, bad) {
			t.Errorf("the page has %s:\n%s", bad, page.Text)
		}
	}
	if !strings.Contains(page.Text, "&lt;script&gt;alert(1)&lt;/script&gt;") ||
		!strings.Contains(page.Header.Get("Content-Security-Policy"), "default-src 'none'") ||
		page.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%v:\n%s", page.Header, page.Text)
	}
	next := page.Text[strings.Index(page.Text, `<a href="`)+len(`<a href="`):]
	next, _, _ = strings.Cut(next, `"`)
	if a := s.get(t, strings.ReplaceAll(next, "&amp;", "&")); !strings.Contains(a.Text, "Carried forward") ||
		!strings.Contains(a.Text, "@SUM(1)&lt;img") {
		t.Errorf("the next page %s is %d:\n%s", next, a.Status, a.Text)
	}
	file := s.get(t, path+".csv")
	for line := range strings.Lines(file.Text) {
		if !strings.HasPrefix(line, "account,") && !strings.HasPrefix(line, `"'=cmd|`) {
			t.Errorf("a spreadsheet would execute %s", line)
		}
	}
	if !strings.Contains(file.Text, ",'@SUM(1)") ||
		!strings.Contains(file.Header.Get("Content-Disposition"), fileName) {
		t.Errorf("%v:\n%s", file.Header, file.Text)
	}
	for _, of := range []string{"/card", "/statement"} {
		if a := s.get(t, "/read-models/accounts/"+wire.Segment(id)+of); a.Status != http.StatusOK {
			t.Errorf("%s: %d %s", a.Path, a.Status, a.Text)
		}
	}
}

// The page of a month says all that a customer asks for, in the currency's own units.
func TestStatement_html(t *testing.T) {
	s := shop(t)
	text := s.get(t, "/read-models/accounts/bob/statement.html?month=2026-02").Text
	for _, part := range []string{
		"<h1>Account statement 2026-02</h1>", "Owner Bob", "Amounts in JPY", "Opening balance", "90000",
		"2026-02-05 <small>09:22:00</small>", "<td>kettle</td>", "-4980", "Closing balance", "85020",
		"1 bookings in the month: 0 came, 4980 went.",
	} {
		if !strings.Contains(text, part) {
			t.Errorf("the page lacks %s:\n%s", part, text)
		}
	}
	if carol := s.get(t, "/read-models/accounts/carol/statement.html").Text; !strings.Contains(carol,
		"closed on 2026-02-05") {
		t.Errorf("the page of a closed account:\n%s", carol)
	}
}
