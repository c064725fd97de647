package garages

import (
	"strings"

	"refold/processors"
)

// These versions of events were released once. Topics have them for ever, and nobody writes them any more.
type (
	// carEntered1 named the account by its path, such as "/accounts/alice".
	carEntered1 struct {
		Plate   string `avro:"plate"`
		Account string `avro:"account"`
	}
	// carsSwapped1 was one event for a car that took the place of another.
	carsSwapped1 struct {
		Out      string `avro:"out"`
		In       string `avro:"in"`
		Account  string `avro:"account"` // of both
		Minutes  int64  `avro:"minutes"`
		Fee      int64  `avro:"fee"`
		Currency string `avro:"currency"`
	}
)

var former = []processors.Former{
	processors.Upcast("CarEntered", func(e carEntered1) CarEntered {
		return CarEntered{Plate: e.Plate, AccountID: accountOf(e.Account)}
	}),
	processors.Split("CarsSwapped", func(e carsSwapped1) []any {
		account := accountOf(e.Account)
		return []any{
			CarLeft{Plate: e.Out, AccountID: account, Minutes: e.Minutes, Fee: e.Fee, Currency: e.Currency},
			CarEntered{Plate: e.In, AccountID: account},
		}
	}),
}

func accountOf(path string) string { return strings.TrimPrefix(path, "/accounts/") }
