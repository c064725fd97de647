package program

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/kafka"
)

// ways to lose a topic, as operators, scripts and disks do.
const (
	deleted = "deleted"
	remade  = "deleted and made again"
	emptied = "emptied" // DeleteRecords up to the end
	oneLost = "emptied in one partition"
	quickly = "100ms"
)

// lose loses a topic.
func (i *testbed) lose(topic, way string) {
	i.t.Helper()
	ctx, admin := context.WithoutCancel(i.t.Context()), i.admin()
	switch way {
	case deleted, remade:
		i.deleteTopic(topic)
		if way == remade {
			i.makeTopic(topic)
		}
	case emptied, oneLost:
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err != nil {
			i.t.Fatal(err)
		}
		offsets := ends.Offsets()
		if way == oneLost {
			offsets.KeepFunc(func(o kadm.Offset) bool { return o.Partition == 0 })
		}
		responses, err := admin.DeleteRecords(ctx, offsets)
		if err == nil {
			err = responses.Error()
		}
		if err != nil {
			i.t.Fatal(err)
		}
	}
}

func (i *testbed) deleteTopic(topic string) {
	i.t.Helper()
	responses, err := i.admin().DeleteTopics(context.WithoutCancel(i.t.Context()), topic)
	if err == nil {
		err = responses.Error()
	}
	if err != nil {
		i.t.Fatal(err)
	}
}

// makeTopic makes a topic by hand.
func (i *testbed) makeTopic(topic string) {
	i.t.Helper()
	partitions := int32(2)
	policy := kadm.StringPtr("delete")
	if strings.HasSuffix(topic, "-table") || topic == "refolds" {
		policy = kadm.StringPtr("compact")
	}
	if topic == "refolds" || topic == "dead-letters-settled" || topic == "installation" {
		partitions = 1
	}
	if _, err := i.admin().CreateTopic(context.WithoutCancel(i.t.Context()), partitions, 1,
		map[string]*string{"cleanup.policy": policy}, topic); err != nil {
		i.t.Fatal(err)
	}
}

// eventsOf counts the events of an account by their sequence, of all topics that there are.
func (i *testbed) eventsOf(account string) map[string]int {
	i.t.Helper()
	ids, err := i.admin().ListTopics(context.WithoutCancel(i.t.Context()))
	if err != nil {
		i.t.Fatal(err)
	}
	counts := map[string]int{}
	if !ids.Has("account-events") {
		return counts
	}
	for _, r := range i.records("account-events") {
		if string(r.Key) == account {
			counts[header(r, "ce_sequence")]++
		}
	}
	return counts
}

// accountsIn are two accounts, one in each partition.
func accountsIn() [2]string { return [2]string{keyOf(0, 7), keyOf(1, 7)} }

// says waits until /readyz is red and says all of it.
func (w *runningWorker) says(wants ...string) {
	w.t.Helper()
	eventually(w.t, func() bool {
		text := w.text("/readyz")
		for _, want := range wants {
			if !strings.Contains(text, want) {
				return false
			}
		}
		return strings.Contains(text, `"ready":false`)
	}, describing{w})
}

// describing is what a worker says when a test fails.
type describing struct{ w *runningWorker }

func (d describing) String() string { return d.w.text("/readyz") + "\n" + d.w.out.String() }

// A topic of an aggregate is lost, in each way, while workers run and while none does. Nothing of it is made
// anew, nothing is decided on what is left, no event gets a sequence that was given before (G2), and
// /readyz says what is wrong and where to read on. The other aggregate goes on.
func TestLostTopic(t *testing.T) {
	const book = "docs/runbooks/lost-topic.md"
	for _, test := range []struct {
		topic, way string
		says       string // of /readyz; empty: it goes on
	}{
		{"account-commands", deleted, "topic account-commands is lost"},
		{"account-commands", remade, "topic account-commands was made anew"},
		{"account-commands", emptied, ""}, // as retention does
		{"account-events", deleted, "topic account-events is lost"},
		{"account-events", remade, "topic account-events was made anew"},
		{"account-events", emptied, "account-events/0 starts at offset"},
		{"account-events", oneLost, "account-events/0 starts at offset"},
		{"account-results", deleted, "topic account-results is lost"},
		{"account-results", remade, "topic account-results was made anew"},
		{"account-results", emptied, ""}, // as retention does
		{"accounts-table", deleted, "topic accounts-table is lost"},
		{"accounts-table", remade, "topic accounts-table was made anew"},
		{"accounts-table", emptied, "accounts-table/0 starts at offset"},
		{"accounts-table", oneLost, "accounts-table/0 starts at offset"},
	} {
		for _, running := range []bool{false, true} {
			name := fmt.Sprintf("%s %s running=%v", test.topic, test.way, running)
			t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
				t.Parallel() // each waits for moments in which a worker looks
				i := newTestbed(t)
				w := i.start("--topics.check-interval", quickly)
				accounts := accountsIn()
				for _, account := range accounts {
					w.open(account)
					w.deposit(account, 1)
				}
				if !running {
					w.stop()
				}
				i.lose(test.topic, test.way)
				if !running {
					i.store = t.TempDir() // nothing that a disk still knows helps
					w = i.begin("--topics.check-interval", quickly)
				}
				if test.says == "" {
					eventually(t, func() bool {
						return w.ask(http.MethodGet, "/readyz", "").status == http.StatusOK
					}, describing{w})
					w.goesOn(keyOf(0, 8))
				} else {
					w.says(test.says, book)
					before := i.eventsOf(accounts[0])
					if test.topic != commandsTopic || test.way != deleted {
						i.triesToOpen(accounts[0])
					}
					w.orderGoesOn()
					if after := i.eventsOf(accounts[0]); fmt.Sprint(after) != fmt.Sprint(before) {
						t.Errorf("events of the account by sequence: %v, then %v", before, after)
					}
					if test.way == oneLost {
						w.goesOn(keyOf(1, 8))
					}
					w.says(test.says, book)
				}
				w.stop()
				for sequence, n := range i.eventsOf(accounts[0]) {
					if n > 1 {
						t.Errorf("%d events have sequence %s", n, sequence)
					}
				}
				i.neverMade(test.topic, test.way)
			})
		}
	}
}

// triesToOpen sends a command that opens an account which is open, past the API.
func (i *testbed) triesToOpen(account string) {
	i.t.Helper()
	p := i.producer()
	p.put(p.open(account, eventsourcing.Metadata{ID: "again-" + noise(8)}))
}

// orderGoesOn checks that a command of the other aggregate is handled.
func (w *runningWorker) orderGoesOn() {
	w.t.Helper()
	path, id := "/orders/"+noise(8), noise(8)
	eventually(w.t, func() bool {
		w.send(path, id, "PlaceOrder", `{"accountId": "zoe", "currency": "EUR", "lines": [
			{"sku": "tea", "quantity": 1, "unitPrice": 100, "currency": "EUR"}]}`)
		return w.ask(http.MethodGet, path, "").number("sequence") >= 1
	}, describing{w})
}

// neverMade checks that a topic that was deleted was not made by a client of ours.
func (i *testbed) neverMade(topic, way string) {
	i.t.Helper()
	if way != deleted {
		return
	}
	ids, err := kafka.TopicIDs(context.WithoutCancel(i.t.Context()), i.franz(), topic)
	if err != nil || len(ids) != 0 {
		i.t.Errorf("the topic was made: %v, %v", ids, err)
	}
}

// franz is a client of the cluster.
func (i *testbed) franz() *kgo.Client {
	i.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(i.cluster.Brokers()...))
	if err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(client.Close)
	return client
}
