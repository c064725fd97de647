package load

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func tastes(seed uint64, accounts int) Tastes {
	return Tastes{
		Seed: seed, Name: "t", Accounts: accounts, OrderShare: .4, TwiceShare: .04, Delay: time.Second,
	}
}

func acts(t Tastes, n int) []Act {
	customers := NewCustomers(t)
	all := make([]Act, n)
	for i := range all {
		all[i] = customers.Next()
	}
	return all
}

func TestTheSameSeedGivesTheSameActs(t *testing.T) {
	one, two := acts(tastes(7, 50), 2000), acts(tastes(7, 50), 2000)
	for i := range one {
		if !reflect.DeepEqual(one[i], two[i]) {
			t.Fatalf("act %d is %+v, then %+v", i, one[i], two[i])
		}
	}
	if reflect.DeepEqual(one, acts(tastes(8, 50), 2000)) {
		t.Error("another seed gives the same acts")
	}
}

// Whatever the seed: an account is opened before it is used, IDs are the sender's own and serve
// once, an order's steps are its own, and the first account is the first to be seen.
func TestActsAreWellFormed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		taste := tastes(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 200).Draw(t, "accounts"))
		taste.OrderShare = rapid.Float64Range(0, 1).Draw(t, "orders")
		opened, ids := map[string]bool{}, map[string]bool{}
		check := func(c Command) {
			if ids[c.ID] {
				t.Fatalf("the ID %s is used twice", c.ID)
			}
			ids[c.ID] = true
			if !json.Valid(c.Data) || c.Type == "" || c.Subject == "" {
				t.Fatalf("%+v", c)
			}
		}
		for i, act := range acts(taste, 300) {
			check(act.Command)
			if i == 0 && act.Account != taste.FirstAccount() {
				t.Fatalf("the first account is %s", act.Account)
			}
			if act.Opens {
				opened[act.Account] = true
			}
			stranger := act.IsOrder() && len(act.Account) > 10 && act.Account[:10] == "t-stranger"
			if !opened[act.Account] && !stranger {
				t.Fatalf("%s is used before it is opened", act.Account)
			}
			for _, step := range act.Steps {
				check(step.Command)
				if step.Command.Subject != act.Command.Subject || step.Delay < 0 ||
					step.Delay > 5*taste.Delay {
					t.Fatalf("%+v is a step of %s", step, act.Command.Subject)
				}
			}
		}
	})
}

// Of everything that the issue asks for there is some, and of the ordinary most.
func TestProportions(t *testing.T) {
	const n = 50_000
	counts := map[string]int{}
	byAccount := map[string]int{}
	for _, act := range acts(tastes(1, 100), n) {
		byAccount[act.Account]++
		counts[act.Command.Type]++
		counts["sent "+string(act.Command.Sending)]++
		if act.Command.Expected != nil {
			counts["stale"]++
		}
		if act.IsOrder() {
			counts["first step "+act.Steps[0].Command.Type]++
		}
	}
	for _, want := range []struct {
		what     string
		from, to float64 // share of all
	}{
		{"PlaceOrder", .30, .40},
		{"OpenAccount", .002, .02},
		{"DepositMoney", .3, .5},
		{"WithdrawMoney", .1, .3},
		{"FreezeAccount", .003, .03},
		{"UnfreezeAccount", .003, .03},
		{"CloseAccount", .003, .03},
		{"sent " + string(Again), .015, .025},
		{"sent " + string(AtOnce), .015, .025},
		{"stale", .003, .03},
		{"first step ShipOrder", .2, .35},
		{"first step CancelOrder", .03, .1},
		{"first step DeliverOrder", .001, .02},
	} {
		if share := float64(counts[want.what]) / n; share < want.from || share > want.to {
			t.Errorf("%s: %.4f of all, want %g to %g", want.what, share, want.from, want.to)
		}
	}
	// Popularity is skewed.
	if share := float64(byAccount["t-alice"]) / n; share < .1 || share > .3 {
		t.Errorf("the first account has %.3f of all", share)
	}
}
