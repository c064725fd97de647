package program

import (
	"net/http"
	"regexp"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/program/command"
)

// Somebody begins a transaction of commands and goes away: what comes behind it waits. It is found and
// aborted, and the line goes on without it.
func TestStuckTransaction(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	w.open("ann")
	list := append([]string{"transactions", "list", "--older-than", "0s"}, i.reach()...)
	expect(t, 0, []string{"no transaction is open"}, append(list, "--older-than", "1h")...)

	client, err := kgo.NewClient(kgo.SeedBrokers(i.cluster.Brokers()...),
		kgo.TransactionalID("nightly-import"), kgo.TransactionTimeout(15*time.Minute),
		kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	garbage := &kgo.Record{Topic: "account-commands", Value: []byte("hello")}
	garbage.Partition = i.last("account-commands", "ann").Partition
	if err := client.ProduceSync(t.Context(), garbage).FirstErr(); err != nil {
		t.Fatal(err)
	}
	sent := w.ask(http.MethodPost, "/accounts/ann/commands",
		`{"type": "DepositMoney", "data": {"amount": 5, "currency": "EUR"}}`,
		"Idempotency-Key", "behind-it", "Prefer", "wait=1")
	if sent.status != http.StatusAccepted {
		t.Fatalf("a command behind an open transaction: %+v", sent)
	}

	printed := expect(t, 0, []string{"nightly-import", "14m5"}, list...)
	found := regexp.MustCompile(`(account-commands/\d) +(\d+) .*nightly-import`).FindStringSubmatch(printed)
	if found == nil {
		t.Fatalf("not found in\n%s", printed)
	}
	abort := append([]string{"transactions", "abort", found[1]}, i.reach()...)
	expect(t, command.ExitFailed, []string{"no such transaction"}, append(abort, "4711")...)
	expect(t, command.ExitFailed, []string{"no number"}, append(abort, "x")...)
	expect(t, 0, []string{"is aborted"}, append(abort, found[2])...)

	eventually(t, func() bool {
		return w.ask(http.MethodGet, "/commands/behind-it", "").body["status"] == "accepted"
	}, w.out)
	if letters := i.records("dead-letters"); len(letters) != 0 {
		t.Errorf("%d dead letters: what was aborted was read", len(letters))
	}
	expect(t, command.ExitFailed, []string{"no such transaction"}, append(abort, found[2])...)
}
