package program

import (
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
	"refold/processors/accounts"
)

// fewRemembered are settings with which rows remember two commands, and nothing is remembered beside them.
var fewRemembered = []string{
	"--aggregates.account.recent-commands", "2", "--aggregates.account.remember", "0s",
}

// G1, as docs/idempotency.md tells it: the same command ID twice, at once, over other connections,
// after a restart, and after the ring of recent commands has turned over.
func TestCommandsSentTwice(t *testing.T) {
	t.Parallel()
	const (
		alice   = "/accounts/alice"
		deposit = `{"amount": 500, "currency": "EUR"}`
	)
	cluster := newTestbed(t)
	w := cluster.start(fewRemembered...)
	balance := func(want int64, atLeast int64) {
		t.Helper()
		a := w.ask(http.MethodGet, fmt.Sprintf("%s?atLeast=%d", alice, atLeast), "", "Prefer", "wait=30")
		if got := a.state("balance"); got != float64(want) || a.number("sequence") != atLeast {
			t.Fatalf("got %v, want a balance of %d at sequence %d", a.body, want, atLeast)
		}
	}
	again := func(when string) {
		t.Helper()
		a := w.send(alice, "salary", "DepositMoney", deposit)
		if a.status != http.StatusOK || a.number("firstSequence") != 2 {
			t.Errorf("%s: got %d %v, want the first outcome", when, a.status, a.body)
		}
	}

	w.send(alice, "open", "OpenAccount", `{"owner": "Alice", "currency": "EUR"}`)
	var senders sync.WaitGroup
	for range 32 {
		senders.Go(func() { again("at once") })
	}
	senders.Wait()
	again("afterwards")
	balance(500, 2)

	w.stop()
	w = cluster.start(fewRemembered...)
	again("after a restart")
	w.stop()
	cluster.store = t.TempDir()
	w = cluster.start(fewRemembered...)
	again("after the disk was lost")
	for n := range 3 {
		w.send(alice, fmt.Sprintf("bonus-%d", n), "DepositMoney", deposit)
	}
	balance(2000, 5)
	again("after the ring has turned over")
	balance(2000, 5)

	sentTwiceByTopic(t, cluster, w)
	w.stop()
}

// G1 for a time, by the commands topic: a command that the ring has forgotten, and one that was rejected,
// get their first outcomes; also from the first command on of a worker that takes over without a local
// store.
func TestCommandsAreRememberedForATime(t *testing.T) {
	t.Parallel()
	const (
		alice   = "/accounts/alice"
		deposit = `{"amount": 500, "currency": "EUR"}`
	)
	cluster := newTestbed(t)
	oneRemembered := []string{"--aggregates.account.recent-commands", "1"}
	w := cluster.start(oneRemembered...)
	w.send(alice, "open", "OpenAccount", `{"owner": "Alice", "currency": "EUR"}`)
	w.send(alice, "salary", "DepositMoney", deposit)
	w.send(alice, "too-much", "WithdrawMoney", `{"amount": 900, "currency": "EUR"}`)
	for n := range 3 {
		w.send(alice, fmt.Sprintf("bonus-%d", n), "DepositMoney", deposit)
	}
	again := func(when string) {
		t.Helper()
		result := cluster.produce(eventsourcing.Metadata{ID: "salary"},
			accounts.DepositMoney{Amount: 500, Currency: "EUR"})
		if !result.Accepted || result.FirstSequence != 2 || result.LastSequence != 2 {
			t.Errorf("%s: the deposit is now %+v", when, result)
		}
		result = cluster.produce(eventsourcing.Metadata{ID: "too-much"},
			accounts.WithdrawMoney{Amount: 900, Currency: "EUR"})
		if result.Code != "insufficient-funds" {
			t.Errorf("%s: the withdrawal is now %+v", when, result)
		}
		if at := w.ask(http.MethodGet, alice, "").number("sequence"); at != 5 {
			t.Errorf("%s: the account is at %d", when, at)
		}
	}
	again("at once")
	w.stop()
	cluster.store = t.TempDir()
	w = cluster.start(oneRemembered...)
	again("after the worker was replaced")
	w.stop()
}

// sentTwiceByTopic goes past the API, which knows commands for as long as their results are kept:
// when the ring has forgotten a command, the aggregate's state or an expected sequence is all that
// is left to recognize it by.
func sentTwiceByTopic(t *testing.T, i *testbed, w *runningWorker) {
	t.Helper()
	expected := int64(1)
	for _, test := range []struct {
		name    string
		command eventsourcing.Metadata
		data    any
		code    string // of the second outcome; none: it is accepted a second time
	}{
		{
			"with the expected sequence it is refused",
			eventsourcing.Metadata{ID: "salary", ExpectedSequence: &expected},
			accounts.DepositMoney{Amount: 500, Currency: "EUR"},
			"sequence-mismatch",
		},
		{
			"the state answers",
			eventsourcing.Metadata{ID: "open"},
			accounts.OpenAccount{Owner: "Alice", Currency: "EUR"},
			"account-already-open",
		},
		{
			"without either it counts again",
			eventsourcing.Metadata{ID: "bonus-0"},
			accounts.DepositMoney{Amount: 500, Currency: "EUR"},
			"",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := w.ask(http.MethodGet, "/accounts/alice", "").number("sequence")
			result := i.produce(test.command, test.data)
			if result.Code != test.code || result.Accepted != (test.code == "") {
				t.Errorf("got %+v", result)
			}
			if after := result.LastSequence; test.code == "" && after != before+1 {
				t.Errorf("it is accepted as event %d, behind %d", after, before)
			}
		})
	}
}

// produce puts a command to alice into its topic and returns its result.
func (i *testbed) produce(command eventsourcing.Metadata, data any) processors.Result {
	i.t.Helper()
	must := func(err error) {
		i.t.Helper()
		if err != nil {
			i.t.Fatal(err)
		}
	}
	registry, err := codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{i.cluster.RegistryURL()}, Mode: codecs.LookUp,
	})
	must(err)
	defer registry.Close()
	set, err := accounts.Definition.Open(registry)
	must(err)
	results, err := processors.NewResultSet(registry)
	must(err)

	client, err := kgo.NewClient(kgo.SeedBrokers(i.cluster.Brokers()...),
		kgo.RecordPartitioner(kafka.Partitioner()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeTopics(accounts.Definition.Topics("").Results))
	must(err)
	defer client.Close()
	ends, err := kadm.NewClient(client).ListEndOffsets(i.t.Context(), accounts.Definition.Topics("").Results)
	must(err)

	value, err := set.Commands.Encode(data)
	must(err)
	command.Type, command.Subject = eventsourcing.TypeName(data), "alice"
	record := &kgo.Record{
		Topic: accounts.Definition.Topics("").Commands, Key: []byte(command.Subject), Value: value,
	}
	for name, header := range codecs.Headers(command) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: header})
	}
	must(client.ProduceSync(i.t.Context(), record).FirstErr())
	for {
		fetches := client.PollFetches(i.t.Context())
		must(fetches.Err())
		for r := range fetches.RecordsAll() {
			end, _ := ends.Lookup(r.Topic, r.Partition)
			metadata, err := codecs.MetadataFromRecord(r.Headers)
			must(err)
			if r.Offset < end.Offset || metadata.CausationID != command.ID {
				continue
			}
			result, err := results.Decode(i.t.Context(), r.Value)
			must(err)
			return result.(processors.Result)
		}
	}
}
