package rows

import (
	"slices"
	"strings"
	"unicode"

	"refold/audit"
)

// order changes the rows that an event of an order changes.
func (f *folding) order(e audit.Event) error {
	before, o, err := f.orders.next(audit.Orders, e)
	if err != nil {
		return err
	}
	account, _ := o["accountId"].(string)
	row := f.row("orders_by_status", Row{
		"order_id": e.Key, "account_id": account, "currency": o["currency"], "total": o["total"],
		"lines": length(o["lines"]), "placed_at": e.Time, "status_since": e.Time, "payment_since": e.Time,
	})
	row["status"], row["payment"], row["attention"] = o["status"], o["payment"], attention(o)
	row["parcels"], row["code"], row["reason"] = length(o["parcels"]), o["code"], o["reason"]
	row["sequence"] = e.Sequence
	if before["status"] != o["status"] {
		row["status_since"] = e.Time
	}
	if before["payment"] != o["payment"] {
		row["payment_since"] = e.Time
	}
	f.tables.put("customer_orders", Row{
		"account_id": account, "order_id": e.Key, "status": o["status"], "payment": o["payment"],
		"currency": o["currency"], "total": o["total"], "placed_at": row["placed_at"],
		"sequence": e.Sequence,
	})
	f.counts(f.customer(account), before, o, e)
	f.document(o, e)
	return nil
}

// attention says why a person has to see to an order.
func attention(order map[string]any) string {
	if order["payment"] == "refund-declined" {
		return "refund-declined"
	}
	surplus, _ := order["surplus"].([]any)
	if slices.ContainsFunc(surplus, func(item any) bool {
		fields, _ := item.(map[string]any)
		return fields["refundId"] == "" && fields["code"] != ""
	}) {
		return "surplus-declined"
	}
	return ""
}

// counts changes what a customer's orders come to.
func (f *folding) counts(customer Row, before, after map[string]any, e audit.Event) {
	was, _ := before["status"].(string)
	is, _ := after["status"].(string)
	if was == "" {
		customer.add("orders", 1)
	} else {
		customer.add(was, -1)
	}
	customer.add(is, 1)
	switch e.Type {
	case "PaymentProcessed", "SurplusReceived":
		customer.add("paid", e.Int("amount"))
	case "PaymentRefunded", "SurplusRefunded":
		customer.add("refunded", e.Int("amount"))
	}
}

// document makes the row by which an order is found.
func (f *folding) document(o map[string]any, e audit.Event) {
	skus := texts(o["lines"], "sku")
	carriers := texts(o["parcels"], "carrier")
	numbers := texts(o["parcels"], "trackingNumber")
	all := []string{e.Key}
	for _, field := range []string{"accountId", "status", "payment", "currency"} {
		value, _ := o[field].(string)
		all = append(all, value)
	}
	f.tables.put("order_search", Row{
		"order_id": e.Key, "account_id": o["accountId"], "status": o["status"], "payment": o["payment"],
		"currency": o["currency"], "total": o["total"], "skus": skus, "carriers": carriers,
		"tracking_numbers": numbers, "terms": words(slices.Concat(all, skus, carriers, numbers)),
		"sequence": e.Sequence,
	})
}

// words returns the words of texts, each once. The texts of the load have no accents.
func words(texts []string) string {
	var all []string
	for word := range strings.FieldsFuncSeq(strings.ToLower(strings.Join(texts, " ")), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		if !slices.Contains(all, word) {
			all = append(all, word)
		}
	}
	return strings.Join(all, " ")
}
