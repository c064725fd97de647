package program

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Two pods share the partitions of the accounts. Each answers for all of them: a client need not know which
// pod has what (G11). When one stops, the other takes over.
func TestAnyPodAnswers(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	flags := []string{"--topics.partitions", "4"}
	a := i.start(flags...)
	i.store = t.TempDir()
	b := i.start(flags...)
	pods := []*runningWorker{a, b}
	eventually(t, func() bool { // each pod has heard that both have some
		return !slices.ContainsFunc(pods, func(w *runningWorker) bool { return !w.serves(2) })
	}, b.out)

	var accounts []string
	for n := range 12 {
		id, w := fmt.Sprintf("alice-%02d", n), pods[n%2]
		accounts = append(accounts, id)
		w.accepts(id, `{"type": "OpenAccount", "data": {"owner": "Alice", "currency": "EUR"}}`)
		// The other pod, without a wait: what one pod has said, no pod goes back behind (G10).
		other := pods[(n+1)%2]
		other.accepts(id, `{"type": "DepositMoney", "data": {"amount": 100, "currency": "EUR"}}`)
		for _, w := range pods {
			got := w.ask(http.MethodGet, "/accounts/"+id+"?atLeast=2", "")
			state, _ := got.body["state"].(map[string]any)
			if got.status != http.StatusOK || state["balance"] != 100.0 {
				t.Fatalf("%s at %s: %+v", id, w.server, got)
			}
			history := w.ask(http.MethodGet, "/accounts/"+id+"/events", "")
			if items, _ := history.body["items"].([]any); len(items) != 2 {
				t.Fatalf("the history of %s at %s: %+v", id, w.server, history)
			}
		}
	}
	for _, w := range pods {
		if got := w.listed(); !slices.Equal(got, accounts) {
			t.Errorf("%s lists %v, want %v", w.server, got, accounts)
		}
	}
	same := func(path string) {
		t.Helper()
		one, other := a.ask(http.MethodGet, path, ""), b.ask(http.MethodGet, path, "")
		if one.status != 200 || fmt.Sprint(one.body) != fmt.Sprint(other.body) {
			t.Errorf("%s: %+v\nthe other pod: %+v", path, one, other)
		}
	}
	sent := a.send("/accounts/alice-00", "k-1", "DepositMoney", `{"amount": 1, "currency": "EUR"}`)
	if sent.status != 200 {
		t.Fatalf("%+v", sent)
	}
	same("/commands/k-1")
	same("/traces/k-1")
	same("/accounts/alice-00/commands/k-1")

	a.stop()
	eventually(t, func() bool { return b.serves(1) && slices.Equal(b.listed(), accounts) }, b.out)
	for _, id := range accounts {
		b.accepts(id, `{"type": "DepositMoney", "data": {"amount": 1, "currency": "EUR"}}`)
	}
	var out output
	if code := execute(t.Context(), &out, nil, "owners", "--server", b.server); code != 0 ||
		strings.Count(out.String(), " here") != 8 {
		t.Errorf("exit code %d\n%s", code, &out)
	}
}

// While one pod keeps all partitions and another one only its own, as in a change of views.placement, both
// answer.
func TestPlacementsSideBySide(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	a := i.start("--views.placement", "everywhere")
	i.store = t.TempDir()
	b := i.start()
	eventually(t, func() bool { return a.serves(1) && b.serves(2) }, b.out)
	var accounts []string
	for n := range 6 {
		id := fmt.Sprintf("alice-%02d", n)
		accounts = append(accounts, id)
		b.accepts(id, `{"type": "OpenAccount", "data": {"owner": "Alice", "currency": "EUR"}}`)
		for _, w := range []*runningWorker{a, b} {
			got := w.ask(http.MethodGet, "/accounts/"+id+"?atLeast=1", "", "Prefer", "wait=20")
			if got.status != http.StatusOK {
				t.Errorf("%s at %s: %+v", id, w.server, got)
			}
		}
	}
	for _, w := range []*runningWorker{a, b} {
		if got := w.listed(); !slices.Equal(got, accounts) {
			t.Errorf("%s lists %v, want %v", w.server, got, accounts)
		}
	}
}

// serves reports whether the worker is ready, and knows so many pods that share all partitions.
func (w *runningWorker) serves(pods int) bool {
	w.t.Helper()
	return len(w.owners()) == pods && w.ask(http.MethodGet, "/readyz", "").status == http.StatusOK
}

// owners returns the pods that have accounts, as far as this one knows, and nothing while a partition has
// none.
func (w *runningWorker) owners() map[string]bool {
	w.t.Helper()
	pods := map[string]bool{}
	aggregates, _ := w.ask(http.MethodGet, "/owners", "").body["aggregates"].([]any)
	for _, aggregate := range aggregates {
		partitions, _ := aggregate.(map[string]any)["partitions"].([]any)
		for _, partition := range partitions {
			pod, _ := partition.(map[string]any)["instance"].(string)
			if pod == "" {
				return nil
			}
			pods[pod] = true
		}
	}
	return pods
}

// accepts sends a command to an account, and expects that it is accepted.
func (w *runningWorker) accepts(account, body string) {
	w.t.Helper()
	got := w.ask(http.MethodPost, "/accounts/"+account+"/commands", body, "Prefer", "wait=20")
	if got.status != http.StatusOK || got.body["status"] != "accepted" {
		w.t.Fatalf("a command to %s at %s: %+v", account, w.server, got)
	}
}

// listed returns the IDs of all accounts, of pages that are short; nothing if the list is refused.
func (w *runningWorker) listed() (ids []string) {
	w.t.Helper()
	for next := "/accounts?limit=5"; next != ""; {
		page := w.ask(http.MethodGet, next, "")
		if page.status != http.StatusOK {
			return nil
		}
		items, _ := page.body["items"].([]any)
		for _, item := range items {
			id, _ := item.(map[string]any)["id"].(string)
			ids = append(ids, id)
		}
		next, _ = page.body["next"].(string)
	}
	return ids
}
