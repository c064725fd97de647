package audit_test

import (
	"maps"
	"testing"

	"refold/audit"
)

// generation is how a release of the program wrote what has changed since.
type generation struct {
	reason   any    // of AccountFrozen and FreezeAccount
	kind     string // of that reason, as a state has it
	ship     map[string]any
	shipped  []happened
	parcels  []any
	account  func(state map[string]any) // makes of today's state what its rows have
	order    func(state map[string]any)
	released string
}

func generations() []generation {
	parcel := func(event, number string) happened {
		return happened{event, fields("carrier", "DHL", "trackingNumber", number)}
	}
	today := func(map[string]any) {}
	return []generation{
		{
			released: "1", reason: "a closer look", kind: "OTHER",
			ship:    fields("carrier", "DHL", "trackingNumber", "1"),
			shipped: []happened{parcel("OrderShipped", "1")}, parcels: []any{parcelOf("DHL", "1")},
			account: func(state map[string]any) { delete(state, "frozenFor") },
			order: func(state map[string]any) {
				delete(state, "parcels")
				maps.Copy(state, fields("carrier", "", "trackingNumber", ""))
				if state["status"] == "delivered" {
					maps.Copy(state, fields("carrier", "DHL", "trackingNumber", "1"))
				}
			},
		},
		{
			released: "2", reason: fields("kind", "STOLEN", "text", "the card"), kind: "STOLEN",
			ship: fields("parcels", []any{parcelOf("DHL", "1"), parcelOf("DHL", "2")}),
			shipped: []happened{
				parcel("ParcelHandedOver", "1"), parcel("ParcelHandedOver", "2"),
				{"OrderShipped", fields("parcels", int64(2))},
			},
			parcels: []any{parcelOf("DHL", "1"), parcelOf("DHL", "2")},
			account: today, order: today,
		},
		{
			released: "3", reason: fields("kind", "FRAUD", "text", "many small charges"), kind: "FRAUD",
			ship: fields("parcels", []any{parcelOf("DHL", "1"), parcelOf("DHL", "2"), parcelOf("DHL", "3")}),
			shipped: []happened{
				parcel("ParcelHandedOver", "1"), parcel("ParcelHandedOver", "2"),
				parcel("ParcelHandedOver", "3"),
				{"OrderShipped", fields("parcelCount", int64(3))},
			},
			parcels: []any{parcelOf("DHL", "1"), parcelOf("DHL", "2"), parcelOf("DHL", "3")},
			account: today, order: today,
		},
	}
}

// lives has each generation freeze an account, unfreeze it, freeze it again, and ship an order. The rows are
// those of the generation, or of today's if they were read and written again.
func lives(rewritten bool) *audit.Shop {
	k := newKeeper()
	shop := k.shop
	k.client(shop.Accounts, "open", "alice", "OpenAccount", "", "AccountOpened",
		fields("owner", "Alice", "currency", "EUR"))
	k.client(shop.Accounts, "fund", "alice", "DepositMoney", "", "MoneyDeposited", money(1000))
	var charges []any
	for _, g := range generations() {
		key, order := "frozen-"+g.released, "order-"+g.released
		client := func(name, command, event string, f map[string]any) {
			k.client(shop.Accounts, name+key, key, command, "", event, f)
		}
		client("open-", "OpenAccount", "AccountOpened", fields("owner", "Zoë", "currency", "EUR"))
		client("freeze-", "FreezeAccount", "AccountFrozen", fields("reason", g.reason))
		client("unfreeze-", "UnfreezeAccount", "AccountUnfrozen", fields())
		client("again-", "FreezeAccount", "AccountFrozen", fields("reason", g.reason))
		k.order(order, "paid")
		k.root = "ship-" + order
		k.command(shop.Orders, k.root, "", order, "ShipOrder", "", g.ship, g.shipped...)
		k.client(shop.Orders, "deliver-"+order, order, "DeliverOrder", "", "OrderDelivered", fields())
		charges = append(charges, chargeOf(order, 50))

		account := accountOf("Zoë", 0)
		account["status"], account["frozenFor"] = "frozen", g.kind
		state := orderOf("delivered", "paid", "parcels", g.parcels, "paymentId", lastPayment(shop))
		if !rewritten {
			g.account(account)
			g.order(state)
		}
		k.state(shop.Accounts, key, account)
		k.state(shop.Orders, order, state)
	}
	k.state(shop.Accounts, "alice", accountOf("Alice", 1000-50*int64(len(charges)), charges...))
	return shop
}

// lastPayment is the ID of the last event of alice's account.
func lastPayment(shop *audit.Shop) string {
	for i := len(shop.Accounts.Events) - 1; ; i-- {
		if e := shop.Accounts.Events[i]; e.Type == "AccountCharged" {
			return e.ID
		}
	}
}

// state gives a row its state.
func (k *keeper) state(w *audit.World, key string, state map[string]any) {
	row := w.Rows[key]
	row.State = state
	w.Rows[key] = row
}

// The records of each generation are read, and judged by today's rules.
func TestGenerationsAreWhole(t *testing.T) {
	p := newPlace(t)
	for name, rewritten := range map[string]bool{"rows as they were": false, "rows of today": true} {
		t.Run(name, func(t *testing.T) {
			shop := lives(rewritten)
			p.in(t).write(shop).wants(audit.Options{}, counts{})
		})
	}
}

// A mistake in what a generation wrote is found, whichever it is.
func TestDamageOfGenerationsIsNoticed(t *testing.T) {
	p := newPlace(t)
	damage := map[string]struct {
		do   func(*audit.Shop)
		want counts
	}{
		"version 1: a row of another carrier": {
			func(s *audit.Shop) { s.Orders.Rows["order-1"].State["carrier"] = "UPS" }, counts{audit.Rows: 1},
		},
		"version 1: a row without its account's freezing": {
			func(s *audit.Shop) { s.Accounts.Rows["frozen-1"].State["status"] = "open" },
			counts{audit.Rows: 1},
		},
		"version 2: a row that lacks a parcel": {
			func(s *audit.Shop) {
				s.Orders.Rows["order-2"].State["parcels"] = []any{parcelOf("DHL", "1")}
			}, counts{audit.Rows: 1},
		},
		"version 2: a row with another kind of reason": {
			func(s *audit.Shop) { s.Accounts.Rows["frozen-2"].State["frozenFor"] = "OTHER" },
			counts{audit.Rows: 1},
		},
		"version 2: more parcels than were handed over": {
			func(s *audit.Shop) { eventOf(s, "order-2/5").Fields = fields("parcels", int64(3)) },
			counts{audit.States: 1},
		},
		"version 3: fewer parcels than were handed over": {
			func(s *audit.Shop) { eventOf(s, "order-3/6").Fields = fields("parcelCount", int64(2)) },
			counts{audit.States: 1},
		},
		"version 3: a row with another kind of reason": {
			func(s *audit.Shop) { s.Accounts.Rows["frozen-3"].State["frozenFor"] = "OTHER" },
			counts{audit.Rows: 1},
		},
	}
	for name, damaged := range damage {
		t.Run(name, func(t *testing.T) {
			shop := lives(false)
			damaged.do(shop)
			p.in(t).write(shop).wants(audit.Options{}, damaged.want)
		})
	}
}

// eventOf is an event of an order by its ID.
func eventOf(shop *audit.Shop, id string) *audit.Event {
	for i := range shop.Orders.Events {
		if e := &shop.Orders.Events[i]; e.ID == id {
			return e
		}
	}
	return nil
}
