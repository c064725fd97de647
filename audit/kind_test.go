package audit_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"refold/audit"
)

// garageWorld is a garage that two cars have entered, of which one has left and paid, if it has.
func garageWorld(paid bool) *audit.World {
	k := &keeper{rings: map[string]*naive{}}
	w := emptyWorld(garages)
	opened := fields("spaces", int64(2), "pricePerHour", int64(250), "currency", "EUR")
	enter := func(plate string) {
		f := fields("plate", plate, "accountId", "alice")
		k.client(w, "enter-"+plate, "g-1", "EnterGarage", "", "CarEntered", f)
	}
	k.client(w, "open-g", "g-1", "OpenGarage", "", "GarageOpened", opened)
	enter("B-1")
	enter("B-2")
	car := fields("plate", "B-3", "accountId", "bob")
	k.client(w, "enter-B-3", "g-1", "EnterGarage", "garage-full", "", car)
	k.root = "leave-B-1"
	k.command(w, k.root, "", "g-1", "LeaveGarage", "", fields("plate", "B-1"), happened{"CarLeft", fields(
		"plate", "B-1", "accountId", "alice", "minutes", int64(7), "fee", int64(250), "currency", "EUR")})
	fees := []any{fields("sequence", int64(4), "plate", "B-1", "refused", false)}
	if paid {
		f := fields("sequence", int64(4), "paid", true)
		k.client(w, "settle-4", "g-1", "SettleFee", "", "FeeSettled", f)
		fees = []any{}
	}
	at := time.Date(2026, 3, 14, 15, 9, 26, 535_000_000, time.UTC)
	for i := range w.Events {
		w.Events[i].Time = at.Add(time.Duration(i) * time.Minute)
	}
	row := w.Rows["g-1"]
	row.State = fields("spaces", int64(2), "pricePerHour", int64(250), "currency", "EUR", "fees", fees,
		"cars", []any{fields("plate", "B-2", "accountId", "alice", "since", at.Add(2*time.Minute))})
	w.Rows["g-1"] = row
	w.Rows["g-2"] = onlyRejected(k, w)
	return w
}

// onlyRejected is the row of a garage whose only command was rejected.
func onlyRejected(k *keeper, w *audit.World) audit.Row {
	car := fields("plate", "B-1", "accountId", "bob")
	k.client(w, "enter-g-2", "g-2", "EnterGarage", "garage-not-open", "", car)
	row := w.Rows["g-2"]
	row.State = garages.Initial
	return row
}

// An aggregate of somebody's own is audited beside the others, by its fold alone.
func TestAKindOfSomebodysOwn(t *testing.T) {
	p := newPlace(t)
	kinds := []audit.Kind{audit.Accounts, audit.Orders, garages}
	for name, story := range map[string]struct {
		do   func(*audit.World)
		want counts
	}{
		"all is well": {func(*audit.World) {}, counts{}},
		"an event is doubled": {func(w *audit.World) {
			i := event(w, "CarLeft")
			w.Events = slices.Insert(w.Events, i, w.Events[i])
		}, counts{audit.Doubled: 1}},
		"an event is lost": {func(w *audit.World) {
			i := event(w, "FeeSettled")
			w.Events = slices.Delete(w.Events, i, i+1)
		}, counts{audit.Lost: 1, audit.Rows: 1}},
		"a row is wrong": {func(w *audit.World) {
			w.Rows["g-1"].State["cars"] = []any{}
		}, counts{audit.Rows: 1}},
		"a car is inside since another time": {func(w *audit.World) {
			car := w.Rows["g-1"].State["cars"].([]any)[0].(map[string]any)
			car["since"] = car["since"].(time.Time).Add(time.Millisecond)
		}, counts{audit.Rows: 1}},
		"a row's ring is wrong": {func(w *audit.World) { cutRing(w, "g-1") }, counts{audit.Rows: 1}},
		"more cars than spaces, and the row agrees": {func(w *audit.World) {
			w.Events[0].Fields["spaces"], w.Rows["g-1"].State["spaces"] = int64(1), int64(1)
		}, counts{audit.States: 1}},
		"a fee is left open": {func(w *audit.World) { *w = *garageWorld(false) }, counts{audit.States: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			world := garageWorld(true)
			story.do(world)
			p.in(t).write(wholeShop(), world).wants(audit.Options{Kinds: kinds}, story.want)
		})
	}

	w := p.write(wholeShop(), garageWorld(true))
	_, good := serve(t, wholeShop(), garageWorld(true))
	wrong := garageWorld(true)
	wrong.Rows["g-1"].State["spaces"] = int64(3)
	_, bad := serve(t, wholeShop(), wrong)
	summary := w.wants(audit.Options{Kinds: kinds, Workers: []string{good, bad}}, counts{audit.Rows: 1})
	if text := strings.Join(summary.Lines, "\n"); !strings.Contains(text, good+": 8 rows, 8 histories") {
		t.Errorf("not all views were compared:\n%s", text)
	}
	w.commit("garage-events", 2) // the last one is a marker
	w.wants(audit.Options{Kinds: kinds}, counts{audit.Behind: 1})
	w.wants(audit.Options{Kinds: []audit.Kind{garages, audit.Accounts}}, counts{
		audit.Behind: 1, // and no complaint of the process between accounts and orders
	})
	w.source.RingSizes = map[string]int{"garage": 1}
	w.wants(audit.Options{Kinds: kinds}, counts{audit.Behind: 1, audit.Rows: 1})
}

// A fold that panics has found an event that it can't be, and says nothing of others.
func TestAFoldThatPanics(t *testing.T) {
	w := garageWorld(true)
	w.Kind.Fold = func(garage map[string]any, e audit.Event) (map[string]any, error) {
		if e.Type == "FeeSettled" {
			panic("no such fee")
		}
		return foldGarage(garage, e)
	}
	w.Rows["g-1"].State["fees"] = []any{fields("sequence", int64(4), "plate", "B-1", "refused", false)}
	found := w.Check()
	if len(found) != 1 || found[0].Counter != audit.States ||
		!strings.Contains(found[0].What, "no such fee") {
		t.Errorf("found:\n%s", audit.Report(found))
	}
}

func TestKindsThatCantBeAudited(t *testing.T) {
	noFold := garages
	noFold.Fold = nil
	for want, kinds := range map[string][]audit.Kind{
		"lacks":                              {noFold},
		"two kinds":                          {garages, garages},
		`can't be checked without "account"`: {garages, audit.Orders},
	} {
		_, err := audit.Run(t.Context(), audit.Options{Kinds: kinds})
		if !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
