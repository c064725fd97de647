package accounts_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"refold/eventsourcing"
	"refold/eventsourcing/scenario"
	"refold/processors/accounts"
	"refold/processors/foldtest"
)

const releasedSchemas = "../schemas/released"

type releases = foldtest.Releases[accounts.Account, accounts.Command, accounts.Event]

func openReleases(t *testing.T) *releases {
	t.Helper()
	return foldtest.OpenReleases(t, releasedSchemas, accounts.Definition)
}

// reason is a reason as versions 2 and 3 have it.
func reason(r accounts.Reason) map[string]any {
	return map[string]any{"reason": map[string]any{"kind": string(r.Kind), "text": r.Text}}
}

// Each version of the command and of the event is what it is today.
func TestReasonsOfAllVersions(t *testing.T) {
	r := openReleases(t)
	for _, test := range []struct {
		version int
		fields  map[string]any
		want    accounts.Reason
	}{
		{1, map[string]any{"reason": "court order 12/26"}, other("court order 12/26")},
		{2, reason(other("a check")), other("a check")},
		{
			2, reason(accounts.Reason{Kind: "STOLEN", Text: "the card"}),
			accounts.Reason{Kind: accounts.ReasonStolen, Text: "the card"},
		},
		{
			3, reason(accounts.Reason{Kind: "DECEASED", Text: "says the heir"}),
			accounts.Reason{Kind: accounts.ReasonDeceased, Text: "says the heir"},
		},
	} {
		command := r.Read(t, r.Write(t, "FreezeAccount", test.version, test.fields))
		if diff := cmp.Diff([]any{accounts.FreezeAccount{Reason: test.want}}, command); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", test.version, diff)
		}
		event := r.Read(t, r.Write(t, "AccountFrozen", test.version, test.fields))
		if diff := cmp.Diff([]any{accounts.AccountFrozen{Reason: test.want}}, event); diff != "" {
			t.Errorf("version %d (-want +got):\n%s", test.version, diff)
		}
	}
}

// Clients may go on sending what they have always sent.
func TestFreezeAccountAsJSON(t *testing.T) {
	r := openReleases(t)
	for sent, want := range map[string]accounts.Reason{
		`{"reason": "a check"}`:                                 other("a check"),
		`{"reason": {"kind": "STOLEN", "text": "the card"}}`:    {Kind: "STOLEN", Text: "the card"},
		`{"reason": {"kind": "FRAUD", "text": "many charges"}}`: {Kind: "FRAUD", Text: "many charges"},
	} {
		got, err := r.Opened.Commands.FromJSON("FreezeAccount", []byte(sent))
		if err != nil || got != (accounts.FreezeAccount{Reason: want}) {
			t.Errorf("%s is %#v, %v", sent, got, err)
		}
	}
	if got, err := r.Opened.Commands.FromJSON("FreezeAccount",
		[]byte(`{"reason": {"kind": "RUMOUR", "text": "they say so"}}`)); err == nil {
		t.Errorf("a kind that there is not is %#v", got)
	}
}

// A history of three releases is one history: it is folded, and decided on.
func TestHistoryOfThreeReleases(t *testing.T) {
	r := openReleases(t)
	unfrozen := r.Today(t, accounts.AccountUnfrozen{})
	history := [][]byte{
		r.Today(t, accounts.AccountOpened{Owner: "Zoë", Currency: "EUR"}),
		r.Write(t, "AccountFrozen", 1, map[string]any{"reason": "a check"}), unfrozen,
		r.Write(t, "AccountFrozen", 2, reason(accounts.Reason{Kind: "STOLEN", Text: "the card"})), unfrozen,
		r.Write(t, "AccountFrozen", 3, reason(accounts.Reason{Kind: "FRAUD", Text: "many charges"})),
	}
	row := func(at int, status accounts.Status, frozenFor string) {
		t.Helper()
		want := eventsourcing.Snapshot[accounts.Account]{Sequence: int64(at), State: accounts.Account{
			Status: status, Owner: "Zoë", Currency: "EUR", FrozenFor: frozenFor,
		}}
		if diff := cmp.Diff(want, r.Fold(t, history[:at]...), cmpopts.EquateEmpty(),
			cmpopts.IgnoreFields(want, "Recent")); diff != "" {
			t.Errorf("at %d (-want +got):\n%s", at, diff)
		}
	}
	row(2, accounts.StatusFrozen, "OTHER")
	row(4, accounts.StatusFrozen, "STOLEN")
	row(5, accounts.StatusOpen, "")
	row(6, accounts.StatusFrozen, "FRAUD")

	past := scenario.Of(t, accounts.Decider)
	for _, event := range history {
		for _, value := range r.Read(t, event) {
			past = past.Given(value.(accounts.Event)) //nolint:forcetypeassert // the test fails if not
		}
	}
	past.When(accounts.WithdrawMoney{Amount: 1, Currency: "EUR"}).ThenRejected(accounts.CodeAccountFrozen).
		When(accounts.UnfreezeAccount{}).Then(accounts.AccountUnfrozen{})
}

// A row of fold version 1 is what a rebuild would make of it: no reason had a kind then.
func TestRowsOfFoldVersion1(t *testing.T) {
	r := openReleases(t)
	opened := r.Today(t, accounts.AccountOpened{Owner: "Zoë", Currency: "EUR"})
	charged := r.Today(t, accounts.AccountCharged{Amount: 5, Currency: "EUR", Reference: "order-1"})
	frozen := r.Write(t, "AccountFrozen", 1, map[string]any{"reason": "a check"})
	for status, history := range map[string][][]byte{
		"open":   {opened, charged},
		"frozen": {opened, charged, frozen},
		"closed": {opened, charged, r.Today(t, accounts.AccountClosed{})},
	} {
		charges := []any{map[string]any{"reference": "order-1", "refundable": int64(5)}}
		if status == "closed" {
			charges = []any{}
		}
		row := r.Row(t, r.Write(t, "AccountRow", 1, map[string]any{
			"status": status, "owner": "Zoë", "currency": "EUR", "balance": int64(-5),
			"charges": charges, "sequence": int64(len(history)), "recent": []byte{},
		}))
		if diff := cmp.Diff(r.Fold(t, history...), row, cmpopts.EquateEmpty(),
			cmpopts.IgnoreFields(row, "Recent")); diff != "" {
			t.Errorf("%s (-fold +row):\n%s", status, diff)
		}
	}
}

// Whichever releases have written a history, its fold is that of the same history written today.
func TestHistoryOfAnyReleases_property(t *testing.T) {
	r := openReleases(t)
	rapid.Check(t, func(t *rapid.T) {
		var state accounts.Account
		var today, mixed [][]byte
		handle := func(command accounts.Command) {
			events, err := accounts.Decider.Decide(eventsourcing.Context{}, state, command)
			if err != nil {
				return
			}
			for _, event := range events {
				state = accounts.Decider.Evolve(state, recorded(event)[0])
				today = append(today, r.Today(t, event))
				mixed = append(mixed, writtenBy(t, r, event))
			}
		}
		handle(accounts.OpenAccount{Owner: "Alice", Currency: "EUR"})
		for range rapid.IntRange(1, 20).Draw(t, "commands") {
			handle(rapid.SampledFrom([]accounts.Command{
				accounts.DepositMoney{Amount: 10, Currency: "EUR"},
				accounts.ChargeAccount{Amount: 1, Currency: "EUR", Reference: rapid.String().Draw(t, "for")},
				accounts.FreezeAccount{Reason: accounts.Reason{
					Kind: accounts.ReasonKind(rapid.SampledFrom(kinds).Draw(t, "kind")), Text: "a check",
				}},
				accounts.UnfreezeAccount{},
			}).Draw(t, "command"))
		}
		got := r.Fold(t, mixed...)
		if diff := cmp.Diff(r.Fold(t, today...), got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-today +mixed):\n%s", diff)
		}
		if diff := cmp.Diff(state, got.State, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("(-live +mixed):\n%s", diff)
		}
	})
}

var kinds, _ = accounts.ReasonOther.AvroSymbols()

// writtenBy writes an event as one of the releases that could: a kind of reason is as old as its version.
func writtenBy(t *rapid.T, r *releases, event accounts.Event) []byte {
	frozen, is := event.(accounts.AccountFrozen)
	if !is {
		return r.Today(t, event)
	}
	first := 3
	switch kind := slices.Index(kinds, string(frozen.Reason.Kind)); {
	case kind == 0:
		first = 1
	case kind < 3:
		first = 2
	}
	version := rapid.IntRange(first, 3).Draw(t, "version")
	fields := reason(frozen.Reason)
	if version == 1 {
		fields = map[string]any{"reason": frozen.Reason.Text}
	}
	return r.Write(t, "AccountFrozen", version, fields)
}
