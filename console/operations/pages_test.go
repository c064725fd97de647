package operations_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"refold/console/consoletest"
	"refold/console/frame"
	"refold/console/operations"
)

// TestPagesShowWhatOthersWroteAsText looks at every page with markup in all that others may write.
func TestPagesShowWhatOthersWroteAsText(t *testing.T) {
	c := serve(t, full(), frame.Operate)
	for _, path := range []string{
		"partitions", "rebuilds", "rebuilds/r1", "rebuilds/r2", "read-models", "verification",
		"verification/v1", "verification/v2", "transactions", "schemas", "schemas/bank.Opened",
		"configuration", "alerts/runbooks/stalled",
	} {
		page := c.Get(t, "/console/operations/"+path).Want(http.StatusOK)
		page.Escaped()
		if len(consoletest.All(page.Root, "a", "href", "/console/operations", "aria-current", "page")) == 0 {
			t.Errorf("%s: the tab is not marked", path)
		}
		if size := len(page.Body); size > 50_000 {
			t.Errorf("%s has %d bytes", path, size)
		}
	}
	c.Get(t, "/console/operations").Want(http.StatusSeeOther)
	c.Get(t, "/console/operations/alerts").Want(http.StatusOK, "RefoldPartitionStalled", "Nothing commits.")
}

func TestWhatNeedsAttentionComesFirst(t *testing.T) {
	now := consoletest.Now
	partition := func(n int32) operations.Partition {
		return operations.Partition{Topic: "commands", Number: n, Owner: "w1", Standbys: []string{"w2"}}
	}
	all := make([]operations.Partition, 20)
	for i := range all {
		all[i] = partition(int32(i))
	}
	all[11].Lag, all[11].Oldest = 12_345, now.Add(-time.Minute)
	all[13].Owner = ""
	all[17].Held = []string{"topics"}
	f := &fake{overview: operations.Overview{At: now, Groups: []operations.Group{
		{Kind: "process", Name: "calm", Partitions: []operations.Partition{partition(0)}},
		{Kind: "aggregate", Name: "busy", Partitions: all},
	}}}
	c := serve(t, f)
	page := c.Get(t, "/console/operations/partitions").
		Want(http.StatusOK, "3 partitions need attention", "12,345 records wait")
	order := []string{"busy", "commands/17", "commands/13", "commands/11", "commands/0", "calm"}
	text, at := consoletest.Text(page.Root), 0
	for _, want := range order {
		i := strings.Index(text[at:], want)
		if i < 0 {
			t.Fatalf("%s does not come in the order %v:\n%s", want, order, text)
		}
		at += i
	}
	page.Without("commands/19")
	c.Get(t, page.Link("Show 13 more that are well")).Want(http.StatusOK, "commands/19").Without("calm")
	c.Get(t, "/console/operations/partitions?group=none").Want(http.StatusNotFound)
}

func TestWhatCantBeReadIsSaid(t *testing.T) {
	f := full()
	f.away = errStore
	c := serve(t, f)
	for _, path := range []string{"partitions", "read-models", "transactions", "schemas"} {
		c.Get(t, "/console/operations/"+path).
			Want(http.StatusServiceUnavailable, "The store does not answer.")
	}
}

func TestEstimates(t *testing.T) {
	c := serve(t, full())
	c.Get(t, "/console/operations/read-models").Want(http.StatusOK, "25%", "about 3 min left")
	c.Get(t, "/console/operations/rebuilds/r1").Want(http.StatusOK, "25%", "about 1 min 15 s left")
	c.Get(t, "/console/operations/rebuilds").Want(http.StatusOK, "75%")
}

func TestSettingsAreFiltered(t *testing.T) {
	c := serve(t, full())
	const path = "/console/operations/configuration"
	c.Get(t, path).Want(http.StatusOK, "http.idle", "is set; not shown", "environment X")
	c.Get(t, path+"?given=true").Want(http.StatusOK, "http.address").Without("http.idle")
	c.Get(t, path+"?q=IDLE").Want(http.StatusOK, "http.idle").Without("http.address")
	c.Get(t, path+"?q=nothing").Want(http.StatusOK, "No option fits.")
}

func TestSchemasAreCompared(t *testing.T) {
	c := serve(t, full())
	page := c.Get(t, "/console/operations/schemas?q=opened").Want(http.StatusOK, "bank.Opened")
	// The latest version is not the program's own schema: what the program changes is shown.
	c.Get(t, page.Link("bank.Opened")).
		Want(http.StatusOK, "not compatible", "from version 2 to the program", "breaks forward",
			"give it one")
	c.Get(t, "/console/operations/schemas/bank.Opened?from=1&to=2").
		Want(http.StatusOK, "from version 1 to version 2")
	c.Get(t, "/console/operations/schemas/bank.Opened?from=2&to=2").Want(http.StatusOK, "nothing changed")
	c.Get(t, "/console/operations/schemas/bank.Opened?from=9").Want(http.StatusNotFound)
	c.Get(t, "/console/operations/schemas/bank.Opened?from=x").Want(http.StatusBadRequest)
	c.Get(t, "/console/operations/schemas/none").Want(http.StatusNotFound)
}

func TestRunbookOfAnAlert(t *testing.T) {
	c := serve(t, full())
	page := c.Get(t, "/console/operations/alerts").Want(http.StatusOK, "somebody is waiting: now")
	c.Get(t, page.Link("Runbook")).Want(http.StatusOK, "Stalled", "RefoldPartitionStalled")
	c.Get(t, "/console/operations/alerts/runbooks/none").Want(http.StatusNotFound)
}
