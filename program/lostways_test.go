package program

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/program/command"
)

// topics runs a command about topics, and returns what it says.
func (i *testbed) topics(code int, args ...string) string {
	i.t.Helper()
	return expect(i.t, code, nil, append(append([]string{"topics"}, args...),
		"--kafka.brokers", strings.Join(i.cluster.Brokers(), ","),
		"--topics.partitions", "2", "--topics.replication-factor", "1")...)
}

// has checks what was said.
func has(t *testing.T, text string, wants ...string) {
	t.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

// isReady waits until the worker is.
func (w *runningWorker) isReady() *runningWorker {
	w.t.Helper()
	eventually(w.t, func() bool { return w.ask(http.MethodGet, "/readyz", "").status == http.StatusOK },
		describing{w})
	return w
}

// An operator makes a lost table again, in the order of docs/runbooks/lost-topic.md. The program names a step
// that was left out.
func TestLostTableIsMadeAgain(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	rows, _ := i.story()
	i.deleteTopic("accounts-table")
	has(t, i.topics(command.ExitDifferences, "plan"), "topic accounts-table is lost")
	has(t, i.topics(command.ExitDifferences, "apply"), "topic accounts-table is lost")
	if n := len(i.present("accounts-table")); n != 0 {
		t.Fatal("it was made")
	}
	has(t, i.topics(command.ExitFailed, "adopt"), "name the topics")
	has(t, i.topics(0, "adopt", "accounts-table", "--note", "a test"), "accounts-table: none instead of")
	has(t, i.topics(command.ExitDifferences, "plan"), "accounts-table: topic is missing")
	has(t, i.topics(0, "apply"), topicsAreRight(t))
	has(t, i.topics(0, "adopt", "--all"), "nothing to adopt")

	w := i.begin()
	w.says("has events, and accounts-table/", "is empty: the table was lost")
	w.stop()
	i.reset(t.Context(), 0, "--yes")
	i.same(rows)
	i.after()
}

// present are the IDs of a topic, if it is there.
func (i *testbed) present(topic string) map[string]kadm.TopicID {
	i.t.Helper()
	ids, err := kafka.TopicIDs(context.WithoutCancel(i.t.Context()), i.franz(), topic)
	if err != nil {
		i.t.Fatal(err)
	}
	return ids
}

// Events are lost for good, and somebody says so: what is left without them goes, and the accounts begin
// anew.
func TestLostEventsAreGivenUp(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	w.open("ann")
	w.stop()
	i.deleteTopic("account-events")
	i.topics(0, "adopt", "account-events")
	i.topics(0, "apply")
	w = i.begin()
	w.says("and account-events/", "is empty: the events were lost")
	w.stop()
	has(t, i.reset(t.Context(), command.ExitFailed, "--yes"), "events are lost")
	i.reset(t.Context(), 0, "--yes", "--events-lost")
	w = i.start()
	w.goesOn("ann")
	w.stop()
}

// An installation starts by itself however it came to be, and goes on.
func TestInstallationsThatStart(t *testing.T) {
	for name, prepare := range map[string]func(*testbed) *testbed{
		"new": func(i *testbed) *testbed { return i },
		"new, topics made before": func(i *testbed) *testbed {
			i.topics(0, "apply")
			return i
		},
		"another disk": func(i *testbed) *testbed {
			i.lived()
			i.store = i.t.TempDir()
			return i
		},
		"of a release that remembered no topics": func(i *testbed) *testbed {
			i.lived()
			i.deleteTopic("installation")
			return i
		},
		"its memory was emptied": func(i *testbed) *testbed {
			i.lived()
			i.lose("installation", emptied)
			return i
		},
		"its memory was made by hand, with more partitions": func(i *testbed) *testbed {
			if _, err := i.admin().CreateTopic(i.t.Context(), 3, 1, nil, "installation"); err != nil {
				i.t.Fatal(err)
			}
			i.lived()
			return i
		},
		"a copy, with its offsets": func(i *testbed) *testbed {
			i.lived()
			other := i.restored()
			i.copyTo(other, nothing, commandsTopic, "account-events", "account-results", "accounts-table")
			i.copyOffsets(other)
			return other
		},
		"restored from events": func(i *testbed) *testbed {
			i.lived()
			other := i.restored()
			i.copyTo(other, nothing, "account-events")
			other.reset(i.t.Context(), 0, "--yes")
			return other
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			i := prepare(newTestbed(t))
			w := i.start()
			for n := range 2 {
				w.goesOn(keyOf(int32(n), 30))
			}
			second := &testbed{t: t, cluster: i.cluster, store: t.TempDir(), program: i.program} // and scaled
			other := second.start()
			w.goesOn(keyOf(0, 31))
			other.goesOn(keyOf(1, 31))
			other.stop()
			w.stop()
			i.start().stop()
			for sequence, n := range i.eventsOf("ann") {
				if n != 1 {
					t.Errorf("%d events have sequence %s", n, sequence)
				}
			}
		})
	}
}

// lived has an installation do something.
func (i *testbed) lived() {
	i.t.Helper()
	w := i.start()
	w.open("ann")
	w.deposit("ann", 2)
	w.stop()
}

// copyOffsets copies those of the accounts' group, by how far they are from the end: records were copied
// without the markers between them.
func (i *testbed) copyOffsets(other *testbed) {
	i.t.Helper()
	ends, err := other.admin().ListEndOffsets(i.t.Context(), commandsTopic)
	if err == nil {
		err = other.admin().CommitAllOffsets(i.t.Context(), "accounts", ends.Offsets())
	}
	if err != nil {
		i.t.Fatal(err)
	}
}

// A copy that has the memory of the first one, whose topics have other IDs: nothing is handled until
// somebody says that it is what it should be.
func TestCopyWithTheMemoryOfAnother(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	i.lived()
	other := newTestbed(t)
	specs := []string{commandsTopic, "account-events", "account-results", "accounts-table"}
	for _, topic := range append(slices.Clip(specs), "installation") {
		other.makeTopic(topic)
	}
	i.copyTo(other, nothing, specs...)
	client := other.franz()
	for _, r := range i.first("installation") {
		if err := client.ProduceSync(t.Context(), &kgo.Record{
			Topic: r.Topic, Key: r.Key, Value: r.Value,
		}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	i.copyOffsets(other)
	w := other.begin("--topics.check-interval", quickly)
	w.says("topic accounts-table was made anew", "topic orders-table is lost")
	has(t, other.topics(0, "adopt", "--all", "--note", "restored"), "orders-table: none instead of")
	w.isReady() // by itself
	w.deposit("ann", 4)
	w.stop()
}

// first are the records of a topic's first partition.
func (i *testbed) first(topic string) (all []*kgo.Record) {
	i.t.Helper()
	options, err := kafka.Settings{Brokers: i.cluster.Brokers()}.Options()
	if err != nil {
		i.t.Fatal(err)
	}
	if _, err := kafka.ReadPartition(i.t.Context(), options, kafka.Range{Topic: topic, From: kafka.FromStart},
		func(records []*kgo.Record, _ kafka.Progress) error {
			all = append(all, records...)
			return nil
		}); err != nil {
		i.t.Fatal(err)
	}
	return all
}

// The memory and the table are lost: nobody knows the table's ID, and what is in the topics does not fit.
func TestMemoryAndTableAreLost(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	i.lived()
	i.deleteTopic("installation")
	i.deleteTopic("accounts-table")
	w := i.begin()
	w.says("has events, and accounts-table/")
	i.triesToOpen("ann")
	w.orderGoesOn()
	w.stop()
	if counts := i.eventsOf("ann"); len(counts) != 3 || counts["1"] != 1 {
		t.Errorf("events of the account by sequence: %v", counts)
	}
}

// The topics that aggregates share, or that are not theirs: who stands still, and who goes on.
func TestOtherLostTopics(t *testing.T) {
	all := []string{"accounts", "orders", "order-payments"}
	for _, test := range []struct {
		topic string
		stand []string // the groups that handle nothing
		red   bool
	}{
		{"dead-letters", all, true},
		{"refolds", []string{"accounts", "orders"}, true},
		{"order-payments-loop", []string{"order-payments"}, true},
		{"order-commands", []string{"orders", "order-payments"}, true},
		{"dead-letters-settled", nil, true},
		{"installation", nil, false},
	} {
		for _, way := range []string{deleted, remade} {
			t.Run(test.topic+"_"+strings.ReplaceAll(way, " ", "_"), func(t *testing.T) {
				t.Parallel()
				i := newTestbed(t)
				w := i.start("--topics.check-interval", quickly)
				w.open("ann")
				i.lose(test.topic, way)
				if test.red {
					w.says("topic " + test.topic + " ")
					for _, group := range all {
						w.stands(group, slices.Contains(test.stand, group))
					}
				}
				if len(test.stand) == 0 || !slices.Contains(test.stand, "accounts") {
					w.deposit("ann", 1)
				}
				w.stop()
				if test.red {
					i.topics(0, "adopt", test.topic)
				}
				w = i.start("--topics.check-interval", quickly)
				w.goesOn("bob")
				w.orderGoesOn()
				w.stop()
			})
		}
	}
}

// stands waits until a group's check is red for the lost topic, or checks that it is not.
func (w *runningWorker) stands(group string, want bool) {
	w.t.Helper()
	is := func() bool {
		_, after, _ := strings.Cut(w.text("/readyz"), `"name":"`+group+`-processor"`)
		check, _, _ := strings.Cut(after, "}")
		return strings.Contains(check, "lost-topic.md")
	}
	if want {
		eventually(w.t, is, describing{w})
	} else if is() {
		w.t.Errorf("group %s stands still: %s", group, w.text("/readyz"))
	}
}

// A broker lost the last rows of a partition, or somebody wrote old ones: nothing is decided on them. A
// refold mends them while the worker holds the partition, which goes on then.
func TestLastRowsAreLost(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	name := keyOf(0, 7)
	w.open(name)
	old := i.last("accounts-table", name)
	w.deposit(name, 2)
	w.stop()
	i.write(&kgo.Record{Topic: old.Topic, Key: old.Key, Value: old.Value})
	w = i.begin("--topics.check-interval", quickly, "--rebuild.retry", quickly)
	w.says("at sequence 1, and its last event", "is 3: the last rows were lost")
	// As soon as the row is written, the partition fits and gets a new session. If that is before the
	// refold has recorded that it is done, it begins again, and finds the row equal. What counts is the row.
	i.rebuildAccounts(0, []string{"is done"})
	w.isReady()
	w.goesOn(keyOf(0, 8))
	i.verifyAccounts(0, "--worker", w.server)
	w.stop()
}
