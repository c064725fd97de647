package load_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"refold/load"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/foldtest"
	"refold/processors/orders"
)

// The default traffic is that of the definitions: aggregates and keys by turns, a key's commands in their
// order, each under an ID of its own, and all of them decodable.
func TestDefaultTraffic(t *testing.T) {
	account, order := foldtest.Open(t, accounts.Definition), foldtest.Open(t, orders.Definition)
	run := load.Run{
		Aggregates: []*processors.OpenAggregate{account, order}, Name: "r", Seed: 1, TwiceShare: .5,
	}
	traffic := load.Default{}.Demo(3).Begin(run)
	var got []string
	twice, ids := 0, map[string]bool{}
	for range 2 * 3 * 4 {
		act, more := traffic.Next()
		c := act.Command
		if !more || act.Story != nil || act.Lane != c.Subject || ids[c.ID] || c.Plural != c.Aggregate+"s" {
			t.Fatalf("%+v, %v", act, more)
		}
		ids[c.ID] = true
		commands := account.Commands
		if c.Aggregate == "order" {
			commands = order.Commands
		}
		if _, err := commands.FromJSON(c.Type, c.Data); err != nil {
			t.Error(err)
		}
		if c.Sending != load.Once {
			twice++
		}
		opens := ""
		if act.Opens {
			opens = "!"
		}
		got = append(got, c.Subject+" "+c.Type+opens)
	}
	if want := []string{
		"r-account-0 OpenAccount!", "r-order-0 PlaceOrder!",
		"r-account-1 OpenAccount!", "r-order-1 PlaceOrder!",
		"r-account-2 OpenAccount!", "r-order-2 PlaceOrder!", "r-account-0 DepositMoney",
		"r-order-0 ShipOrder",
	}; !slices.Equal(got[:len(want)], want) {
		t.Errorf("%v", got)
	}
	if twice == 0 || twice == len(got) {
		t.Errorf("%d are sent twice", twice)
	}
}

// What to try can be tried: rows of the traffic are read, and two commands are sent.
func TestDefaultTry(t *testing.T) {
	run := load.Run{Aggregates: []*processors.OpenAggregate{foldtest.Open(t, accounts.Definition)}}
	plan := load.Default{}.Demo(1)
	text := plan.Try(run, "http://x:1")
	for _, want := range []string{
		"curl -s http://x:1/accounts/account-0\n", "curl -N 'http://x:1/events/live?kind=event'",
		"curl -s http://x:1/accounts/yours/commands", "'Prefer: wait=5'",
		`-d '{"type": "OpenAccount", "data": {"owner":"Alice","currency":"EUR"}}'`,
		`-d '{"type": "DepositMoney", `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
	if got := plan.First(run); got != "the first account is account-0" {
		t.Error(got)
	}
}

func TestMistakesOfDefaultTraffic(t *testing.T) {
	flags := pflag.NewFlagSet("load", pflag.ContinueOnError)
	plan := load.Default{}.Flags(flags)
	if err := plan.Check(); err != nil {
		t.Error(err)
	}
	if err := flags.Parse([]string{"--keys", "0", "--per-key", "99999"}); err != nil {
		t.Fatal(err)
	}
	err := plan.Check()
	if err == nil || !strings.Contains(err.Error(), "--keys") || !strings.Contains(err.Error(), "--per-key") {
		t.Error(err)
	}
}
