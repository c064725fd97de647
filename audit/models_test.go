package audit_test

import (
	"database/sql"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/audit"
)

// began is when the first event of a dated shop happened; the others follow a minute after one another.
var began = time.Date(2026, 3, 14, 15, 9, 26, 535_897_000, time.UTC)

// datedShop is a whole shop whose events have times.
func datedShop() *audit.Shop {
	shop := wholeShop()
	for _, w := range []*audit.World{shop.Accounts, shop.Orders} {
		for i := range w.Events {
			w.Events[i].Time = minute(i)
		}
	}
	return shop
}

func minute(n int) time.Time { return began.Add(time.Duration(n) * time.Minute) }

// book is a SQLite database with the read models of a dated shop, written down by hand.
type book struct {
	*written
	db   *sql.DB
	path string
}

var booked = []audit.ReadModel{audit.AccountStatement, audit.CustomerOrders}

// emptyBook has no build yet.
func (w *written) emptyBook() *book {
	w.Helper()
	path := filepath.Join(w.TempDir(), "read-models.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = db.Close() })
	b := &book{w, db, path}
	b.execute(`CREATE TABLE refold_builds (projection TEXT, number INTEGER, version INTEGER, status TEXT)`)
	b.execute(`CREATE TABLE refold_progress (projection TEXT, number INTEGER, topic TEXT, part INTEGER,
		next INTEGER)`)
	return b
}

// newBook writes the read models, of which account_statement has a build that was live and is fed no more.
func (w *written) newBook() *book {
	w.Helper()
	b := w.emptyBook()
	const took = 2 // events, by the build that was live
	b.build(audit.AccountStatement, 1, "kept", map[string]int64{"account": took})
	b.build(audit.AccountStatement, 2, "live", map[string]int64{"account": 11})
	b.build(audit.CustomerOrders, 1, "live", map[string]int64{"account": 11, "order": 24})
	b.state("account_statement_states__1", "account", "alice", 2, accountOf("Alice", 1000))
	alice := accountOf("Alice", 750, chargeOf("order-0", 50), chargeOf("order-2", 0), chargeOf("order-3", 0),
		chargeOf("order-4", 50), chargeOf("order-5", 50))
	b.state("account_statement_states__2", "account", "alice", 10, alice)
	b.state("customer_orders_states__1", "account", "alice", 10, alice)
	b.holder(1)
	b.line(1, 2, "deposit", "Deposit", "", 1000, 1000)
	b.insert("account_months__1", "alice", "2026-03", 1, 1000, 0)
	b.holder(2)
	balance := int64(0)
	for i, amount := range []int64{1000, -100, -50, -50, 50, -50, 50, -50, -50} {
		order := []string{
			"", "", "order-0", "order-2", "order-2", "order-3", "order-3", "order-4", "order-5",
		}[i]
		kind, text := "payment", "Payment"
		switch {
		case i == 0:
			kind, text = "deposit", "Deposit"
		case i == 1:
			kind, text = "withdrawal", "Withdrawal"
		case amount > 0:
			kind, text = "refund", "Refund"
		}
		balance += amount
		b.line(2, int64(i+2), kind, text, order, amount, balance)
	}
	b.insert("account_months__2", "alice", "2026-03", 9, 1100, 350)
	b.customers()
	return b
}

// build makes the tables of a build, and says how far it is.
func (b *book) build(m audit.ReadModel, number int, status string, next map[string]int64) {
	b.Helper()
	b.execute(`INSERT INTO refold_builds VALUES (?, ?, ?, ?)`, m.Name, number, m.Version, status)
	for kind, offset := range next {
		for part := range 2 {
			b.execute(`INSERT INTO refold_progress VALUES (?, ?, ?, ?, ?)`, m.Name, number,
				b.prefix+kind+"-events", part, max(-1, offset*int64(1-part)))
		}
	}
	for _, t := range m.Tables {
		columns := slices.Concat(t.Key, slices.Sorted(maps.Keys(t.Empty)))
		name := fmt.Sprintf("%s__%d", t.Name, number)
		b.execute(fmt.Sprintf(`CREATE TABLE %s (%s)`, name, strings.Join(columns, ", ")))
		if status == "live" {
			b.execute(fmt.Sprintf(`CREATE VIEW %s AS SELECT * FROM %s`, t.Name, name))
		}
	}
	b.execute(fmt.Sprintf(`CREATE TABLE %s_states__%d (aggregate, subject, sequence, state)`, m.Name, number))
}

func (b *book) execute(statement string, args ...any) {
	b.Helper()
	if _, err := b.db.ExecContext(b.Context(), statement, args...); err != nil {
		b.Fatalf("%s: %v", statement, err)
	}
}

// insert writes a row: the key's columns first, then the others by their names.
func (b *book) insert(table string, values ...any) {
	b.Helper()
	b.execute(fmt.Sprintf("INSERT INTO %s VALUES (?%s)", table, strings.Repeat(", ?", len(values)-1)),
		values...)
}

const written6 = "2006-01-02T15:04:05.000000Z"

func (b *book) holder(build int) {
	b.Helper()
	b.insert(fmt.Sprintf("account_holders__%d", build), "alice", nil, "EUR", minute(0).Format(written6),
		"Alice")
}

func (b *book) line(build int, sequence int64, kind, text, reference string, amount, balance int64) {
	b.Helper()
	at := minute(int(sequence) - 1).Format(written6)
	b.insert(fmt.Sprintf("account_statement__%d", build), "alice", sequence, amount, balance, at, "EUR", kind,
		"2026-03", reference, text)
}

func (b *book) customers() {
	b.Helper()
	b.insert("customers__1", "alice", 750, 3, "EUR", 1, 1, 6, "Alice", 250, 1, 100, 10, 0, "open")
	w := datedShop().Orders
	for n, order := range []struct {
		status, payment string
		sequence        int64
	}{
		{"placed", "paid", 2},
		{"declined", "declined", 2},
		{"cancelled", "refunded", 5},
		{"cancelled", "refunded", 5},
		{"cancelled", "refund-declined", 5},
		{"delivered", "paid", 4},
	} {
		id := fmt.Sprintf("order-%d", n)
		first := slices.IndexFunc(w.Events, func(e audit.Event) bool { return e.Key == id })
		b.insert("customer_orders__1", "alice", id, "EUR", order.payment, minute(first).Format(written6),
			order.sequence, order.status, 50)
		b.state("customer_orders_states__1", "order", id, order.sequence, w.Rows[id].State)
	}
}

// state writes a state down: a row without a ring.
func (b *book) state(table, kind, key string, sequence int64, state map[string]any) {
	b.Helper()
	b.insert(table, kind, key, sequence, b.stateOf(kind, sequence, state))
}

func (w *written) stateOf(kind string, sequence int64, state map[string]any) []byte {
	w.Helper()
	row := maps.Clone(state)
	row["sequence"], row["recent"] = sequence, []byte{}
	return w.encode(strings.ToUpper(kind[:1])+kind[1:]+"Row", row)
}

// options are those of an audit of the book.
func (b *book) options() audit.Options {
	return audit.Options{ReadModels: booked, Databases: []string{"sqlite:" + b.path}}
}

// Each damage is in the database, and the audit counts it, and nothing else that did not come of it (G12).
func TestDamageOfReadModelsIsCounted(t *testing.T) {
	w := newPlace(t).write(datedShop())
	one := counts{audit.Models: 1}
	for name, damage := range map[string]struct {
		statement string
		want      counts
		says      string
	}{
		"all is well": {"", counts{}, ""},
		"a row is changed": {
			`UPDATE account_statement__2 SET balance = 901 WHERE sequence = 3`, one,
			"build 2 of account_statement: row alice/3 of account_statement: balance is 901, its events " +
				"make 900",
		},
		"a sum is doubled": {
			`UPDATE account_months__2 SET credits = 2 * credits`, one,
			"row alice/2026-03 of account_months: credits is 2200, its events make 1100",
		},
		"a sum of two kinds is doubled": {
			`UPDATE customers__1 SET paid = 2 * paid`, one,
			"row alice of customers: paid is 500, its events make 250",
		},
		"a row is missing": {
			`DELETE FROM customer_orders__1 WHERE order_id = 'order-3'`, one,
			"customer_orders lacks the row alice/order-3",
		},
		"a row is too much": {
			`INSERT INTO account_months__2 VALUES ('alice', '2026-04', 1, 50, 0)`, one,
			"account_months has a row alice/2026-04, which no event makes",
		},
		"a row with another null": {
			`UPDATE account_holders__2
			SET closed_at = '2026-03-14T16:00:00.000000Z'`, one,
			"closed_at is 2026-03-14T16:00:00.000000Z, its events make null",
		},
		"a state is of another sequence": {
			`UPDATE account_statement_states__2 SET sequence = 9`, one,
			"the state of account alice is at 9, its events come to 10",
		},
		"a state is that of another": {`UPDATE account_statement_states__2 SET
			state = (SELECT state FROM account_statement_states__1)`, one, "the state of account alice is "},
		"a state is missing": {
			`DELETE FROM customer_orders_states__1 WHERE subject = 'order-5'`, one,
			"lacks the state of order order-5",
		},
		"a state is too much": {
			`UPDATE customer_orders_states__1 SET subject = 'order-6'
			WHERE subject = 'order-5'`,
			counts{audit.Models: 2},
			"a state of order order-6, which no event makes",
		},
		"a state is no state": {`UPDATE account_statement_states__2 SET state = x'00'`, one, "can't be read"},
		"the progress is beyond the end": {
			`UPDATE refold_progress SET next = 12 WHERE next = 11 AND
			projection = 'account_statement'`,
			counts{audit.Ahead: 1},
			"has taken world-1.account-events/0 up to offset 12, and it ends at 11",
		},
		"only a marker is left": {`UPDATE refold_progress SET next = 10 WHERE next = 11`, counts{}, ""},
		"an event is left, and its rows are there": {
			`UPDATE refold_progress SET next = 9 WHERE next = 11 AND
			projection = 'account_statement'`,
			counts{audit.Behind: 1, audit.Models: 3},
			"build 2 of account_statement, which is live, has taken world-1.account-events/0 up to offset 9",
		},
		"the kept build is wrong": {
			`UPDATE account_months__1 SET bookings = 2`, one,
			"build 1 of account_statement: row alice/2026-03 of account_months: bookings is 2",
		},
		"no build is live": {
			`UPDATE refold_builds SET status = 'filling'
			WHERE projection = 'customer_orders'`, one,
			"no build of customer_orders is live",
		},
		"two builds are live": {
			`UPDATE refold_builds SET status = 'live' WHERE number = 1`,
			counts{audit.Models: 3, audit.Behind: 1},
			"2 builds of account_statement are live",
		},
		"a view is of another table": {
			`DROP VIEW account_months; CREATE VIEW account_months AS SELECT * FROM account_months__1`, one,
			"readers of account_months see 1 rows that are not the 1 rows",
		},
		"another version is not compared": {
			`UPDATE refold_builds SET version = 2 WHERE number = 2;
			UPDATE account_months__2 SET credits = 0`,
			counts{},
			"is of version 2, and the audit folds version 1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			here := *w
			here.place = w.in(t)
			b := here.newBook()
			if damage.statement != "" {
				b.execute(damage.statement)
			}
			summary := b.wants(b.options(), damage.want)
			said := summary.Tally.String() + strings.Join(slices.Concat(summary.Lines, summary.Notes), "\n")
			if !strings.Contains(said, damage.says) {
				t.Errorf("want %q in\n%s", damage.says, said)
			}
			if !strings.Contains(said, "read models: ") {
				t.Errorf("it does not say what was compared:\n%s", said)
			}
		})
	}
}

// An event that a projection has set aside counts, unless it was sent as poison. The rows and the state that
// it would have changed are not compared.
func TestEventsThatProjectionsHaveSetAside(t *testing.T) {
	w := newPlace(t).write(datedShop())
	letter := func(projection string, offset int) *kgo.Record {
		return &kgo.Record{Topic: w.prefix + "dead-letters", Value: []byte("as it was"), Headers: headers(
			"refold_topic", w.prefix+"account-events", "refold_partition", "0",
			"refold_offset", fmt.Sprint(offset), "refold_reason", "projection-sum",
			"refold_projection", projection)}
	}
	b := w.newBook()
	b.execute(`DELETE FROM account_statement__2 WHERE sequence = 10`)
	b.execute(`UPDATE account_months__2 SET bookings = 8, debits = 300`)
	b.wants(b.options(), counts{audit.Models: 2})
	w.produce(letter("account_statement", 9), letter("account_statement", 9)) // again, after a crash
	summary := b.wants(b.options(), counts{audit.Letters: 1})
	want := "account-events/0 offset 9 was set aside by the projection account_statement (projection-sum)"
	if got := summary.Tally.String(); !strings.Contains(got, want) {
		t.Errorf("want %q in\n%s", want, got)
	}
	if got := strings.Join(summary.Notes, "\n"); !strings.Contains(got, "3 rows and states") {
		t.Errorf("the notes are\n%s", got)
	}
	o := b.options()
	o.Poison = []string{w.lines(audit.Poison{Topic: w.prefix + "account-events", Offset: 9})}
	b.wants(o, counts{})
	w.produce(letter("customer_orders", 9)) // another projection's, of which nothing is missing
	b.wants(o, counts{})
	b.execute(`UPDATE account_holders__2 SET owner = 'Bob'`) // which that event has not changed
	b.wants(o, counts{audit.Models: 1})
}

// A read model of somebody's own is compared by its fold alone: docs/your-own-audit.md.
func TestAReadModelOfSomebodysOwn(t *testing.T) {
	garage := garageWorld(true)
	w := newPlace(t).write(wholeShop(), garage)
	b := w.emptyBook()
	b.build(turnover, 1, "live", map[string]int64{"garage": 6})
	b.insert("turnover__1", "g-1", "EUR", 1, 250)
	b.state("turnover_states__1", "garage", "g-1", 5, garage.Rows["g-1"].State)
	o := audit.Options{
		Kinds:      []audit.Kind{audit.Accounts, audit.Orders, garages},
		ReadModels: []audit.ReadModel{turnover}, Databases: []string{"sqlite:" + b.path},
	}
	b.wants(o, counts{})
	b.execute(`UPDATE turnover__1 SET fees = 2 * fees`)
	summary := b.wants(o, counts{audit.Models: 1})
	want := "row g-1/EUR of turnover: fees is 500, its events make 250"
	if got := summary.Tally.String(); !strings.Contains(got, want) {
		t.Errorf("want %q in\n%s", want, got)
	}
	lies := turnover
	lies.Fold = func(*audit.ModelRows, audit.Event, map[string]any, map[string]any) { panic("no such car") }
	o.ReadModels = []audit.ReadModel{lies}
	summary = b.wants(o, counts{audit.Models: 1})
	if got := summary.Tally.String(); !strings.Contains(got, "the audit's fold panics at event g-1/1: no ") {
		t.Errorf("it says\n%s", got)
	}
}
