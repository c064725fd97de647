package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka/local"
)

// audited runs the program, and returns its exit code and the last line that it wrote.
func audited(t *testing.T, args ...string) (code int, last string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = run(t.Context(), args, &out, &errs)
	t.Logf("%d\n%s%s", code, &out, &errs)
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	return code, lines[len(lines)-1]
}

func TestExitCodes(t *testing.T) {
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cluster.Close()
	args := []string{"--brokers", cluster.Brokers()[0], "--registry", cluster.RegistryURL()}
	if code, _ := audited(t, args...); code != exitUnreadable {
		t.Fatalf("exit code %d without topics, want %d", code, exitUnreadable)
	}

	client, err := kgo.NewClient(kgo.SeedBrokers(cluster.Brokers()...))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	_, err = kadm.NewClient(client).CreateTopics(t.Context(), 1, 1, nil, "account-commands",
		"account-events", "account-results", "accounts-table", "order-commands", "order-events",
		"order-results", "orders-table", "dead-letters")
	if err != nil {
		t.Fatal(err)
	}
	code, last := audited(t, args...)
	if code != exitWhole || !strings.HasPrefix(last, "commands=0 events=0 lost=0 doubled=0 reordered=0 "+
		"rows_differing=0 money_difference=0 told_differently=0 ") {
		t.Fatalf("exit code %d, %q of topics without records", code, last)
	}
	if code, _ = audited(t, append(args, "--told", "no-such-file")...); code != exitUnreadable {
		t.Fatalf("exit code %d without the file, want %d", code, exitUnreadable)
	}

	command := &kgo.Record{Topic: "account-commands", Value: []byte("nobody has handled it")}
	if err := client.ProduceSync(t.Context(), command).FirstErr(); err != nil {
		t.Fatal(err)
	}
	code, last = audited(t, append(args, "--json")...)
	var got struct {
		Commands int
		Lost     int
		Behind   int `json:"offsets_behind"`
		Breaches []struct{ Counter, What string }
	}
	if err := json.Unmarshal([]byte(last), &got); err != nil {
		t.Fatal(err)
	}
	if code != exitBroken || got.Commands != 1 || got.Lost != 1 || got.Behind != 1 || len(got.Breaches) != 2 {
		t.Fatalf("exit code %d, %+v of a command without an outcome", code, got)
	}
	if code, last = audited(t, "--help"); code != exitWhole || last == "" {
		t.Fatalf("exit code %d, %q for help", code, last)
	}
	if code, _ = audited(t, "--no-such-flag"); code != exitUnreadable {
		t.Fatalf("exit code %d for a flag that is not there", code)
	}
}
