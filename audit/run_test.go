package audit_test

import (
	"encoding/binary"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/audit"
)

// counts are the counters that are not zero.
type counts = map[audit.Counter]int64

// found runs the audit over topics and says what it counts.
func (w *written) found(more audit.Options) *audit.Summary {
	w.Helper()
	more.Source = w.source
	summary, err := audit.Run(w.Context(), more)
	if err != nil {
		w.Fatal(err)
	}
	return summary
}

// wants fails if the audit counts anything else.
func (w *written) wants(more audit.Options, want counts) *audit.Summary {
	w.Helper()
	summary := w.found(more)
	if !maps.Equal(summary.Counts, want) || summary.Whole() != (len(want) == 0) {
		w.Fatalf("want %v\n%s%s", want, &summary.Tally, summary)
	}
	return summary
}

// tell returns what the clients of a shop were told.
func tell(shop *audit.Shop) (told []audit.Told) {
	for _, world := range []*audit.World{shop.Accounts, shop.Orders} {
		for _, r := range world.Results {
			outcome := "accepted"
			if !r.Accepted {
				outcome = "rejected"
			}
			told = append(told, audit.Told{
				ID: r.Causation, Aggregate: world.Kind.Name, Subject: r.Key, Type: r.Type,
				Outcome: outcome, FirstSequence: r.First, LastSequence: r.Last, Code: r.Code,
			})
		}
	}
	return told
}

func TestWholeTopicsPass(t *testing.T) {
	shop := wholeShop()
	w := newPlace(t).write(shop)
	summary := w.wants(audit.Options{Told: []string{w.lines(anys(tell(shop))...)}}, counts{})
	want := "commands=32 events=33 lost=0 doubled=0 reordered=0 rows_differing=0 money_difference=0 " +
		"told_differently=0 "
	got := summary.String()
	if !strings.HasPrefix(got, want) || strings.Count(got, "=0") != len(audit.Counters) {
		t.Fatalf("the last line is %q", got)
	}
}

// Records whose schema IDs stand in headers, as numbers and as GUIDs, are read as all others.
func TestSchemaIDsInHeaders(t *testing.T) {
	shop := wholeShop()
	p := newPlace(t)
	p.inHeaders = true
	w := p.write(shop)
	summary := w.wants(audit.Options{Told: []string{w.lines(anys(tell(shop))...)}}, counts{})
	if got := summary.String(); !strings.HasPrefix(got, "commands=32 events=33 lost=0 ") {
		t.Fatalf("the last line is %q", got)
	}
}

func anys[T any](values []T) (list []any) {
	for _, value := range values {
		list = append(list, value)
	}
	return list
}

// event and result return the index of one of alice's in the middle.
func event(w *audit.World, kind string) int {
	return slices.IndexFunc(w.Events, func(e audit.Event) bool { return e.Type == kind })
}

func result(w *audit.World, kind string) int {
	return slices.IndexFunc(w.Results, func(r audit.Result) bool { return r.Type == kind })
}

// Each damage is in the topics themselves, and the audit counts it, and nothing else that did not
// come of it.
func TestDamageOfTopicsIsCounted(t *testing.T) {
	p := newPlace(t)
	order := func(s *audit.Shop, id string) map[string]any { return s.Orders.Rows[id].State }
	alice := func(s *audit.Shop) map[string]any { return s.Accounts.Rows["alice"].State }
	for name, damage := range map[string]struct {
		do   func(*audit.Shop)
		want counts
	}{
		"a result is lost": {func(s *audit.Shop) {
			i := result(s.Accounts, "WithdrawMoney")
			s.Accounts.Results = slices.Delete(s.Accounts.Results, i, i+1)
			// The row's ring goes by the results; and the money by the commands that have one.
		}, counts{audit.Lost: 1, audit.Rows: 1, audit.Money: 100, audit.ToldFalse: 1}},
		"an event is lost": {func(s *audit.Shop) {
			i := event(s.Accounts, "MoneyDeposited")
			s.Accounts.Events = slices.Delete(s.Accounts.Events, i, i+1)
		}, counts{audit.Lost: 1, audit.Rows: 1, audit.Money: 1000}},
		"an order's last event is lost": {func(s *audit.Shop) {
			i := event(s.Orders, "OrderDelivered")
			s.Orders.Events = slices.Delete(s.Orders.Events, i, i+1)
		}, counts{audit.Lost: 1, audit.Rows: 1}},
		"a result is doubled": {func(s *audit.Shop) {
			i := result(s.Orders, "ShipOrder")
			s.Orders.Results = slices.Insert(s.Orders.Results, i, s.Orders.Results[i])
		}, counts{audit.Doubled: 1}},
		"an event is doubled": {func(s *audit.Shop) {
			i := event(s.Orders, "OrderShipped")
			s.Orders.Events = slices.Insert(s.Orders.Events, i, s.Orders.Events[i])
		}, counts{audit.Doubled: 1}},
		"a command is handled again": {func(s *audit.Shop) {
			w := s.Accounts
			again := w.Results[result(w, "DepositMoney")]
			w.Commands = append(w.Commands, w.Commands[result(w, "DepositMoney")])
			last := w.Rows["alice"].Sequence
			again.First, again.Last = last+1, last+1
			w.Results = append(w.Results, again)
		}, counts{audit.Doubled: 1}},
		"results are reordered": {func(s *audit.Shop) {
			i := result(s.Orders, "ShipOrder")
			s.Orders.Results[i], s.Orders.Results[i+1] = s.Orders.Results[i+1], s.Orders.Results[i]
		}, counts{audit.Reordered: 1}},
		"events are reordered": {func(s *audit.Shop) {
			i := event(s.Orders, "OrderShipped")
			s.Orders.Events[i], s.Orders.Events[i+1] = s.Orders.Events[i+1], s.Orders.Events[i]
		}, counts{audit.Reordered: 1}},
		"a row differs": {func(s *audit.Shop) {
			order(s, "order-5")["parcels"] = []any{parcelOf("UPS", "1")}
		}, counts{audit.Rows: 1}},
		"a row's ring differs": {func(s *audit.Shop) {
			cutRing(s.Orders, "order-5")
		}, counts{audit.Rows: 1}},
		"a row is missing": {func(s *audit.Shop) {
			delete(s.Orders.Rows, "order-1")
		}, counts{audit.Rows: 1}},
		"a row has too much money": {func(s *audit.Shop) {
			add(alice(s), 7)
		}, counts{audit.Rows: 1, audit.Money: 7}},
		"an event moves another amount, and the row agrees": {func(s *audit.Shop) {
			s.Accounts.Events[event(s.Accounts, "MoneyWithdrawn")].Fields = money(93)
			add(alice(s), 7)
		}, counts{audit.Money: 7}},
		"an order ships that was declined": {func(s *audit.Shop) {
			e := &s.Orders.Events[event(s.Orders, "PaymentDeclined")]
			e.Type, e.Fields = "OrderDelivered", fields()
			o := order(s, "order-1")
			o["status"], o["payment"], o["code"] = "delivered", "pending", ""
		}, counts{audit.States: 2}},
		"the process charged twice as much": {func(s *audit.Shop) {
			c := &s.Accounts.Commands[result(s.Accounts, "RefundAccount")]
			c.Fields = fields("amount", int64(100), "currency", "EUR", "reference", "order-2")
		}, counts{audit.Processes: 1, audit.Money: 50}},
		"an event is of another trace": {func(s *audit.Shop) {
			s.Orders.Events[event(s.Orders, "OrderDelivered")].Correlation = "fund"
		}, counts{audit.Traces: 1}},
		"a result says another thing to a repeat": {func(s *audit.Shop) {
			w := s.Orders
			again := w.Results[0]
			again.Repeated, again.Code = true, "account-frozen"
			w.Commands, w.Results = append(w.Commands, w.Commands[0]), append(w.Results, again)
		}, counts{audit.Outcomes: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			shop := wholeShop()
			told := tell(shop)
			damage.do(shop)
			w := p.in(t).write(shop)
			w.wants(audit.Options{Told: []string{w.lines(anys(told)...)}}, damage.want)
		})
	}
}

func cutRing(w *audit.World, key string) {
	row := w.Rows[key]
	row.Recent = row.Recent[:len(row.Recent)-19]
	w.Rows[key] = row
}

// G4 is about bytes: a row that decodes to what it should, and is written in another way, differs.
func TestRowsAreComparedByTheirBytes(t *testing.T) {
	shop := wholeShop()
	w := newPlace(t).write(shop)
	full := w.row(shop.Accounts, "alice")
	alice := shop.Accounts.Rows["alice"].State
	n := len(alice["charges"].([]any))
	alice["charges"] = []any{}
	empty := w.row(shop.Accounts, "alice").Value
	at := 0
	for full.Value[at] == empty[at] {
		at++
	}
	// The same array once more, in Avro's other form: a negative count, and the items' length.
	items := full.Value[at+1 : len(full.Value)-len(empty)+at]
	value := append(slices.Clone(full.Value[:at]), byte(2*n-1))
	value = binary.AppendVarint(value, int64(len(items)))
	full.Value = append(append(value, items...), empty[at:]...)
	w.transact(kgo.TryCommit, full)
	w.wants(audit.Options{}, counts{audit.Rows: 1})
}

func TestAnswersAreCompared(t *testing.T) {
	shop := wholeShop()
	w := newPlace(t).write(shop)
	for name, change := range map[string]func(*audit.Told){
		"accepted, and it was not": func(t *audit.Told) { t.ID, t.Outcome = "nobody", "accepted" },
		"rejected":                 func(t *audit.Told) { t.Outcome, t.Code = "rejected", "account-frozen" },
		"another sequence":         func(t *audit.Told) { t.LastSequence++ },
		"of another account":       func(t *audit.Told) { t.Subject = "bob" },
		"refused at the door":      func(t *audit.Told) { t.Outcome = "refused" },
	} {
		t.Run(name, func(t *testing.T) {
			told := tell(shop)
			good, bad := w.lines(anys(told[1:])...), told[0]
			change(&bad)
			w.wants(audit.Options{Told: []string{good, w.lines(bad)}}, counts{audit.ToldFalse: 1})
		})
	}
	unknown := audit.Told{ID: "nobody", Outcome: "unknown"}
	w.wants(audit.Options{Told: []string{w.lines(unknown)}}, counts{})
}
