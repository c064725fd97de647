package shop

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/load"
)

func tastes(seed uint64, accounts int) Tastes {
	return Tastes{
		Run:      load.Run{Seed: seed, Name: "t", TwiceShare: .04},
		Accounts: accounts, OrderShare: .4, Delay: time.Second,
	}
}

func acts(t Tastes, n int) []load.Act {
	customers := NewCustomers(t)
	all := make([]load.Act, n)
	for i := range all {
		all[i], _ = customers.Next()
	}
	return all
}

func isOrder(act load.Act) bool { return act.Story != nil }

// stepsOf are what becomes of the order that an act places, if it does.
func stepsOf(act load.Act) []step {
	if l, is := act.Story.(*life); is {
		return l.steps
	}
	return nil
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
		check := func(c load.Command) {
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
			if i == 0 && act.Lane != taste.FirstAccount() {
				t.Fatalf("the first account is %s", act.Lane)
			}
			if act.Opens {
				opened[act.Lane] = true
			}
			stranger := isOrder(act) && len(act.Lane) > 10 && act.Lane[:10] == "t-stranger"
			if !opened[act.Lane] && !stranger {
				t.Fatalf("%s is used before it is opened", act.Lane)
			}
			for _, step := range stepsOf(act) {
				check(step.command)
				if step.command.Subject != act.Command.Subject || step.delay < 0 ||
					step.delay > 5*taste.Delay {
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
		byAccount[act.Lane]++
		counts[act.Command.Type]++
		counts["sent "+string(act.Command.Sending)]++
		if act.Command.Expected != nil {
			counts["stale"]++
		}
		if isOrder(act) {
			counts["first step "+stepsOf(act)[0].command.Type]++
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
		{"sent " + string(load.Again), .015, .025},
		{"sent " + string(load.AtOnce), .015, .025},
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
