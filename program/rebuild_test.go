package program

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/program/command"
)

// rebuildAccounts runs rebuild on an installation's accounts, and looks for what it prints.
func (i *testbed) rebuildAccounts(code int, wants []string, flags ...string) {
	i.t.Helper()
	args := append([]string{"rebuild", "accounts", "--log.level", "error"}, i.reach()...)
	expect(i.t, code, wants, append(args, flags...)...)
}

// spoil makes rows of the table wrong while no worker runs: bob's is gone, eve's is another's, and ghost
// has one without an event.
func (i *testbed) spoil() {
	i.t.Helper()
	const table = "accounts-table"
	i.write(
		&kgo.Record{Topic: table, Key: []byte("bob")},
		&kgo.Record{Topic: table, Key: []byte("eve"), Value: i.last(table, "fay").Value},
		&kgo.Record{Topic: table, Key: []byte("ghost"), Value: i.last(table, "fay").Value},
	)
}

// G4, G7: rows that are not the fold of their events are shown by a dry run, which writes nothing, and
// mended by a rebuild, while the worker goes on. Asking again finds nothing to do.
func TestRebuild(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	for _, name := range []string{"ann", "bob", "cid", "dan", "eve", "fay", "ivy"} { // in both partitions
		w.open(name)
	}
	w.stop()
	i.spoil()
	w = i.start("--rebuild.retry", "100ms", "--rebuild.report", "10ms")
	stop := w.busy("gil", "hal")
	defer stop()

	i.rebuildAccounts(command.ExitDifferences, []string{
		"1 changed, 1 added, 1 removed (found; nothing was written)",
		"added bob", "removed ghost", "changed eve",
		`state.owner              is "owner of fay", should be "owner of eve"`,
	}, "--dry-run")
	if found, _ := i.verifyAccounts(command.ExitDiffers, "--no-workers"); len(found) != 3 {
		t.Errorf("a dry run has written: %+v", found)
	}
	i.rebuildAccounts(0, []string{"1 changed, 1 added, 1 removed (written)"}, "--by", "mallory, ticket 4711")
	i.verifyAccounts(0, "--worker", w.server)
	i.rebuildAccounts(0, []string{"0 changed, 0 added, 0 removed"})
	i.rebuildAccounts(0, []string{"mallory, ticket 4711", "done"}, "--list")
	i.rebuildAccounts(0, []string{"0 changed, 0 added, 0 removed"}, "--watch")
	stop()
	i.verifyAccounts(0, "--worker", w.server)
}

// The same by HTTP: asked for, looked at, and refused where it makes no sense.
func TestRebuildByHTTP(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start("--rebuild.report", "10ms")
	w.open("ann")
	post := func(path, body string) reply {
		return w.ask(http.MethodPost, path, body, "Content-Type", "application/json")
	}
	asked := post("/admin/rebuilds", `{"aggregate": "accounts"}`)
	if asked.status != http.StatusAccepted {
		t.Fatalf("%+v", asked)
	}
	id, _ := asked.body["id"].(string)
	var rebuilt reply
	eventually(t, func() bool {
		rebuilt = w.ask(http.MethodGet, "/rebuilds/"+id, "")
		return rebuilt.body["stage"] == "done"
	}, w.out)
	if text, _ := json.Marshal(rebuilt.body["totals"]); !strings.Contains(string(text), `"equal":1`) {
		t.Errorf("%s", text)
	}
	for _, test := range []struct {
		path, body, code string
		status           int
	}{
		{"/admin/rebuilds", `{"aggregate": "planets"}`, "", http.StatusNotFound},
		{"/admin/rebuilds", `{"aggregate": 5}`, "", http.StatusBadRequest},
		{"/admin/rebuilds/" + id + "/cancel", ``, "rebuild-ended", http.StatusConflict},
		{"/admin/rebuilds/none/cancel", ``, "", http.StatusNotFound},
	} {
		got := post(test.path, test.body)
		if got.status != test.status || test.code != "" && got.body["code"] != test.code {
			t.Errorf("%s %s: %+v", test.path, test.body, got)
		}
	}
	expect(t, command.ExitFailed, []string{"no rebuild of accounts is going on"},
		append([]string{"rebuild", "accounts", "--cancel"}, i.reach()...)...)
	expect(t, command.ExitFailed, []string{"only one of"},
		append([]string{"rebuild", "accounts", "--cancel", "--list"}, i.reach()...)...)
	expect(t, command.ExitFailed, []string{"planets"},
		append([]string{"rebuild", "planets"}, i.reach()...)...)
}
