package audit_test

import (
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/audit"
)

// poison writes what can't be decoded into the accounts' commands, and returns where it is.
func (w *written) poison() audit.Poison {
	w.Helper()
	record := &kgo.Record{Topic: w.prefix + "account-commands", Key: []byte("alice"), Value: []byte("poison")}
	w.produce(record)
	w.commit("account-commands", 0)
	return audit.Poison{Topic: record.Topic, Partition: record.Partition, Offset: record.Offset}
}

// setAside writes a dead letter.
func (w *written) setAside(p audit.Poison) {
	w.Helper()
	w.produce(&kgo.Record{
		Topic: w.prefix + "dead-letters", Value: []byte("poison"), Headers: headers(
			"refold_topic", p.Topic, "refold_partition", sprint(p.Partition),
			"refold_offset", sprint(p.Offset), "refold_reason", "not-wire-format"),
	})
}

// G8: the dead letters are the poison, each once; and poison needs no outcome.
func TestDeadLettersAreThePoison(t *testing.T) {
	p := newPlace(t)
	for name, story := range map[string]struct {
		do   func(w *written) (sent []audit.Poison)
		want counts
	}{
		"poison, set aside": {func(w *written) []audit.Poison {
			sent := w.poison()
			w.setAside(sent)
			return []audit.Poison{sent, sent} // noted twice is sent once
		}, counts{}},
		"a dead letter is missing": {func(w *written) []audit.Poison {
			return []audit.Poison{w.poison()}
		}, counts{audit.Letters: 1, audit.Lost: 1}},
		"a dead letter was no poison": {func(w *written) []audit.Poison {
			w.setAside(w.poison())
			return nil
		}, counts{audit.Letters: 1}},
		"a dead letter is there twice": {func(w *written) []audit.Poison {
			sent := w.poison()
			w.setAside(sent)
			w.setAside(sent)
			return []audit.Poison{sent}
		}, counts{audit.Letters: 1}},
		"a dead letter is of another offset": {func(w *written) []audit.Poison {
			sent := w.poison()
			other := sent
			other.Offset += 1000
			w.setAside(other)
			return []audit.Poison{sent}
		}, counts{audit.Letters: 2, audit.Lost: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := p.in(t).write(wholeShop())
			sent := story.do(w)
			w.wants(audit.Options{Poison: []string{w.lines(anys(sent)...)}}, story.want)
		})
	}
}

// A process may set aside what it reads: then nothing has to follow from it.
func TestNothingFollowsFromTheDeadLettersOfAProcess(t *testing.T) {
	shop := wholeShop()
	// The charge of the last order and all behind it was never sent.
	k := newKeeper()
	k.client(k.shop.Orders, "place", "order-9", "PlaceOrder", "", "OrderPlaced", placed())
	shop.Orders = k.shop.Orders
	shop.Accounts = emptyWorld(audit.Accounts)
	row := shop.Orders.Rows["order-9"]
	row.State = orderOf("placed", "pending")
	shop.Orders.Rows["order-9"] = row
	w := newPlace(t).write(shop)
	pending := counts{audit.States: 1} // it is neither paid nor declined for as long
	w.wants(audit.Options{}, counts{audit.States: 1, audit.Processes: 1})
	aside := audit.Poison{Topic: w.prefix + "order-events"}
	w.setAside(aside)
	w.wants(audit.Options{Poison: []string{w.lines(aside)}}, pending)
}

// G3: what is not decided, and what was not read, is counted; what was aborted is nothing.
func TestWhatIsLeftOverIsCounted(t *testing.T) {
	p := newPlace(t)
	extra := func(w *written, topic string) *kgo.Record {
		return &kgo.Record{Topic: w.prefix + topic, Key: []byte("alice"), Value: []byte("half a batch")}
	}
	for name, story := range map[string]struct {
		do   func(w *written)
		want counts
	}{
		"a transaction is open": {func(w *written) {
			w.begin(extra(w, "account-events"))
		}, counts{audit.Open: 1}},
		"one is open where a process reads": {func(w *written) {
			w.begin(extra(w, "order-events"))
		}, counts{audit.Open: 1, audit.Behind: 1}},
		"one is open in all of a batch": {func(w *written) {
			w.begin(extra(w, "account-events"), extra(w, "accounts-table"), extra(w, "dead-letters"))
		}, counts{audit.Open: 3}},
		"one was aborted": {func(w *written) {
			w.transact(kgo.TryAbort, extra(w, "account-events"), extra(w, "accounts-table"),
				extra(w, "order-events"))
		}, counts{}},
		"one was aborted, and behind it one is open": {func(w *written) {
			w.transact(kgo.TryAbort, extra(w, "account-events"))
			w.begin(extra(w, "account-events"))
		}, counts{audit.Open: 1}},
		"an offset of the accounts is behind": {func(w *written) {
			w.commit("account-commands", 1)
		}, counts{audit.Behind: 1}},
		"an offset of the process is behind": {func(w *written) {
			w.commit("account-results", 2) // the last one is a marker
		}, counts{audit.Behind: 1}},
		"only a marker is behind": {func(w *written) { w.commit("account-results", 1) }, counts{}},
	} {
		t.Run(name, func(t *testing.T) {
			w := p.in(t).write(wholeShop())
			story.do(w)
			w.wants(audit.Options{}, story.want)
		})
	}
}

// What is no longer there can't be checked, and that is no verdict.
func TestTopicsMustBeWhole(t *testing.T) {
	w := newPlace(t).write(wholeShop())
	cut := kadm.Offsets{}
	cut.AddOffset(w.prefix+"account-events", 0, 3, -1)
	done, err := w.admin.DeleteRecords(t.Context(), cut)
	if err == nil {
		err = done.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
	if summary, err := audit.Run(t.Context(), audit.Options{Source: w.source}); err == nil {
		t.Fatalf("a topic without its beginning has a verdict: %s", summary)
	}
}
