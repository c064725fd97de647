package program

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/program/command"
	"refold/snapshots/rebuild/reset"
)

// copyTo copies topics to another installation, as a backup does, but for what left says.
func (i *testbed) copyTo(other *testbed, left func(*kgo.Record) bool, topics ...string) {
	i.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(other.cluster.Brokers()...),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		i.t.Fatal(err)
	}
	defer client.Close()
	for _, topic := range topics {
		for _, r := range i.records(topic) {
			if left(r) {
				continue
			}
			if err := client.ProduceSync(i.t.Context(), &kgo.Record{
				Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value, Headers: r.Headers,
				Timestamp: r.Timestamp,
			}).FirstErr(); err != nil {
				i.t.Fatal(err)
			}
		}
	}
}

func nothing(*kgo.Record) bool { return false }

// restored is another installation with the schemas and topics of a first one, and nothing in them.
func (i *testbed) restored() *testbed {
	i.t.Helper()
	other := newTestbed(i.t)
	w := other.start() // makes topics and schemas; these get the same IDs in the same order
	w.stop()
	if _, err := other.admin().DeleteGroup(i.t.Context(), "accounts"); err != nil {
		i.t.Fatal(err)
	}
	return other
}

// The events topic was restored from a backup; all else is lost. Rows are there again, and nothing is
// handled twice.
func TestResetAfterEventsWereRestored(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	i.story()
	other := i.restored()
	i.copyTo(other, nothing, "account-events")
	other.reset(t.Context(), 0, "--yes")
	w := other.start()
	if got := w.ask(http.MethodGet, "/accounts/ann", ""); got.number("sequence") != 21 {
		t.Errorf("got %+v", got)
	}
	w.deposit("bob", 3) // whose commands the events name
	if got := w.ask(http.MethodGet, "/accounts/bob", ""); got.number("sequence") != 4 {
		t.Errorf("got %+v", got)
	}
	other.verifyAccounts(0, "--worker", w.server)
	w.stop()
}

// Commands, events, results and dead letters were restored, at other offsets; the table and the group's
// offsets are lost. The offsets are found by what was handled.
func TestResetFindsOffsets(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	rows, _ := i.story()
	other := i.restored()
	i.copyTo(other, nothing, commandsTopic, "account-events", "account-results")
	other.reset(t.Context(), 0, "--yes")
	other.same(rows)
	other.after()
}

// Commands that were restored with other times are known by their IDs. If none of them is known, nobody
// can tell whether they were handled.
func TestResetOfOtherCommands(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	rows, _ := i.story()
	other := i.restored()
	i.copyTo(other, func(r *kgo.Record) bool {
		r.Timestamp = r.Timestamp.Add(time.Hour)
		return false
	}, commandsTopic)
	i.copyTo(other, nothing, "account-events", "account-results")
	other.reset(t.Context(), 0, "--yes")
	other.same(rows)
	other.after()

	third := i.restored()
	i.copyTo(third, func(r *kgo.Record) bool { return !strings.HasPrefix(string(r.Key), "new-") },
		commandsTopic)
	i.copyTo(third, nothing, "account-events", "account-results")
	text := third.reset(t.Context(), command.ExitRefused, "--yes")
	if !strings.Contains(text, "--all-commands") {
		t.Errorf("it says\n%s", text)
	}
	third.reset(t.Context(), 0, "--yes", "--all-commands")
	w := third.start()
	for n := range 3 {
		path := fmt.Sprintf("/accounts/new-%d", n)
		eventually(t, func() bool { return w.ask(http.MethodGet, path, "").number("sequence") == 1 }, w.out)
	}
	third.verifyAccounts(0, "--worker", w.server)
	w.stop()
}

// A backup of events that is older than the results: somebody has to say that it is known.
func TestResetRefusesLostEvents(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	i.story()
	other := i.restored()
	last := i.last("account-events", "eve").Offset
	i.copyTo(other, func(r *kgo.Record) bool { return string(r.Key) == "eve" && r.Offset == last },
		"account-events")
	i.copyTo(other, nothing, commandsTopic, "account-results")
	text := other.reset(t.Context(), command.ExitFailed, "--yes")
	if !strings.Contains(text, "events are lost") ||
		!strings.Contains(text, "--events-lost") {
		t.Errorf("it says\n%s", text)
	}
	if at := slices.Max([]int64{other.offsets()[0], other.offsets()[1]}); at != reset.Mark {
		t.Errorf("workers may start, at %d", at)
	}
	other.reset(t.Context(), 0, "--yes", "--events-lost")
	w := other.start()
	if got := w.ask(http.MethodGet, "/accounts/eve", ""); got.number("sequence") != 3 {
		t.Errorf("got %+v", got)
	}
	w.stop()
}
