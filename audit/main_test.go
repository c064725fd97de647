package audit_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/audit"
	"refold/kafka/local"
)

// audited runs the program, and returns its exit code and the last line that it wrote.
func audited(t *testing.T, args ...string) (code int, last string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = audit.Execute(t.Context(), args, &out, &errs, audit.Accounts, audit.Orders)
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
	if code, _ := audited(t, args...); code != audit.ExitUnreadable {
		t.Fatalf("exit code %d without topics, want %d", code, audit.ExitUnreadable)
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
	if code != audit.ExitWhole || !strings.HasPrefix(last, "commands=0 events=0 lost=0 doubled=0 "+
		"reordered=0 rows_differing=0 money_difference=0 told_differently=0 ") {
		t.Fatalf("exit code %d, %q of topics without records", code, last)
	}
	if code, _ = audited(t, append(args, "--told", "no-such-file")...); code != audit.ExitUnreadable {
		t.Fatalf("exit code %d without the file, want %d", code, audit.ExitUnreadable)
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
	if code != audit.ExitBroken || got.Commands != 1 || got.Lost != 1 || got.Behind != 1 ||
		len(got.Breaches) != 2 {
		t.Fatalf("exit code %d, %+v of a command without an outcome", code, got)
	}
	if code, last = audited(t, "--help"); code != audit.ExitWhole || last == "" {
		t.Fatalf("exit code %d, %q for help", code, last)
	}
	if code, _ = audited(t, append(args, "--ring-of", "garage=1")...); code != audit.ExitUnreadable {
		t.Fatalf("exit code %d for a ring of no aggregate", code)
	}
	if code, _ = audited(t, "--no-such-flag"); code != audit.ExitUnreadable {
		t.Fatalf("exit code %d for a flag that is not there", code)
	}
}
