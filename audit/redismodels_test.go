package audit_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"

	"refold/audit"
)

// cards writes the card of a dated shop's account into a Redis, by hand.
func (w *written) cards() *miniredis.Miniredis {
	w.Helper()
	server := miniredis.RunT(w.T)
	tag := "{" + w.prefix + "account_card}"
	set := func(key string, fields ...string) { server.HSet(tag+":"+key, fields...) }
	set(".builds", "1", "dropped", "2", "there", "3", "there")
	if err := server.Set(tag+":.live", "3"); err != nil {
		w.Fatal(err)
	}
	for number, status := range map[string]string{"2": "kept", "3": "live"} {
		set(number+":.build", "version", "1", "folds", "account=2", "status", status)
		events, sequence, balance := 11, int64(10), int64(750)
		state := accountOf("Alice", balance, chargeOf("order-0", 50), chargeOf("order-2", 0),
			chargeOf("order-3", 0), chargeOf("order-4", 50), chargeOf("order-5", 50))
		if status == "kept" {
			events, sequence, balance = 2, 2, 1000
			state = accountOf("Alice", balance)
		}
		topic := w.prefix + "account-events/"
		set(number+":.progress", topic+"0/epoch", "1", topic+"0/next", strconv.Itoa(events),
			topic+"1/epoch", "1", topic+"1/next", "-1")
		set(number+":.states", "account/alice", fmt.Sprintf("%d:%s", sequence,
			w.stateOf("account", sequence, state)))
		set(number+":account_card:alice", "account_id", "alice", "owner", "Alice", "status", "open",
			"currency", "EUR", "balance", fmt.Sprint(balance), "available", fmt.Sprint(balance),
			"sequence", fmt.Sprint(sequence))
	}
	return server
}

// Each damage is in Redis, and the audit counts it.
func TestDamageOfCardsIsCounted(t *testing.T) {
	w := newPlace(t).write(datedShop())
	tag := "{" + w.prefix + "account_card}:"
	one := counts{audit.Models: 1}
	for name, damage := range map[string]struct {
		do   func(*miniredis.Miniredis)
		want counts
		says string
	}{
		"all is well": {func(*miniredis.Miniredis) {}, counts{}, "read models: 2 builds in 1 databases"},
		"a card is changed": {
			func(r *miniredis.Miniredis) { r.HSet(tag+"3:account_card:alice", "available", "0") },
			one, "row alice of account_card: available is 0, its events make 750",
		},
		"a card lacks a column": {
			func(r *miniredis.Miniredis) { r.HDel(tag+"3:account_card:alice", "owner") },
			one, "owner is null, its events make Alice",
		},
		"a card is missing": {
			func(r *miniredis.Miniredis) { r.Del(tag + "3:account_card:alice") },
			one, "account_card lacks the row alice",
		},
		"a card is too much": {func(r *miniredis.Miniredis) {
			r.HSet(tag+"3:account_card:bob", "account_id", "bob")
		}, one, "account_card has a row bob, which no event makes"},
		"a state is behind": {func(r *miniredis.Miniredis) {
			r.HSet(tag+"3:.states", "account/alice", r.HGet(tag+"2:.states", "account/alice"))
		}, one, "the state of account alice is at 2, its events come to 10"},
		"the kept build is wrong": {func(r *miniredis.Miniredis) {
			r.HSet(tag+"2:account_card:alice", "balance", "1")
		}, one, "build 2 of account_card: row alice of account_card: balance is 1"},
		"readers follow another build": {
			func(r *miniredis.Miniredis) { _ = r.Set(tag+".live", "2") },
			one, "readers of account_card see 1 rows that are not the 1 rows of build 3",
		},
		"readers follow none": {
			func(r *miniredis.Miniredis) { r.Del(tag + ".live") },
			one, "readers of account_card see 0 rows",
		},
		"all is lost": {
			func(r *miniredis.Miniredis) { r.FlushAll() },
			one, "no build of account_card is live",
		},
		"the progress is beyond the end": {func(r *miniredis.Miniredis) {
			r.HSet(tag+"3:.progress", w.prefix+"account-events/0/next", "12")
		}, counts{audit.Ahead: 1}, "up to offset 12, and it ends at 11"},
	} {
		t.Run(name, func(t *testing.T) {
			here := *w
			here.place = w.in(t)
			server := here.cards()
			damage.do(server)
			summary := here.wants(audit.Options{
				ReadModels: []audit.ReadModel{audit.AccountCard},
				Databases:  []string{"redis://" + server.Addr()},
			}, damage.want)
			said := summary.Tally.String() + strings.Join(summary.Lines, "\n")
			if !strings.Contains(said, damage.says) {
				t.Errorf("want %q in\n%s", damage.says, said)
			}
		})
	}
}

// A read model that can't be folded, and an address of no database, are errors at once.
func TestReadModelsThatCantBeAudited(t *testing.T) {
	w := newPlace(t).write(datedShop())
	lacking := audit.AccountCard
	lacking.Fold = nil
	for want, o := range map[string]audit.Options{
		`must be like postgres://`: {
			ReadModels: booked, Databases: []string{"mysql://root:secret@host/db"},
		},
		"no read model is among": {Databases: []string{"sqlite:a.db"}},
		"no such file":           {ReadModels: booked, Databases: []string{"sqlite:/nowhere/a.db"}},
		`"account_card" lacks`:   {ReadModels: []audit.ReadModel{lacking}},
		"there are two":          {ReadModels: []audit.ReadModel{audit.AccountCard, audit.AccountCard}},
		`reads "order", and there is no such kind`: {
			Kinds: []audit.Kind{audit.Accounts}, ReadModels: []audit.ReadModel{audit.OrderSearch},
		},
	} {
		o.Source = w.source
		_, err := audit.Run(t.Context(), o)
		if text := fmt.Sprint(err); !strings.Contains(text, want) || strings.Contains(text, "secret") {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
