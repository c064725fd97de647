package shop

import (
	"fmt"
	"time"

	"refold/load"
)

type placeData struct {
	AccountID string     `json:"accountId"`
	Currency  string     `json:"currency"`
	Lines     []lineData `json:"lines"`
}

type lineData struct {
	SKU       string `json:"sku"`
	Quantity  int64  `json:"quantity"`
	UnitPrice int64  `json:"unitPrice"`
	Currency  string `json:"currency"`
}

type shipData struct {
	Parcels []parcelData `json:"parcels"`
}

type parcelData struct {
	Carrier        string `json:"carrier"`
	TrackingNumber string `json:"trackingNumber"`
}

const maxLines = 5

// order places an order for what the account can pay, or for what it can't.
func (c *Customers) order(a *customer) load.Act {
	data := placeData{AccountID: a.id, Currency: a.currency, Lines: c.basket(a.currency)}
	account := a.id
	pays := true
	switch dice := c.random.IntN(1000); {
	case dice < 25: // more than anybody has
		data.Lines = append(data.Lines, lineData{dearest.sku, 1, dearest.price, a.currency})
		pays = false
	case dice < 40: // never opened an account
		c.strangers++
		data.AccountID = c.tastes.ID(fmt.Sprintf("stranger-%d", c.strangers))
		account, pays = data.AccountID, false
	case dice < 55: // pays in a currency that the account isn't in
		data.Currency, pays = "JPY", false
		for i := range data.Lines {
			data.Lines[i].Currency = data.Currency
		}
	case dice < 60: // mixed currencies: refused at once
		data.Lines = append(data.Lines, lineData{"gift-voucher", 1, 2500, "JPY"})
		pays = false
	case dice < 65: // nothing
		data.Lines, pays = []lineData{}, false
	}
	c.orders++
	id := c.tastes.ID(fmt.Sprintf("order-%d", c.orders))
	act := load.Act{
		Lane: account, Command: c.toOrder(id, "place", "PlaceOrder", data), Story: &life{c.fate(id)},
	}
	if !pays {
		return act
	}
	var total int64
	for _, line := range data.Lines {
		total += line.Quantity * line.UnitPrice
	}
	if total > a.funds && !c.chance(100) { // most look at their balance first
		topUp := c.deposit(a, total*(1+c.random.Int64N(3))/1000*1000+1000)
		a.funds = max(0, a.funds-total)
		c.soon = append(c.soon, act)
		return topUp
	}
	a.funds = max(0, a.funds-total)
	return act
}

// basket is what a customer wants, each thing once.
func (c *Customers) basket(currency string) []lineData {
	wanted := 1 + min(c.random.IntN(maxLines), c.random.IntN(maxLines))
	lines := make([]lineData, 0, wanted+1) // one more may join
	taken := make(map[uint64]bool, wanted)
	for len(lines) < wanted {
		i := c.wishes.Uint64()
		if taken[i] {
			i = c.random.Uint64N(uint64(len(catalogue)))
		}
		if taken[i] {
			continue
		}
		taken[i] = true
		quantity := 1 + int64(min(c.random.IntN(4), c.random.IntN(4), c.random.IntN(4)))
		lines = append(lines, lineData{catalogue[i].sku, quantity, catalogue[i].price, currency})
	}
	return lines
}

// fate is what becomes of an order, provided that it is paid.
func (c *Customers) fate(id string) []step {
	ship := func(name string) load.Command {
		parcels := make([]parcelData, max(1, c.random.IntN(5)-2)) // one, as a rule
		for i := range parcels {
			parcels[i] = parcelData{pick(c.random, carriers), fmt.Sprintf("%010d", c.random.Int64N(1e10))}
		}
		return c.toOrder(id, name, "ShipOrder", shipData{parcels})
	}
	deliver := func(name string) load.Command { return c.toOrder(id, name, "DeliverOrder", struct{}{}) }
	cancel := func(name string) load.Command {
		return c.toOrder(id, name, "CancelOrder", reasonData{pick(c.random, cancelReasons)})
	}
	paid := func(command load.Command) step {
		return step{command: command, afterPayment: true, delay: c.delay()}
	}
	later := func(command load.Command) step { return step{command: command, delay: c.delay()} }
	atOnce := func(command load.Command) step { return step{command: command} }
	switch dice := c.random.IntN(1000); {
	case dice < 80: // cancelled while the payment is under way
		return []step{atOnce(cancel("cancel"))}
	case dice < 180:
		return []step{paid(cancel("cancel"))}
	case dice < 200: // cancelled after payment, and shipped nevertheless: refused
		return []step{paid(cancel("cancel")), atOnce(ship("ship"))}
	case dice < 230: // shipped before payment: refused, if the payment isn't quicker
		return []step{atOnce(ship("early")), paid(ship("ship")), later(deliver("deliver"))}
	case dice < 250: // delivered before it is shipped: refused
		return []step{paid(deliver("early")), later(ship("ship")), later(deliver("deliver"))}
	case dice < 280: // cancelled after shipping: refused
		return []step{paid(ship("ship")), later(cancel("late")), later(deliver("deliver"))}
	case dice < 300: // cancelled by somebody who looks at an old page: refused
		stale := cancel("stale")
		stale.Expected = new(int64)
		return []step{paid(stale), later(ship("ship")), later(deliver("deliver"))}
	default:
		return []step{paid(ship("ship")), later(deliver("deliver"))}
	}
}

// toOrder is a command to an order.
func (c *Customers) toOrder(orderID, name, typeName string, data any) load.Command {
	return c.command(load.Command{
		ID: orderID + ":" + name, Aggregate: order, Plural: orderPlural, Subject: orderID, Type: typeName,
	}, data)
}

// delay is short as a rule and long now and then.
func (c *Customers) delay() time.Duration {
	const longest = 5 // times the mean
	return time.Duration(min(c.random.ExpFloat64(), longest) * float64(c.tastes.Delay))
}
