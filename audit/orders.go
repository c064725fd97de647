package audit

import (
	"cmp"
	"fmt"
	"slices"
)

// Orders are orders, and the process that has their accounts pay: they can't be checked without [Accounts].
var Orders = Kind{
	Name: orderName, Plural: "orders",
	Initial: map[string]any{
		"status": "", "payment": "", "accountId": "", "currency": "", "lines": []any{}, "total": int64(0),
		"parcels": []any{}, "paymentId": "", "refundId": "", "reason": "", "code": "",
		"surplus": []any{},
	},
	Fold: foldOrder, Former: formerOrder, Final: finalOrder,
	Processes: []Process{{Name: payments, Reads: []string{"order-events", "account-results"}}},
	shop:      &shopChecks{event: (*ledger).ask, row: (*ledger).orderRow},
	needs:     accountName,
}

const orderName = "order"

// legal are the states that an order may be in, status and payment.
var legal = map[[2]string]bool{
	{"placed", "pending"}: true, {"placed", "paid"}: true, {"declined", "declined"}: true,
	{"shipped", "paid"}: true, {"delivered", "paid"}: true,
	{"cancelled", "pending"}: true, {"cancelled", "declined"}: true,
	{"cancelled", "paid"}:           true, // between PaymentProcessed and RefundRequested of one command
	{"cancelled", "refund-pending"}: true, {"cancelled", "refunded"}: true,
	{"cancelled", "refund-declined"}: true,
}

func isLegal(order map[string]any) bool {
	return legal[[2]string{text(order, "status"), text(order, "payment")}]
}

// finalOrder checks that an order is in a legal state, with nothing under way.
func finalOrder(_ string, order map[string]any) error {
	payment := text(order, "payment")
	isOpen := func(surplus any) bool { return !hasRefund(surplus) && !hasCode(surplus) }
	if isLegal(order) && payment != "pending" && payment != "refund-pending" &&
		!slices.ContainsFunc(list(order, "surplus"), isOpen) {
		return nil
	}
	return fmt.Errorf("it is %v, its payment %s", order["status"], payment)
}

// keeps is the money that an order has taken from its account and not given back.
func keeps(order map[string]any) (kept int64) {
	switch total := whole(order, "total"); text(order, "payment") {
	case "paid", "refund-pending", "refund-declined":
		kept = total
	}
	for _, s := range list(order, "surplus") {
		if !hasRefund(s) {
			kept += whole(order, "total")
		}
	}
	return kept
}

// hasRefund and hasCode report whether a surplus was given back, or not accepted by the account.
func hasRefund(surplus any) bool { return !isOf("refundId", "")(surplus) }
func hasCode(surplus any) bool   { return !isOf("code", "")(surplus) }

// foldOrder changes an order as an event does.
func foldOrder(order map[string]any, e Event) (map[string]any, error) {
	before := text(order, "status")
	allowed := func(statuses ...string) error {
		if !slices.Contains(statuses, before) {
			return fmt.Errorf("%s of an order that is %q", e.Type, before)
		}
		return nil
	}
	set := func(field, value string) { order[field] = value }
	var err error
	switch e.Type {
	case "OrderPlaced":
		err = allowed("")
		if wrong := place(order, e); wrong != nil {
			return order, wrong
		}
	case "PaymentProcessed":
		err = allowed("placed", "cancelled")
		set("payment", "paid")
		set("paymentId", e.Text("paymentId"))
	case "PaymentDeclined":
		err = allowed("placed", "cancelled")
		set("payment", "declined")
		set("code", e.Text("code"))
		if before == "placed" {
			set("status", "declined")
		}
	case "ParcelHandedOver":
		err = allowed("placed")
		handOver(order, e.Fields)
	case "OrderShipped":
		err = cmp.Or(allowed("placed"), ship(order, e))
		set("status", "shipped")
	case "OrderDelivered":
		err = allowed("shipped")
		set("status", "delivered")
	case "OrderCancelled":
		err = allowed("placed")
		set("status", "cancelled")
		set("reason", e.Text("reason"))
	case "RefundRequested":
		err = allowed("cancelled")
		set("payment", "refund-pending")
	case "PaymentRefunded":
		err = allowed("cancelled")
		set("payment", "refunded")
		set("refundId", e.Text("refundId"))
		set("code", "")
	case "RefundDeclined":
		err = allowed("cancelled")
		set("payment", "refund-declined")
		set("code", e.Text("code"))
	case "SurplusReceived", "SurplusRefunded", "SurplusRefundDeclined":
		err = foldSurplus(order, e)
	default:
		err = fmt.Errorf("there is no event %q", e.Type)
	}
	if err == nil {
		err = checkMoney(order, e)
	}
	return order, err
}

// place makes an order of what was placed. The total must be what the lines make, all in its currency.
func place(order map[string]any, e Event) error {
	lines, sum := list(e.Fields, "lines"), int64(0)
	order["status"], order["payment"] = "placed", "pending"
	order["accountId"], order["currency"] = e.Text("accountId"), e.Text("currency")
	order["lines"], order["total"] = append([]any{}, lines...), e.Int("total")
	for _, item := range lines {
		line, _ := item.(map[string]any)
		if text(line, "currency") != e.Text("currency") {
			return moneyf("a line is in %v, the order in %s", line["currency"], e.Text("currency"))
		}
		sum += whole(line, "quantity") * whole(line, "unitPrice")
	}
	if sum != e.Int("total") {
		return moneyf("the total is %d, the lines make %d", e.Int("total"), sum)
	}
	return nil
}

// ship checks that the parcels of an order are as many as it was shipped in. Version 1 was one parcel itself;
// version 2 called their number parcels.
func ship(order map[string]any, e Event) error {
	if _, is := e.Fields["carrier"]; is {
		handOver(order, e.Fields)
		return nil
	}
	count := cmp.Or(e.Int("parcelCount"), e.Int("parcels"))
	if is := int64(len(list(order, "parcels"))); is < 1 || is != count {
		return fmt.Errorf("OrderShipped in %d parcels, and %d were handed over", count, is)
	}
	return nil
}

// handOver adds a parcel to an order.
func handOver(order, parcel map[string]any) {
	order["parcels"] = append(list(order, "parcels"), map[string]any{
		"carrier": text(parcel, "carrier"), "trackingNumber": text(parcel, "trackingNumber"),
	})
}

// formerOrder makes a parcel of what rows of fold version 1 said of the one parcel that there was.
func formerOrder(order map[string]any) bool {
	if _, was := order["carrier"]; !was {
		return false
	}
	order["parcels"] = []any{}
	if text(order, "carrier") != "" {
		handOver(order, order)
	}
	delete(order, "carrier")
	delete(order, "trackingNumber")
	return true
}

// foldSurplus follows a payment that was not due: it is received once, and given back once.
func foldSurplus(order map[string]any, e Event) error {
	payment, surplus := e.Text("paymentId"), list(order, "surplus")
	at := slices.IndexFunc(surplus, isOf("paymentId", payment))
	switch received := e.Type == "SurplusReceived"; {
	case order["status"] == "", order["payment"] == "pending", payment == order["paymentId"],
		received != (at < 0):
		return fmt.Errorf("%s of payment %q to an order that is %q", e.Type, payment, order["payment"])
	case received:
		order["surplus"] = append(surplus, map[string]any{"paymentId": payment, "refundId": "", "code": ""})
	case hasRefund(surplus[at]):
		return fmt.Errorf("%s of payment %q, which was refunded", e.Type, payment)
	default:
		surplus[at] = map[string]any{
			"paymentId": payment, "refundId": e.Text("refundId"), "code": e.Text("code"),
		}
	}
	return nil
}

// checkMoney checks what an event says of money, and the state that it leads to.
func checkMoney(order map[string]any, e Event) error {
	if _, moves := e.Fields["amount"]; moves && (e.Int("amount") != whole(order, "total") ||
		e.Text("currency") != order["currency"] || e.Text("accountId") != order["accountId"]) {
		return moneyf("it is about %v %v of %v, the order about %v %v of %v", e.Fields["amount"],
			e.Fields["currency"], e.Fields["accountId"], order["total"], order["currency"],
			order["accountId"])
	}
	if !isLegal(order) {
		return fmt.Errorf("it makes the order %v, %v", order["status"], order["payment"])
	}
	return nil
}
