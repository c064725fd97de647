package audit_test

import (
	"fmt"
	"slices"

	"refold/audit"
)

// garages are the garages of examples/garage, as their auditor knows them: docs/your-own-audit.md.
var garages = audit.Kind{
	Name: "garage", Plural: "garages",
	Initial: map[string]any{
		"spaces": int64(0), "pricePerHour": int64(0), "currency": "", "cars": []any{}, "fees": []any{},
	},
	Fold: foldGarage, Final: finalGarage,
	Processes: []audit.Process{
		{Name: "garage-billing", Reads: []string{"garage-events", "account-results"}},
	},
}

func foldGarage(garage map[string]any, e audit.Event) (map[string]any, error) {
	cars, fees := garage["cars"].([]any), garage["fees"].([]any)
	switch e.Type {
	case "GarageOpened":
		garage["spaces"], garage["currency"] = e.Int("spaces"), e.Text("currency")
		garage["pricePerHour"] = e.Int("pricePerHour")
	case "CarEntered":
		garage["cars"] = append(cars, map[string]any{
			"plate": e.Text("plate"), "accountId": e.Text("accountId"), "since": e.Time,
		})
	case "CarLeft":
		garage["cars"] = without(cars, "plate", e.Text("plate"))
		if e.Int("fee") > 0 {
			garage["fees"] = append(fees, map[string]any{
				"sequence": e.Sequence, "plate": e.Text("plate"), "refused": false,
			})
		}
	case "FeeSettled":
		if e.Fields["paid"] == true {
			garage["fees"] = without(fees, "sequence", e.Int("sequence"))
			break
		}
		for _, fee := range fees {
			if fee := fee.(map[string]any); fee["sequence"] == e.Int("sequence") {
				fee["refused"] = true
			}
		}
	default:
		return nil, fmt.Errorf("there is no event %q", e.Type)
	}
	if inside, spaces := len(garage["cars"].([]any)), garage["spaces"].(int64); int64(inside) > spaces {
		return garage, fmt.Errorf("%d cars are in %d spaces", inside, spaces)
	}
	return garage, nil
}

// without returns a list without the record whose field has a value.
func without(list []any, field string, value any) []any {
	return slices.DeleteFunc(list, func(item any) bool { return item.(map[string]any)[field] == value })
}

func finalGarage(_ string, garage map[string]any) error {
	for _, fee := range garage["fees"].([]any) {
		if fee := fee.(map[string]any); fee["refused"] == false {
			return fmt.Errorf("the fee of %v is neither paid nor refused", fee["plate"])
		}
	}
	return nil
}

// turnover is a read model of garages: what they have taken.
var turnover = audit.ReadModel{
	Name: "turnover", Version: 1, Reads: []string{"garage"},
	Tables: []audit.Table{{
		Name: "turnover", Key: []string{"garage_id", "currency"},
		Empty: map[string]any{"cars": int64(0), "fees": int64(0)},
	}},
	Fold: func(rows *audit.ModelRows, e audit.Event, _, _ map[string]any) {
		if e.Type == "CarLeft" {
			rows.Add("turnover", "cars", 1, e.Key, e.Text("currency"))
			rows.Add("turnover", "fees", e.Int("fee"), e.Key, e.Text("currency"))
		}
	},
}

// A program that audits garages, what they have taken, and the accounts that pay.
func ExampleMain() {
	audit.Main(audit.Accounts, garages, turnover)
}
