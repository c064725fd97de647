package storetest

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"refold/projections"
)

// deposit is an event of the suite: an amount to an account.
type deposit struct {
	account string
	amount  int64
}

// member plays a member of a projection's group: it folds the events of one partition into a build, from
// where that is, and writes rows, states and progress as the projector does.
type member struct {
	bank     *bank
	build    projections.OpenBuild
	progress projections.Progress
	merges   bool
}

// join returns a member that has claimed a partition.
func (s *suite) join(
	ctx context.Context, b *bank, build projections.OpenBuild, number int32,
) (*member, error) {
	m := &member{bank: b, build: build, merges: s.can(NoMerge)}
	claimed, err := build.Claim(ctx, []projections.Partition{partition(number)})
	if err != nil {
		return nil, fmt.Errorf("claiming partition %d: %w", number, err)
	}
	m.progress = claimed[0]
	return m, nil
}

// take writes the next events as one batch, so many at most, and reports whether there were any.
func (m *member) take(ctx context.Context, events []deposit, most int) (bool, error) {
	from := int(max(m.progress.Next, 0))
	to := min(from+most, len(events))
	if from >= to {
		return false, nil
	}
	b, err := m.fold(ctx, events[from:to])
	if err != nil {
		return false, err
	}
	a := step(m.progress, int64(to))
	b.Advances = []projections.Advance{a}
	if err := m.build.Write(ctx, b); err != nil {
		return false, fmt.Errorf("writing records %d to %d: %w", from, to, err)
	}
	m.progress = stepped(a)
	return true, nil
}

// takeAll writes all events, and waits while the build is held.
func (m *member) takeAll(ctx context.Context, events []deposit, most int) error {
	for {
		some, err := m.take(ctx, events, most)
		switch {
		case errors.Is(err, projections.ErrHeld):
			if !pause(ctx) {
				return err
			}
		case err != nil || !some:
			return err
		}
	}
}

// fold makes a batch of events, on top of the states that the build has.
func (m *member) fold(ctx context.Context, events []deposit) (*projections.Batch, error) {
	accounts, err := m.known(ctx, events)
	if err != nil {
		return nil, err
	}
	var changes projections.Changes
	for _, e := range events {
		a := accounts[e.account]
		a.ID, a.Balance, a.Order = e.account, a.Balance+e.amount, a.Order+1
		accounts[e.account] = a
		made := []projections.Change{m.bank.put(a)}
		if m.merges {
			made = append(made, m.bank.added(e))
		}
		if err := changes.AddAll(a.Order, made); err != nil {
			return nil, fmt.Errorf("adding %d to %s: %w", e.amount, e.account, err)
		}
	}
	b := &projections.Batch{Changes: changes.Sorted()}
	for id, a := range accounts {
		b.States = append(b.States, state(id, a.Order, strconv.FormatInt(a.Balance, 10)))
	}
	return b, nil
}

// known returns the accounts of events as the build's states say.
func (m *member) known(ctx context.Context, events []deposit) (map[string]account, error) {
	accounts := make(map[string]account)
	var subjects []string
	for _, e := range events {
		if _, asked := accounts[e.account]; !asked {
			accounts[e.account] = account{}
			subjects = append(subjects, e.account)
		}
	}
	stored, err := m.build.States(ctx, "account", subjects)
	if err != nil {
		return nil, fmt.Errorf("reading states: %w", err)
	}
	for _, s := range stored {
		balance, err := strconv.ParseInt(string(s.State), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("the state of %s: %w", s.Subject, err)
		}
		accounts[s.Subject] = account{ID: s.Subject, Balance: balance, Order: s.Sequence}
	}
	return accounts, nil
}

// currencies are the keys of totals. Every account adds to all of them in turn.
var currencies = []string{"CHF", "EUR", "JPY", "USD"}

// added is what a deposit adds to a total.
func (b *bank) added(e deposit) projections.Change {
	currency := currencies[uint64(e.amount)%uint64(len(currencies))]
	return b.totals.Merge(total{Currency: currency, Count: 1, Amount: e.amount}, "count", "amount")
}

// after returns what a build has after all events of some partitions, each taken once.
func (b *bank) after(merges bool, partitions ...[]deposit) contents {
	accounts := make(map[string]account)
	totals := make(map[string]total)
	for _, events := range partitions {
		for _, e := range events {
			a := accounts[e.account]
			a.ID, a.Balance, a.Order = e.account, a.Balance+e.amount, a.Order+1
			accounts[e.account] = a
			currency := currencies[uint64(e.amount)%uint64(len(currencies))]
			sum := totals[currency]
			sum.Currency, sum.Count, sum.Amount = currency, sum.Count+1, sum.Amount+e.amount
			totals[currency] = sum
		}
	}
	c := nothing()
	for _, a := range accounts {
		c = c.with(b.accounts, b.row(a))
	}
	if merges {
		for _, sum := range totals {
			c = c.with(b.totals.Table, sum)
		}
	}
	return c
}

// deposits returns events of a partition to some accounts of its own.
func deposits(number int32, accounts, events int) []deposit {
	all := make([]deposit, events)
	for i := range all {
		id := fmt.Sprintf("p%d-account-%d", number, i*7%accounts)
		all[i] = deposit{id, int64(i*31 + int(number))}
	}
	return all
}
