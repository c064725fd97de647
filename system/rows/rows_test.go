package rows_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"refold/audit"
	"refold/system/rows"
)

var at = time.Date(2026, 1, 31, 12, 0, 0, 123_456_789, time.UTC)

// story makes events of one aggregate, a day apart.
func story(id string, events ...audit.Event) []audit.Event {
	for i := range events {
		events[i].Key, events[i].Sequence, events[i].Time = id, int64(i+1), at.AddDate(0, 0, i)
	}
	return events
}

func happened(name string, fields map[string]any) audit.Event {
	return audit.Event{Type: name, Fields: fields}
}

func money(amount int64) map[string]any {
	return map[string]any{"amount": amount, "currency": "EUR", "reference": "tea"}
}

func folded(t *testing.T) rows.Tables {
	t.Helper()
	paid := map[string]any{"accountId": "zoe", "amount": int64(300), "currency": "EUR", "paymentId": "zoe/3"}
	all, err := rows.Fold(
		story("zoe",
			happened("AccountOpened", map[string]any{"owner": "Zoë  Smith", "currency": "EUR"}),
			happened("MoneyDeposited", money(1000)), happened("AccountCharged", money(300)),
			happened("AccountFrozen", map[string]any{"reason": map[string]any{"kind": "STOLEN"}})),
		story("tea",
			happened("OrderPlaced", map[string]any{
				"accountId": "zoe", "currency": "EUR", "total": int64(300),
				"lines": []any{map[string]any{
					"sku": "tea-500g", "quantity": int64(1), "unitPrice": int64(300), "currency": "EUR",
				}},
			}),
			happened("PaymentProcessed", paid),
			happened("ParcelHandedOver", map[string]any{"carrier": "DHL", "trackingNumber": "1"}),
			happened("OrderShipped", map[string]any{"parcelCount": int64(1)})))
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// The rows are those that docs/read-models.md describes.
func TestFold(t *testing.T) {
	got := folded(t)
	want := rows.Tables{
		"accounts_current": {"zoe": {
			"account_id": "zoe", "status": "frozen", "owner": "Zoë  Smith", "owner_folded": "zoë smith",
			"currency": "EUR", "balance": int64(700), "frozen_for": "STOLEN", "sequence": int64(4),
		}},
		"account_card": {"zoe": {
			"account_id": "zoe", "owner": "Zoë  Smith", "status": "frozen", "currency": "EUR",
			"balance": "700", "available": "0", "sequence": "4", // as Redis has them
		}},
		"account_months": {
			"zoe/2026-02": {
				"account_id": "zoe", "month": "2026-02", "bookings": 2, "credits": 1000, "debits": 300,
			},
		},
		"customers": {"zoe": {
			"account_id": "zoe", "status": "frozen", "owner": "Zoë  Smith", "currency": "EUR",
			"balance": 700, "sequence": 4, "orders": 1, "placed": 0, "shipped": 1, "delivered": 0,
			"cancelled": 0, "declined": 0, "paid": 300, "refunded": 0,
		}},
		"orders_by_status": {"tea": {
			"order_id": "tea", "account_id": "zoe", "status": "shipped", "payment": "paid", "attention": "",
			"currency": "EUR", "total": 300, "lines": 1, "parcels": 1, "code": "", "reason": "",
			"placed_at": "2026-01-31T12:00:00.123456Z", "status_since": at.AddDate(0, 0, 3),
			"payment_since": at.AddDate(0, 0, 1), "sequence": 4,
		}},
		"order_search": {"tea": {
			"order_id": "tea", "account_id": "zoe", "status": "shipped", "payment": "paid",
			"currency": "EUR", "total": json.Number("300"), "skus": []any{"tea-500g"},
			"carriers": []any{"DHL"}, "tracking_numbers": []any{"1"},
			"terms": "tea zoe shipped paid eur 500g dhl 1", "sequence": 4,
		}},
	}
	for table := range want {
		if d := rows.Differences(want, got, table); len(d) > 0 {
			t.Error(strings.Join(d, "\n"))
		}
	}
	if n := len(got["account_statement"]); n != 2 {
		t.Errorf("the statement has %d lines", n)
	}
}

// Each mistake that a store may make is found.
func TestDifferences(t *testing.T) {
	for name, damage := range map[string]struct {
		do   func(rows.Tables)
		says string
	}{
		"a row is missing": {
			func(t rows.Tables) { delete(t["account_months"], "zoe/2026-02") }, "zoe/2026-02 is missing",
		},
		"a row is too much": {func(t rows.Tables) { t["account_months"]["x"] = rows.Row{} }, "is too much"},
		"a sum is doubled": {
			func(t rows.Tables) { t["account_months"]["zoe/2026-02"]["bookings"] = int64(4) },
			"bookings is 4, and should be 2",
		},
		"a column is missing": {
			func(t rows.Tables) { delete(t["account_months"]["zoe/2026-02"], "debits") }, "debits is missing",
		},
		"a column is too much": {
			func(t rows.Tables) { t["account_months"]["zoe/2026-02"]["x"] = nil }, "x is no column",
		},
	} {
		t.Run(name, func(t *testing.T) {
			stored := folded(t)
			damage.do(stored)
			found := strings.Join(rows.Differences(folded(t), stored, "account_months"), "\n")
			if !strings.Contains(found, damage.says) {
				t.Errorf("found is %q; want %q", found, damage.says)
			}
		})
	}
}

// An event that is missing, or comes twice, is no history.
func TestFoldWithAGap(t *testing.T) {
	events := story("zoe", happened("AccountOpened", nil), happened("MoneyDeposited", money(1)))
	for _, wrong := range [][]audit.Event{events[1:], {events[0], events[0]}} {
		if _, err := rows.Fold(wrong, nil); err == nil {
			t.Error("no error says that an event is missing, or there twice")
		}
	}
}
