package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"example.com/garage/garages"

	"refold/processors/accounts"
	"refold/program/programtest"
)

// A car parks and is charged, on an embedded cluster, with everything that runs in production.
func TestParking(t *testing.T) {
	c := programtest.Start(t, garage)
	c.Accepted("account", "alice", accounts.OpenAccount{Owner: "Alice", Currency: "EUR"})
	c.Accepted("account", "alice", accounts.DepositMoney{Amount: 300, Currency: "EUR"})
	c.Accepted("garage", "g-1", garages.OpenGarage{Spaces: 2, PricePerHour: 250, Currency: "EUR"})
	c.Accepted("garage", "g-1", garages.EnterGarage{Plate: "B-1", AccountID: "alice"})
	c.Rejected("garage", "g-1", garages.EnterGarage{Plate: "B-1", AccountID: "alice"}, "car-inside")
	c.Rejected("garage", "g-1", garages.EnterGarage{AccountID: "alice"}, "rule-violated")

	response, err := http.Get(c.URL + "/garages/g-1/free")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if text, _ := io.ReadAll(response.Body); string(text) != "{\"free\":1}\n" {
		t.Errorf("the display shows %s", text)
	}

	c.Accepted("garage", "g-1", garages.LeaveGarage{Plate: "B-1"})
	programtest.Eventually(c, "garage", "g-1", func(g garages.Garage) bool { return len(g.Fees) == 0 })
	programtest.Eventually(c, "account", "alice", func(a accounts.Account) bool { return a.Balance == 50 })
}

// The catalogue has this program's own aggregates, with former versions of events, and the billing between them.
func TestCatalogue(t *testing.T) {
	file := filepath.Join(t.TempDir(), "catalogue.md")
	if code := garage.Run(t.Context(), []string{"schemas", "docs", "--no-history", "--out", file}); code != 0 {
		t.Fatalf("exit code %d", code)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| [CarLeft](#carleft) | [ChargeAccount](#chargeaccount) | [accounts](#accounts) |",
		"| [ChargeAccount](#chargeaccount) was rejected | [SettleFee](#settlefee) | [garages](#garages) |",
		"is read as CarLeft `", "`plate-given`", "Example: `{\"plate\":\"B-XY 123\",\"accountId\":\"alice\"}`",
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("%s is not in the catalogue:\n%s", want, text)
		}
	}
}
