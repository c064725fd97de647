package worker

import (
	"context"
	"fmt"
	"log/slog"
	"testing"

	"refold/installation"
	"refold/kafka/local"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// place sends an order for an account that does not exist.
func (h *Host) place(t *testing.T, id string) {
	t.Helper()
	err := h.Send(t.Context(), "order", id, "place-"+id, orders.PlaceOrder{
		AccountID: "nobody", Currency: "EUR",
		Lines: []orders.Line{{SKU: "tea", Quantity: 1, UnitPrice: 100, Currency: "EUR"}},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// with runs a worker with the definitions while do works.
func with(
	t *testing.T, base *installation.Installation, all []processors.Definition, do func(*Host),
) {
	t.Helper()
	definitions, err := processors.Define(all...)
	if err != nil {
		t.Fatal(err)
	}
	in := &installation.Installation{Config: base.Config, Definitions: definitions}
	var host *Host
	w, err := New(in, slog.New(slog.DiscardHandler), func(h *Host) error { host = h; return nil })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	eventually(t, func() bool {
		for _, p := range w.processors {
			if p.Ready() != nil {
				return false
			}
		}
		return w.preparedCheck() == nil && w.views.Ready() == nil
	}, textOf(func() string { return fmt.Sprint(w.preparedCheck()) }))
	do(host)
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// A process that is added later, and starts at the newest record, leaves what happened before alone. One that
// does not say so acts on all history.
func TestProcessThatStartsAtNewest(t *testing.T) {
	for _, newest := range []bool{true, false} {
		t.Run(fmt.Sprint(newest), func(t *testing.T) {
			cluster, err := local.Start(local.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer cluster.Close()
			base := install(t, cluster, nil)
			with(t, base, []processors.Definition{accounts.Definition, orders.Definition}, func(h *Host) {
				h.place(t, "old")
				if _, err := StateAtLeast[orders.Order](t.Context(), h, "order", "old", 1); err != nil {
					t.Fatal(err)
				}
			})
			payments := orders.Payments
			payments.StartAtNewest = newest
			all := []processors.Definition{accounts.Definition, orders.Definition, payments}
			with(t, base, all, func(h *Host) {
				h.place(t, "new")
				for _, id := range []string{"new", "old"} {
					if id == "old" && newest {
						continue
					}
					// The account does not exist: the process has the order note that.
					if _, err := StateAtLeast[orders.Order](t.Context(), h, "order", id, 2); err != nil {
						t.Fatal(err)
					}
				}
				row, err := State[orders.Order](h, "order", "old")
				if acted := row.Sequence > 1; err != nil || acted == newest {
					t.Errorf("the old order is at %d, %v", row.Sequence, err)
				}
			})
		})
	}
}
