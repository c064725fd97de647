package accounts_test

import (
	"strings"
	"testing"

	"refold/eventsourcing"
	"refold/eventsourcing/scenario"
	"refold/processors/accounts"
)

// everywhere says what comes of every command at every point of an account's life.
const everywhere = `
                 new       empty       open        frozen    frozen-empty  closed
OpenAccount      accepted  already     already     already   already       closed
DepositMoney     not-open  accepted    accepted    accepted  accepted      closed
WithdrawMoney    not-open  funds       accepted    frozen    frozen        closed
ChargeAccount    not-open  funds       accepted    frozen    frozen        closed
RefundAccount    not-open  reference   accepted    accepted  reference     closed
FreezeAccount    not-open  accepted    accepted    frozen    frozen        closed
UnfreezeAccount  not-open  not-frozen  not-frozen  accepted  accepted      closed
CloseAccount     not-open  accepted    not-zero    frozen    frozen        closed
`

func TestDecide_everyCommandEverywhere(t *testing.T) {
	codes := map[string]string{
		"not-open":   accounts.CodeAccountNotOpen,
		"already":    accounts.CodeAccountAlreadyOpen,
		"closed":     accounts.CodeAccountClosed,
		"frozen":     accounts.CodeAccountFrozen,
		"not-frozen": accounts.CodeAccountNotFrozen,
		"funds":      accounts.CodeInsufficientFunds,
		"reference":  accounts.CodeReferenceUnknown,
		"not-zero":   accounts.CodeBalanceNotZero,
	}
	lines := strings.Split(strings.TrimSpace(everywhere), "\n")
	lives := strings.Fields(lines[0])
	if len(lines)-1 != len(commands) {
		t.Fatalf("the table has %d commands, there are %d", len(lines)-1, len(commands))
	}
	for _, line := range lines[1:] {
		words := strings.Fields(line)
		decided := commands[words[0]]
		for i, word := range words[1:] {
			t.Run(words[0]+" when "+lives[i], func(t *testing.T) {
				turn := scenario.Of(t, accounts.Decider).Given(pasts[lives[i]]...).
					When(decided.command)
				if word == "accepted" {
					turn.Then(decided.event)
				} else {
					turn.ThenRejected(codes[word])
				}
			})
		}
	}
}

// commands has one of each, and the event that comes of it.
var commands = func() map[string]decided {
	all := make(map[string]decided)
	for _, d := range []decided{
		{
			accounts.OpenAccount{Owner: "Bob", Currency: "USD"},
			accounts.AccountOpened{Owner: "Bob", Currency: "USD"},
		},
		{
			accounts.DepositMoney{Amount: 5, Currency: "EUR"},
			accounts.MoneyDeposited{Amount: 5, Currency: "EUR"},
		},
		{
			accounts.WithdrawMoney{Amount: 5, Currency: "EUR"},
			accounts.MoneyWithdrawn{Amount: 5, Currency: "EUR"},
		},
		{
			accounts.ChargeAccount{Amount: 5, Currency: "EUR", Reference: "order-2"},
			accounts.AccountCharged{Amount: 5, Currency: "EUR", Reference: "order-2"},
		},
		{
			accounts.RefundAccount{Amount: 5, Currency: "EUR", Reference: "order-1"},
			accounts.AccountRefunded{Amount: 5, Currency: "EUR", Reference: "order-1"},
		},
		{accounts.FreezeAccount{Reason: other("a check")}, accounts.AccountFrozen{Reason: other("a check")}},
		{accounts.UnfreezeAccount{}, accounts.AccountUnfrozen{}},
		{accounts.CloseAccount{}, accounts.AccountClosed{}},
	} {
		all[eventsourcing.TypeName(d.command)] = d
	}
	return all
}()

type decided struct {
	command accounts.Command
	event   accounts.Event
}

// pasts lead to each point of an account's life.
var pasts = func() map[string][]accounts.Event {
	opened := accounts.AccountOpened{Owner: "Alice", Currency: "EUR"}
	deposited := accounts.MoneyDeposited{Amount: 100, Currency: "EUR"}
	charged := accounts.AccountCharged{Amount: 30, Currency: "EUR", Reference: "order-1"}
	frozen := accounts.AccountFrozen{Reason: other("a check")}
	return map[string][]accounts.Event{
		"new":          nil,
		"empty":        {opened},
		"open":         {opened, deposited, charged},
		"frozen":       {opened, deposited, charged, frozen},
		"frozen-empty": {opened, frozen},
		"closed":       {opened, accounts.AccountClosed{}},
	}
}()
