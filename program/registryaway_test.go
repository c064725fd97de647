package program

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// goAway lets the registry hang up on everybody until the returned function is called.
func (i *testbed) goAway() (comeBack func()) {
	i.t.Helper()
	i.cluster.Registry().Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		connection, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			i.t.Error(err)
			return false
		}
		if err := connection.Close(); err != nil {
			i.t.Error(err)
		}
		return true
	})
	return i.cluster.Registry().ClearInterceptors
}

// Given a worker that has run, when the registry is away, then it starts again, takes commands and reads its
// history; it says so once, and in a metric, until the registry answers again.
func TestAWorkerStartsWithoutTheRegistry(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	w.send("/accounts/alice", "open", "OpenAccount", `{"owner": "Alice", "currency": "EUR"}`)
	w.stop()
	comeBack := i.goAway()
	w = i.start("--registry.cache-ask-again", "50ms")
	r := w.send("/accounts/alice", "deposit", "DepositMoney", `{"amount": 5, "currency": "EUR"}`)
	if r.status != http.StatusOK {
		t.Errorf("a command is answered %+v", r)
	}
	if r := w.ask(http.MethodGet, "/accounts/alice?sequence=1", ""); r.status != http.StatusOK {
		t.Errorf("the past answers %+v", r)
	}
	const away, cached = "the schema registry is away", "\nrefold_registry_cached "
	if n := strings.Count(w.out.String(), away); n != 1 {
		t.Errorf("%d lines say that it is away, want 1:\n%s", n, w.out)
	}
	if metrics := w.text("/metrics"); !strings.Contains(metrics, cached+"1\n") {
		t.Errorf("no metric says that it is away:\n%s", metrics)
	}
	var out output
	if code := execute(t.Context(), &out, nil, append([]string{
		"schemas", "check", "--store.directory", i.store, "--registry.retry-limit", "100ms",
	}, i.reach()...)...); code == 0 {
		t.Errorf("a check took the cache's word for the registry's: %s", &out)
	}
	comeBack()
	eventually(t, func() bool { return strings.Contains(w.text("/metrics"), cached+"0\n") }, w.out)
	if r := w.ask(http.MethodGet, "/readyz", ""); r.status != http.StatusOK {
		t.Errorf("/readyz answers %+v", r)
	}
	w.stop()
}

// Without a cache it waits for the registry.
func TestAWorkerWithoutACacheWaitsForTheRegistry(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	i.start().stop()
	comeBack := i.goAway()
	w := i.begin("--registry.cache-directory", "", "--registry.retry-limit", "100ms",
		"--processor.backoff-max", "50ms")
	eventually(t, func() bool {
		r := w.ask(http.MethodGet, "/readyz", "")
		return r.status == http.StatusServiceUnavailable &&
			strings.Contains(fmt.Sprint(r.body), "schema registry unavailable")
	}, w.out)
	comeBack()
	eventually(t, func() bool { return w.ask(http.MethodGet, "/readyz", "").status == http.StatusOK }, w.out)
	w.stop()
}

// A registry that was restored from an old backup while it was away is told by /readyz.
func TestARegistryThatSaysSomethingElseIsTold(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	i.start().stop()
	comeBack := i.goAway()
	w := i.start("--registry.cache-ask-again", "50ms")
	i.cluster.Registry().Reset()
	comeBack()
	eventually(t, func() bool {
		r := w.ask(http.MethodGet, "/readyz", "")
		return r.status == http.StatusServiceUnavailable &&
			strings.Contains(fmt.Sprint(r.body), "docs/runbooks/restore-from-backup.md")
	}, w.out)
	w.stop()
}
