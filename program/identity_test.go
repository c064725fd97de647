package program

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"refold/client/wire"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/program/command"
)

// inPartition returns an ID that belongs into a partition of two.
func inPartition(prefix string, partition int32) string {
	for n := 0; ; n++ {
		if id := fmt.Sprintf("%s-%d", prefix, n); kafka.Partition([]byte(id), 2) == partition {
			return id
		}
	}
}

// G1: one Idempotency-Key to two aggregates at the same moment is two commands; both are decided, and each
// sender is told the outcome of its own: in different partitions, in one, and of two kinds.
func TestOneKeyToTwoAggregates(t *testing.T) {
	t.Parallel()
	const (
		pairs   = 40
		deposit = `{"amount": 500, "currency": "EUR"}`
		place   = `{"accountId": "nobody", "currency": "EUR", "lines": [{"sku": "tea", "quantity": 1, ` +
			`"unitPrice": 1, "currency": "EUR"}]}`
	)
	i := newTestbed(t)
	w := i.start()
	open := inPartition("open", 0)
	w.open(open)
	told := make([]reply, 4*pairs)
	var senders sync.WaitGroup
	for n := range pairs {
		key := fmt.Sprintf("key-%d", n)
		for k, to := range []string{open, inPartition("shut", 0), inPartition("shut", 1)} {
			senders.Go(func() { told[4*n+k] = w.send("/accounts/"+to, key, "DepositMoney", deposit) })
		}
		// An order may be called as an account is, and its command, too.
		order := fmt.Sprintf("/orders/order-%d", n)
		senders.Go(func() { told[4*n+3] = w.send(order, key, "PlaceOrder", place) })
	}
	senders.Wait()
	for n, got := range told {
		want := []int{http.StatusOK, http.StatusUnprocessableEntity}[min(n%4, 1)]
		if n%4 == 3 {
			want = http.StatusOK
		}
		if got.status != want || want != http.StatusOK && got.body["code"] != "account-not-open" {
			t.Errorf("sender %d of pair %d was told %d %v", n%4, n/4, got.status, got.body)
		}
	}
	a := w.ask(http.MethodGet, "/accounts/"+open+"?atLeast=41", "", "Prefer", "wait=30")
	if a.number("sequence") != pairs+1 || a.state("balance") != 500.0*pairs {
		t.Errorf("%d deposits: %v", pairs, a.body)
	}
	check := func() {
		t.Helper()
		one := w.ask(http.MethodGet, "/accounts/"+inPartition("shut", 0)+"/commands/key-7", "")
		if one.status != http.StatusOK || one.body["code"] != "account-not-open" {
			t.Errorf("%d %v", one.status, one.body)
		}
		all := w.ask(http.MethodGet, "/commands/key-7", "")
		commands, _ := all.body["commands"].([]any)
		if all.status != http.StatusMultipleChoices || len(commands) != 4 {
			t.Errorf("%d %v", all.status, all.body)
		}
		var statuses []string
		for _, c := range commands {
			command, _ := c.(map[string]any)
			self, _ := command["links"].(map[string]any)["self"].(string)
			if again := w.ask(http.MethodGet, self, ""); again.body["subject"] != command["subject"] {
				t.Errorf("GET %s: %v", self, again.body)
			}
			statuses = append(statuses, fmt.Sprint(command["status"]))
		}
		if want := []string{"accepted", "rejected", "rejected", "accepted"}; !slices.Equal(statuses, want) {
			t.Errorf("found %v, want %v", statuses, want)
		}
	}
	check()
	server := []string{"--server", w.server}
	expect(t, command.ExitFailed, []string{
		"accepted: DepositMoney to account " + open, "rejected: DepositMoney to account shut",
		"several commands have the ID", "name the aggregate",
	}, append([]string{"get", "--command", "key-7"}, server...)...)
	expect(t, 0, []string{"accepted: DepositMoney to account " + open},
		append([]string{"get", "account", open, "--command", "key-7"}, server...)...)
	expect(t, 0, []string{"accepted: DepositMoney (event 9)"}, append([]string{
		"send", "account", w.latest(open, 8), "DepositMoney", deposit, "--id", "key-one", "--wait", "30s",
	}, server...)...)

	// The index that is made anew knows the same.
	w.stop()
	i.store = t.TempDir()
	w = i.start()
	check()
	w.stop()
}

// latest opens a new account with so many events and returns its ID.
func (w *runningWorker) latest(like string, events int) string {
	w.t.Helper()
	name := like + "-new"
	w.open(name)
	w.deposit(name, events-1)
	return name
}

// Aggregates that came by the topic may have IDs that HTTP refuses in a POST. The API takes every link
// that it gives for them, and the command line finds them.
func TestIDsOfTheTopic(t *testing.T) {
	t.Parallel()
	ids := []string{
		strings.Repeat("x", 200), "..", ".", "/", "a/b", "a b", "50%", "é", "who?", "#1", "a,b", "%2F",
		strings.Repeat("/", 150), strings.Repeat("é", 150), "plain",
	}
	i := newTestbed(t)
	w := i.start()
	p := i.producer()
	for n, id := range ids {
		p.put(p.open(id, eventsourcing.Metadata{ID: fmt.Sprintf("open %d/%s", n, id)}))
	}
	eventually(t, func() bool {
		items, _ := w.ask(http.MethodGet, "/accounts", "").body["items"].([]any)
		return len(items) == len(ids)
	}, w.out)
	var listed []string
	for next := "/accounts?limit=1"; next != ""; {
		page := w.ask(http.MethodGet, next, "")
		if page.status != http.StatusOK {
			t.Fatalf("GET %s: %d %v", next, page.status, page.body)
		}
		items, _ := page.body["items"].([]any)
		for _, item := range items {
			row, _ := item.(map[string]any)
			listed = append(listed, fmt.Sprint(row["id"]))
			self, _ := row["links"].(map[string]any)["self"].(string)
			for _, path := range []string{"", "?atLeast=1", "?sequence=1", "/events"} {
				if a := w.ask(http.MethodGet, self+path, ""); a.status != http.StatusOK {
					t.Errorf("GET %s: %d %v", self+path, a.status, a.body)
				}
			}
		}
		next, _ = page.body["next"].(string)
	}
	slices.Sort(ids)
	if !slices.Equal(listed, ids) {
		t.Errorf("listed %q, want %q", listed, ids)
	}
	for _, a := range w.ask(http.MethodGet, "/accounts", "").body["items"].([]any) {
		id := fmt.Sprint(a.(map[string]any)["id"])
		command := w.ask(http.MethodGet, "/accounts/"+wire.Segment(id)+"/events", "").
			body["items"].([]any)[0].(map[string]any)["causationId"].(string)
		for _, args := range [][]string{
			{"get", "account", id},
			{"get", "account", id, "--command", command},
			{"get", "--command", command},
			{"history", "account", id},
			{"diff", "account", id, "--from", "0"},
			{"trace", command},
		} {
			expect(t, 0, nil, append(args, "--server", w.server)...)
		}
	}
	w.stop()
}

// A rebuild mends a row without an event: whoever has the old state is given the new one, and what was
// decided on the old one is not sent.
func TestValidatorsAfterARebuild(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	for _, name := range []string{"ann", "bob", "cid", "dan", "eve", "fay", "ivy"} { // in both partitions
		w.open(name)
	}
	w.stop()
	i.spoil()
	w = i.start("--rebuild.retry", "100ms", "--rebuild.report", "10ms")
	tag := func() string {
		t.Helper()
		response, err := http.Get(w.server + "/accounts/eve")
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		return response.Header.Get("ETag")
	}
	before := tag()
	a := w.ask(http.MethodGet, "/accounts/eve", "", "If-None-Match", before)
	if a.status != http.StatusNotModified {
		t.Errorf("the state that is there: %d %v", a.status, a.body)
	}
	i.rebuildAccounts(0, []string{"1 changed, 1 added, 1 removed (written)"})
	eventually(t, func() bool { return tag() != before }, w.out)
	a = w.ask(http.MethodGet, "/accounts/eve", "", "If-None-Match", before)
	if a.status != http.StatusOK || a.state("owner") != "owner of eve" || a.number("sequence") != 1 {
		t.Errorf("the state that was mended: %d %v", a.status, a.body)
	}
	const deposit = `{"amount": 500, "currency": "EUR"}`
	a = w.send("/accounts/eve", "on-old", "DepositMoney", deposit, "If-Match", before)
	if a.status != http.StatusPreconditionFailed || a.body["code"] != "precondition-failed" {
		t.Errorf("decided on the old state: %d %v", a.status, a.body)
	}
	a = w.send("/accounts/eve", "on-new", "DepositMoney", deposit, "If-Match", tag())
	if a.status != http.StatusOK {
		t.Errorf("decided on the new state: %d %v", a.status, a.body)
	}
	a = w.send("/accounts/eve", "by-sequence", "DepositMoney", deposit, "If-Match", `"2"`)
	if a.status != http.StatusOK {
		t.Errorf("by the sequence: %d %v", a.status, a.body)
	}
	w.stop()
}
