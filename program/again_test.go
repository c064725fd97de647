package program

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/processors/accounts"
	"refold/processors/orders"
)

// setBack sets the payment process's offsets back to zero; no worker may run.
func (i *testbed) setBack() {
	i.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(i.cluster.Brokers()...))
	if err != nil {
		i.t.Fatal(err)
	}
	defer client.Close()
	zero := kadm.Offsets{}
	for _, topic := range []string{
		orders.Definition.Topics("").Events, accounts.Definition.Topics("").Results,
	} {
		for partition := range int32(2) {
			zero.AddOffset(topic, partition, 0, -1)
		}
	}
	group := orders.Payments.Name
	if err := kadm.NewClient(client).CommitAllOffsets(i.t.Context(), group, zero); err != nil {
		i.t.Fatal(err)
	}
}

// is waits until an order has that status and payment and so many refunded surplus payments.
func (w *runningWorker) is(order, status, payment string, surplus int) {
	w.t.Helper()
	var got reply
	eventually(w.t, func() bool {
		got = w.ask(http.MethodGet, "/orders/"+order, "")
		list, _ := got.state("surplus").([]any)
		refunded := 0
		for _, item := range list {
			if s, _ := item.(map[string]any); s["refundId"] != "" {
				refunded++
			}
		}
		return got.state("status") == status && got.state("payment") == payment &&
			len(list) == surplus && refunded == surplus
	}, w.out)
}

// docs/idempotency.md, a process that does everything again: offsets set back to zero, rings of size
// 0, and an account that has forgotten what it was charged for. In the end it has paid for every
// order what is due, once.
func TestProcessDoesEverythingAgain(t *testing.T) {
	t.Parallel()
	const (
		alice = "/accounts/alice"
		tea   = `{"accountId": "alice", "currency": "EUR", "lines": [
			{"sku": "tea", "quantity": 2, "unitPrice": %d, "currency": "EUR"}]}`
	)
	noRings := []string{
		"--aggregates.account.recent-commands", "0", "--aggregates.order.recent-commands", "0",
		"--aggregates.account.remember", "0s", "--aggregates.order.remember", "0s",
	}
	cluster := newTestbed(t)
	w := cluster.start(noRings...)
	accepted := func(to, id, command, data string) {
		t.Helper()
		if a := w.send(to, id, command, data); a.status != http.StatusOK {
			t.Fatalf("%s: %d %v\n%s", id, a.status, a.body, w.out)
		}
	}
	accepted(alice, "open", "OpenAccount", `{"owner": "Alice", "currency": "EUR"}`)
	accepted(alice, "fund", "DepositMoney", `{"amount": 5000, "currency": "EUR"}`)
	for _, order := range []string{"kept", "cancelled"} {
		accepted("/orders/"+order, "place-"+order, "PlaceOrder", fmt.Sprintf(tea, 1000))
		w.is(order, "placed", "paid", 0)
	}
	accepted("/orders/dear", "place-dear", "PlaceOrder", fmt.Sprintf(tea, 4000))
	w.is("dear", "declined", "declined", 0)
	accepted("/orders/cancelled", "cancel", "CancelOrder", `{"reason": "changed my mind"}`)
	w.is("cancelled", "cancelled", "refunded", 0)
	accepted(alice, "more", "DepositMoney", `{"amount": 10000, "currency": "EUR"}`)

	// The account has 130 euros, the kept order 20. Without money for it, dear stays declined; with it,
	// it is charged, and refunded.
	again := func(surplusOfOthers, surplusOfDear int, balance int64) {
		t.Helper()
		w.stop()
		cluster.setBack()
		w = cluster.start(noRings...)
		// What was sent before now has been handled when a new order has been paid and refunded.
		order := fmt.Sprintf("/orders/after-%d-%d", surplusOfOthers, surplusOfDear)
		accepted(order, "place-after"+order[len("/orders/after"):], "PlaceOrder", fmt.Sprintf(tea, 50))
		w.is(order[len("/orders/"):], "placed", "paid", 0)
		w.is("kept", "placed", "paid", surplusOfOthers)
		w.is("cancelled", "cancelled", "refunded", surplusOfOthers)
		w.is("dear", "declined", "declined", surplusOfDear)
		eventually(t, func() bool {
			return w.ask(http.MethodGet, alice, "").state("balance") == float64(balance)
		}, w.out)
	}
	again(0, 1, 13_000-100)
	for n := range accounts.MaxCharges {
		accepted(alice, fmt.Sprintf("other-%d", n), "ChargeAccount",
			fmt.Sprintf(`{"amount": 1, "currency": "EUR", "reference": "other-%d"}`, n))
	}
	again(1, 2, 13_000-200-accounts.MaxCharges)
	w.stop()
}
