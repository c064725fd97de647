package audit_test

import (
	"maps"

	"refold/audit"
)

// accountOf is an open account's state.
func accountOf(owner string, balance int64, charges ...any) map[string]any {
	return fields("status", "open", "owner", owner, "currency", "EUR", "balance", balance,
		"charges", append([]any{}, charges...), "frozenFor", "")
}

func parcelOf(carrier, trackingNumber string) any {
	return fields("carrier", carrier, "trackingNumber", trackingNumber)
}

func chargeOf(reference string, refundable int64) any {
	return fields("reference", reference, "refundable", refundable)
}

// orderOf is the state of an order of 50 that alice pays, with other fields than empty ones.
func orderOf(status, payment string, more ...any) map[string]any {
	state := maps.Clone(audit.Orders.Initial)
	maps.Copy(state, placed())
	state["status"], state["payment"] = status, payment
	maps.Copy(state, fields(more...))
	return state
}
