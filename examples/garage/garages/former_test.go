package garages

import (
	"testing"

	"refold/processors/foldtest"
)

// Events that earlier programs wrote are read as today's.
func TestFormerEvents(t *testing.T) {
	foldtest.ReadAs(t, Definition, carEntered1{Plate: "B-1", Account: "/accounts/alice"},
		CarEntered{Plate: "B-1", AccountID: "alice"})
	foldtest.ReadAs(t, Definition,
		carsSwapped1{
			Out: "B-1", In: "B-2", Account: "/accounts/alice", Minutes: 61, Fee: 500, Currency: "EUR",
		},
		CarLeft{Plate: "B-1", AccountID: "alice", Minutes: 61, Fee: 500, Currency: "EUR"},
		CarEntered{Plate: "B-2", AccountID: "alice"})
}
