package shop

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"refold/load"
)

// Names of the aggregates.
const (
	account       = "account"
	accountPlural = "accounts"
	order         = "order"
	orderPlural   = "orders"
)

// Tastes are what customers are like.
type Tastes struct {
	// Run has the seed: the same one makes the same customers do the same things.
	load.Run
	// Accounts is how many there are, at least 1.
	Accounts int
	// Orders is how many are placed, and then nothing more is done; 0: no limit.
	Orders int
	// OrderShare is the share of orders in what customers do of their own accord, 0 to 1.
	OrderShare float64
	// Delay is the mean time between the steps of an order, such as payment and shipping.
	Delay time.Duration
}

// Customers think up what a shop's customers do. What they do depends on nothing but Tastes: not
// on answers, not on time. They are for one goroutine.
type Customers struct {
	tastes     Tastes
	random     *rand.Rand
	popularity *rand.Zipf
	wishes     *rand.Zipf // among the catalogue
	accounts   map[uint64]*customer
	soon       []load.Act // what follows from the latest act, and comes next
	orders     int        // thought up
	placed     int        // and those that Next has returned
	strangers  int
}

// customer is an account as its owner believes it to be.
type customer struct {
	rank         int
	id, currency string
	opened       bool
	frozenFor    int   // acts until it is unfrozen
	funds        int64 // at least that much, if everything was accepted and nothing refunded
	sent         int
}

// Popularity is skewed as customers' is: the first of a hundred accounts is in some fifth of all
// commands.
const (
	zipfExponent = 1.2
	zipfOffset   = 3
)

// NewCustomers returns customers of the tastes given.
func NewCustomers(t Tastes) *Customers {
	random := rand.New(rand.NewPCG(t.Seed, 0))
	return &Customers{
		tastes: t, random: random,
		popularity: rand.NewZipf(random, zipfExponent, zipfOffset, uint64(t.Accounts-1)),
		wishes:     rand.NewZipf(random, zipfExponent, zipfOffset, uint64(len(catalogue)-1)),
		accounts:   make(map[uint64]*customer),
	}
}

// FirstAccount returns the ID of the first and most popular account, so that there is something to
// look at.
func (t Tastes) FirstAccount() string { return t.ID(personID(0)) }

// FirstOrder returns the ID of the first order.
func (t Tastes) FirstOrder() string { return t.ID("order-1") }

// Next returns what happens next. There is always something until the last order was placed.
func (c *Customers) Next() (load.Act, bool) {
	if c.tastes.Orders > 0 && c.placed >= c.tastes.Orders {
		return load.Act{}, false
	}
	act := c.next()
	if act.Story != nil {
		c.placed++
	}
	return act, true
}

func (c *Customers) next() load.Act {
	if len(c.soon) > 0 {
		act := c.soon[0]
		c.soon = c.soon[1:]
		return act
	}
	rank := uint64(0) // the first act is the first account's
	if len(c.accounts) > 0 {
		rank = c.popularity.Uint64()
	}
	a := c.accounts[rank]
	if a == nil {
		a = c.newcomer(int(rank))
		c.accounts[rank] = a
	}
	if !a.opened {
		return c.open(a)
	}
	if a.frozenFor > 0 {
		a.frozenFor--
		if a.frozenFor == 0 {
			return c.act(a, "UnfreezeAccount", struct{}{})
		}
	}
	if c.random.Float64() < c.tastes.OrderShare {
		return c.order(a)
	}
	return c.moveMoney(a)
}

func (c *Customers) newcomer(rank int) *customer {
	a := &customer{rank: rank, id: c.tastes.ID(personID(rank)), currency: "EUR"}
	if rank > 0 {
		a.currency = pick(c.random, []string{"EUR", "EUR", "EUR", "EUR", "EUR", "USD", "GBP", "CHF"})
	}
	return a
}

// chance is true in so many of a thousand cases.
func (c *Customers) chance(ofThousand int) bool { return c.random.IntN(1000) < ofThousand }

type moneyData struct {
	Amount   int64  `json:"amount"`
	Currency string `json:"currency"`
}

type openData struct {
	Owner    string `json:"owner"`
	Currency string `json:"currency"`
}

type reasonData struct {
	Reason string `json:"reason"`
}

type freezeData struct {
	Reason reason `json:"reason"`
}

type reason struct {
	Kind string `json:"kind"`
	Text string `json:"text"`
}

// open opens an account, and pays the first money in. Some think better of it and close it.
func (c *Customers) open(a *customer) load.Act {
	act := c.act(a, "OpenAccount", openData{ownerName(a.rank), a.currency})
	act.Opens, a.opened = true, true
	if a.rank > 0 && c.chance(10) {
		c.soon = append(c.soon, c.act(a, "CloseAccount", struct{}{}))
	} else {
		c.soon = append(c.soon, c.deposit(a, 100_000+1000*c.random.Int64N(300)))
	}
	return act
}

func (c *Customers) deposit(a *customer, amount int64) load.Act {
	a.funds += amount
	return c.act(a, "DepositMoney", moneyData{amount, a.currency})
}

// moveMoney pays in or out, and now and then does something rare or wrong.
func (c *Customers) moveMoney(a *customer) load.Act {
	switch dice := c.random.IntN(1000); {
	case dice < 520:
		return c.deposit(a, 5000+100*c.random.Int64N(400))
	case dice < 900:
		amount := 1000 * (1 + c.random.Int64N(20)) // cash comes in notes
		if amount <= a.funds || c.chance(100) {    // the others look at their balance first
			a.funds = max(0, a.funds-amount)
			return c.act(a, "WithdrawMoney", moneyData{amount, a.currency})
		}
		return c.deposit(a, amount)
	case dice < 925:
		if a.frozenFor == 0 {
			a.frozenFor = 2 + c.random.IntN(4)
		}
		return c.act(a, "FreezeAccount", freezeData{pick(c.random, freezeReasons)})
	case dice < 945:
		return c.act(a, "DepositMoney", moneyData{5000, "JPY"}) // another currency
	case dice < 955:
		return c.act(a, "WithdrawMoney", moneyData{0, a.currency})
	case dice < 965:
		return c.act(a, "CloseAccount", struct{}{}) // with money on it, as a rule
	case dice < 975:
		return c.act(a, "OpenAccount", openData{"Somebody Else", a.currency})
	case dice < 990:
		stale := c.act(a, "WithdrawMoney", moneyData{100, a.currency})
		stale.Command.Expected = new(int64) // 0: as if nobody had been here
		return stale
	default:
		return c.act(a, "WithdrawMoney", moneyData{a.funds + 1_000_000_000, a.currency})
	}
}

// act is a command to an account.
func (c *Customers) act(a *customer, typeName string, data any) load.Act {
	a.sent++
	return load.Act{Lane: a.id, Command: c.command(load.Command{
		ID: fmt.Sprintf("%s:%d", a.id, a.sent), Aggregate: account, Plural: accountPlural, Subject: a.id,
		Type: typeName,
	}, data)}
}

// command fills in what is alike in all commands. Some are sent twice.
func (c *Customers) command(command load.Command, data any) load.Command {
	var err error
	if command.Data, err = json.Marshal(data); err != nil {
		panic(fmt.Sprintf("shop: encode a %T: %v", data, err)) // structs of texts and numbers
	}
	command.Sending = c.tastes.Sending(c.random)
	return command
}
