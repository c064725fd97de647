package storetest

import (
	"crypto/rand"
	"strings"
	"time"

	"refold/projections"
)

// bank is the projection of the suite. Each has names that no other test has.
type bank struct {
	projections.Projection
	accounts *projections.Table
	row      func(account) any // of accounts
	put      func(account) projections.Change
	totals   projections.TableOf[total] // not a table of a store that can't merge
	odd      projections.TableOf[odd]
}

// account is a row that the events of one aggregate make. Some columns are called as SQL calls things.
type account struct {
	ID      string `column:"id,key,subject"`
	Balance int64  `column:"balance"`
	Order   int64  `column:"order"`
	Group   string `column:"group"`
}

// account2 is an account as a later version has it.
type account2 struct {
	Group   string    `column:"group"`
	Opened  time.Time `column:"opened"`
	ID      string    `column:"id,key,subject"`
	Order   int64     `column:"order"`
	Balance int64     `column:"balance"`
}

// total is a row that all accounts add to.
type total struct {
	Currency string  `column:"currency,key"`
	Number   int64   `column:"number,key"`
	Count    int64   `column:"count,sum"`
	Amount   int64   `column:"amount,sum"`
	Last     string  `column:"last"`
	Note     *string `column:"note"`
}

// odd has columns of all types.
type odd struct {
	Key     string          `column:"key,key"`
	At      int64           `column:"at,key"`
	About   string          `column:"about,subject"`
	Other   string          `column:"other,subject"`
	Text    string          `column:"text"`
	Integer int64           `column:"integer"`
	Real    float64         `column:"real"`
	Boolean bool            `column:"boolean"`
	Time    time.Time       `column:"time"`
	Bytes   []byte          `column:"bytes"`
	JSON    any             `column:"json"`
	NoText  *string         `column:"no_text"`
	NoInt   *int64          `column:"no_integer"`
	NoReal  *float64        `column:"no_real"`
	NoBool  *bool           `column:"no_boolean"`
	NoTime  *time.Time      `column:"no_time"`
	NoBytes *[]byte         `column:"no_bytes"`
	NoJSON  *map[string]any `column:"no_json"`
}

// newBank returns a projection that no store has yet. It has no sum columns if the store can't add.
func (s *suite) newBank() *bank {
	suffix := "_" + strings.ToLower(rand.Text()[:12])
	accounts := projections.NewTable[account]("accounts" + suffix)
	b := &bank{
		accounts: accounts.Table,
		row:      func(a account) any { return a },
		put:      accounts.Put,
		totals:   projections.NewTable[total]("totals" + suffix),
		odd:      projections.NewTable[odd]("odd" + suffix),
	}
	b.Name, b.Version = "bank"+suffix, 1
	b.Tables = projections.Tables{b.accounts, b.odd.Table}
	if s.can(NoMerge) {
		b.Tables = append(b.Tables, b.totals.Table)
	}
	return b
}

// next returns version 2 of a projection, with other columns of accounts in another order.
func (b *bank) next() *bank {
	accounts := projections.NewTable[account2](b.accounts.Name)
	second := *b
	second.Version = 2
	second.accounts = accounts.Table
	today := func(a account) account2 {
		return account2{
			Group: a.Group, Opened: time.Unix(a.Balance%1_000_000, 0), ID: a.ID, Order: a.Order,
			Balance: a.Balance,
		}
	}
	second.row = func(a account) any { return today(a) }
	second.put = func(a account) projections.Change { return accounts.Put(today(a)) }
	second.Tables = append(projections.Tables{second.accounts}, b.Tables[1:]...)
	return &second
}
