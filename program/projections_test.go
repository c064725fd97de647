package program

import (
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite" // reads what the worker has written, beside it

	"refold/program/command"
)

// G12: a worker fills the read models of its program. Their commands wait for one's own write, find rows by
// whom they are about, find and mend a row that somebody has changed, and fill a build anew, beside the one
// that readers see.
func TestReadModels(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	path := filepath.Join(t.TempDir(), "read-models.db")
	file := []string{"--projections.sqlite.path", path}
	w := i.start(append(file, "--projections.share", "1")...)
	w.open("alice")
	r := w.send("/accounts/alice", "deposit-1", "DepositMoney", `{"amount": 500, "currency": "EUR"}`)
	at := r.header.Get("X-Refold-Position")
	if at != "account/alice@2" {
		t.Fatalf("the answer's position is %q", at)
	}
	run := func(code int, wants []string, args ...string) string {
		t.Helper()
		flags := append(append(i.reach(), file...), "--log.level", "error")
		return expect(t, code, wants, append(args, flags...)...)
	}
	run(0, nil, "project", "wait", "accounts_current", at)
	run(command.ExitPending, []string{"does not show account/alice@99"},
		"project", "wait", "accounts_current", "account/alice@99", "--timeout", "50ms")
	database, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	balance := func() (cents int64) {
		t.Helper()
		query := "SELECT balance FROM accounts_current WHERE account_id = 'alice'"
		if err := database.QueryRowContext(t.Context(), query).Scan(&cents); err != nil {
			t.Fatal(err)
		}
		return cents
	}
	if cents := balance(); cents != 500 {
		t.Errorf("the balance is %d", cents)
	}
	run(0, []string{`"table":"accounts_current"`, `"owner":`}, "project", "rows", "--subject", "alice")
	run(0, []string{"all equal"}, "verify", "--projection", "accounts_current")

	spoil := "UPDATE accounts_current__1 SET balance = 7 WHERE account_id = 'alice'"
	if _, err := database.ExecContext(t.Context(), spoil); err != nil {
		t.Fatal(err)
	}
	run(command.ExitDiffers, []string{`"what":"differs"`, `"stored":7,"right":500`},
		"verify", "--projection", "accounts_current")
	run(0, []string{"1 rows mended"}, "verify", "--projection", "accounts_current", "--mend")
	if cents := balance(); cents != 500 {
		t.Errorf("the balance is %d after mending", cents)
	}

	run(0, []string{"build 2 of accounts_current begins"}, "project", "rebuild", "accounts_current")
	eventually(t, func() bool {
		var out output
		execute(t.Context(), &out, nil, append([]string{"project", "builds", "accounts_current", "--json"},
			append(i.reach(), file...)...)...)
		return strings.Contains(out.String(), `"build":2,"version":1,"folds":"account=2","status":"live"`)
	}, w.out)
	run(0, []string{"build 1 of accounts_current is live"}, "project", "take-over", "accounts_current", "1")
	run(0, []string{"build 2 of accounts_current is gone"}, "project", "drop", "accounts_current", "2")
	run(command.ExitFailed, []string{"no projection \"nothing\" has a store", "accounts_current"},
		"project", "builds", "nothing")
	if ready := w.ask(http.MethodGet, "/readyz", ""); ready.status != http.StatusOK {
		t.Errorf("the worker is not ready: %v", ready.body)
	}
	w.stop()
}
