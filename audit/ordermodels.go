package audit

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// OrdersByStatus has each order as it is, and since when it is so.
var OrdersByStatus = ReadModel{
	Name: "orders_by_status", Version: 1, Reads: []string{orderName},
	Tables: []Table{{Name: "orders_by_status", Key: []string{"order_id"}, Empty: map[string]any{
		"account_id": "", "status": "", "payment": "", "attention": "", "currency": "", "total": int64(0),
		"lines": int64(0), "parcels": int64(0), "code": "", "reason": "", "placed_at": time.Time{},
		"status_since": time.Time{}, "payment_since": time.Time{}, "sequence": int64(0),
	}}},
	Fold: func(rows *ModelRows, e Event, before, order map[string]any) {
		row := rows.Row("orders_by_status", e.Key)
		if before["status"] == "" {
			row["placed_at"] = e.Time
		}
		for _, what := range []string{"status", "payment"} {
			if before[what] != order[what] {
				row[what+"_since"] = e.Time
			}
		}
		copyFields(row, order, "status", "payment", "currency", "total", "code", "reason")
		row["account_id"], row["attention"] = order["accountId"], attention(order)
		row["sequence"] = e.Sequence
		row["lines"] = int64(len(list(order, "lines")))
		row["parcels"] = int64(len(list(order, "parcels")))
	},
}

// attention says why somebody has to see to an order: its account does not take back what it is owed.
func attention(order map[string]any) string {
	if order["payment"] == "refund-declined" {
		return "refund-declined"
	}
	for _, s := range list(order, "surplus") {
		if hasCode(s) && !hasRefund(s) {
			return "surplus-declined"
		}
	}
	return ""
}

// CustomerOrders has accounts with what their orders come to, of the events of both.
var CustomerOrders = ReadModel{
	Name: "customer_orders", Version: 1, Reads: []string{accountName, orderName},
	Tables: []Table{
		{Name: "customers", Key: []string{"account_id"}, Empty: map[string]any{
			"status": "", "owner": "", "currency": "", "balance": int64(0), "sequence": int64(0),
			"orders": int64(0), "placed": int64(0), "shipped": int64(0), "delivered": int64(0),
			"cancelled": int64(0), "declined": int64(0), "paid": int64(0), "refunded": int64(0),
		}},
		{Name: "customer_orders", Key: []string{"account_id", "order_id"}, Empty: map[string]any{
			"status": "", "payment": "", "currency": "", "total": int64(0), "placed_at": time.Time{},
			"sequence": int64(0),
		}},
	},
	Fold: foldCustomers,
}

func foldCustomers(rows *ModelRows, e Event, before, after map[string]any) {
	if _, isOrder := after["accountId"]; !isOrder {
		row := rows.Row("customers", e.Key)
		copyFields(row, after, "status", "owner", "currency", "balance")
		row["sequence"] = e.Sequence
		return
	}
	account := text(after, "accountId")
	row := rows.Row("customer_orders", account, e.Key)
	copyFields(row, after, "status", "payment", "currency", "total")
	row["sequence"] = e.Sequence
	was, is := text(before, "status"), text(after, "status")
	if was == "" {
		row["placed_at"] = e.Time
		rows.Add("customers", "orders", 1, account)
	}
	if was != is {
		rows.Add("customers", is, 1, account)
		if was != "" {
			rows.Add("customers", was, -1, account)
		}
	}
	switch e.Type {
	case "PaymentProcessed", "SurplusReceived":
		rows.Add("customers", "paid", e.Int("amount"), account)
	case "PaymentRefunded", "SurplusRefunded":
		rows.Add("customers", "refunded", e.Int("amount"), account)
	}
}

// OrderSearch has the words by which each order is found.
var OrderSearch = ReadModel{
	Name: "order_search", Version: 1, Reads: []string{orderName},
	Tables: []Table{{Name: "order_search", Key: []string{"order_id"}, Empty: map[string]any{
		"account_id": "", "status": "", "payment": "", "currency": "", "total": int64(0), "skus": []any{},
		"carriers": []any{}, "tracking_numbers": []any{}, "terms": "", "sequence": int64(0),
	}}},
	Fold: func(rows *ModelRows, e Event, _, order map[string]any) {
		row := rows.Row("order_search", e.Key)
		copyFields(row, order, "status", "payment", "currency", "total")
		row["account_id"], row["sequence"] = order["accountId"], e.Sequence
		row["skus"] = distinct(order, "lines", "sku")
		row["carriers"] = distinct(order, "parcels", "carrier")
		row["tracking_numbers"] = distinct(order, "parcels", "trackingNumber")
		texts := []any{e.Key, row["account_id"], row["status"], row["payment"], row["currency"]}
		for _, column := range []string{"skus", "carriers", "tracking_numbers"} {
			texts = append(texts, list(row, column)...)
		}
		row["terms"] = terms(texts)
	},
}

// distinct returns a field of the records of a list, each value once.
func distinct(state map[string]any, records, field string) []any {
	values := []any{}
	for _, record := range list(state, records) {
		fields, _ := record.(map[string]any)
		if value := text(fields, field); !slices.Contains(values, any(value)) {
			values = append(values, value)
		}
	}
	return values
}

// terms returns the words of texts, each once: letters and digits, in lower case, without accents.
func terms(texts []any) string {
	var words []string
	for _, one := range texts {
		var word strings.Builder
		end := func() {
			if w := word.String(); w != "" && !slices.Contains(words, w) {
				words = append(words, w)
			}
			word.Reset()
		}
		all, _ := one.(string)
		for _, r := range norm.NFKD.String(all) {
			switch {
			case unicode.IsLetter(r), unicode.IsNumber(r):
				word.WriteRune(unicode.ToLower(r))
			case !unicode.Is(unicode.Mn, r):
				end()
			}
		}
		end()
	}
	return strings.Join(words, " ")
}
