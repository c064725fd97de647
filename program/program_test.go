package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/goleak"

	"refold/kafka/local"
	shoptraffic "refold/load/shop"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/program/command"
	"refold/readmodels"
)

// output collects what a command prints, also while it runs.
type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.String()
}

// shop is the program that is tested: accounts, orders, and the payments between them.
var shop = Program{
	Definitions: []processors.Definition{
		accounts.Definition, orders.Definition, orders.Payments, readmodels.AccountsCurrent,
	},
	Traffic: shoptraffic.Traffic{},
}

// topicsAreRight is what is said of all topics of the shop; settings are names and values in turns.
func topicsAreRight(t *testing.T, settings ...string) string {
	t.Helper()
	all := map[string]string{}
	for i := 0; i+1 < len(settings); i += 2 {
		all[settings[i]] = settings[i+1]
	}
	in, err := shop.Installation(all)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d topics are as they should be", len(in.TopicSpecs()))
}

// schemasAreThere is what is said of all schemas of the shop.
func schemasAreThere(t *testing.T) string {
	t.Helper()
	in, err := shop.Installation(nil)
	if err != nil {
		t.Fatal(err)
	}
	registry, opened, err := in.Open(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	return fmt.Sprintf("%d schemas", opened.SchemaCount())
}

// testRoot returns the shop's commands.
func testRoot(environ []string) *cobra.Command {
	root, err := newRoot(shop, environ)
	if err != nil {
		panic(err)
	}
	return root
}

// execute runs a command of the shop in this process and returns what main would exit with.
func execute(ctx context.Context, out *output, environ []string, args ...string) int {
	return executeRoot(ctx, testRoot(environ), out, args...)
}

func executeRoot(ctx context.Context, root *cobra.Command, out *output, args ...string) int {
	root.SetArgs(args)
	root.SetOut(out)
	root.SetErr(out)
	err := root.ExecuteContext(ctx)
	var exit command.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.Code
	default:
		fmt.Fprintln(out, "processor:", err)
		return command.ExitFailed
	}
}

// expect runs a command and checks its exit code and what it prints.
func expect(t *testing.T, code int, wants []string, args ...string) string {
	t.Helper()
	var out output
	if got := execute(t.Context(), &out, nil, args...); got != code {
		t.Errorf("%v: exit code %d, want %d\n%s", args, got, code, out.String())
	}
	for _, want := range wants {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%v: %q is not in:\n%s", args, want, out.String())
		}
	}
	return out.String()
}

// startedDev is a dev that is ready.
type startedDev struct {
	server string
	out    *output
	stop   context.CancelFunc
	code   chan int
}

func startDev(t *testing.T) *startedDev {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	d := &startedDev{out: new(output), stop: cancel, code: make(chan int, 1)}
	go func() {
		d.code <- execute(ctx, d.out, nil, "dev", "--http.address", "127.0.0.1:0",
			"--load.rate", "50", "--log.level", "warn")
	}()
	t.Cleanup(cancel)
	const label = "worker and HTTP API  "
	eventually(t, func() bool {
		_, after, found := strings.Cut(d.out.String(), label)
		d.server, _, _ = strings.Cut(after, " ")
		return found
	}, d.out)
	return d
}

// patience is how long a condition may take on a machine that is busy.
const patience = time.Minute

func eventually(t *testing.T, condition func() bool, out fmt.Stringer) {
	t.Helper()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for begin := time.Now(); !condition(); <-ticker.C {
		if time.Since(begin) > patience {
			t.Fatalf("it did not happen:\n%s", out)
		}
	}
}

// A newcomer's first minutes: dev starts, commands are sent and read back, and it stops cleanly.
func TestDev(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(),
		// Sarama's library for metrics has one goroutine for good.
		goleak.IgnoreAnyFunction("github.com/rcrowley/go-metrics.(*meterArbiter).tick"))
	d := startDev(t)
	server := []string{"--server", d.server}
	with := func(args ...string) []string { return append(args, server...) }

	for _, want := range []string{"forgets everything", "curl -s", "/accounts/alice"} {
		if !strings.Contains(d.out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, d.out)
		}
	}
	open := `{"owner": "Zoe", "currency": "EUR"}`
	expect(t, 0, []string{"accepted: OpenAccount (event 1)"},
		with("send", "account", "ours", "OpenAccount", open, "--wait", "30s")...)
	expect(t, command.ExitRejected, []string{"rejected: account-already-open"},
		with("send", "account", "ours", "OpenAccount", open, "--wait", "30s")...)
	deposit := `{"amount": 500, "currency": "EUR"}`
	for range 2 { // G1: the same ID counts once
		expect(t, 0, []string{"accepted: DepositMoney (event 2)", "command   salary"},
			with("send", "account", "ours", "DepositMoney", deposit, "--id", "salary", "--wait", "30s")...)
	}
	expect(t, command.ExitRejected, []string{"rejected: sequence-mismatch"},
		with("send", "account", "ours", "DepositMoney", deposit, "--expect", "1", "--wait", "30s")...)
	expect(t, command.ExitRejected, []string{"insufficient-funds", "5.00 EUR"}, // G10
		with("send", "account", "ours", "WithdrawMoney", `{"amount": 501, "currency": "EUR"}`,
			"--wait", "30s")...)
	shown := expect(t, 0, []string{`"balance": 500`}, with("get", "account", "ours", "--at-least", "2")...)
	if !strings.HasPrefix(shown, "ours at sequence 2") {
		t.Errorf("got %s", shown)
	}
	expect(t, 0, []string{"accepted: DepositMoney to account ours (event 2)"},
		with("get", "--command", "salary")...)
	expect(t, command.ExitNotFound, nil, with("get", "account", "nobody")...)
	expect(t, command.ExitFailed, []string{"amount", "whole number", "currncy"},
		with("send", "account", "ours", "DepositMoney", `{"amount": "ten", "currncy": "EUR"}`)...)
	expect(t, command.ExitFailed, []string{"DepositMoney"},
		with("send", "account", "ours", "DepositMony", `{}`)...)

	// The sample load is seen, and the metrics tell of it.
	eventually(t, func() bool {
		return strings.Contains(get(t, d.server+"/metrics"),
			`refold_commands_total{aggregate="account",outcome="accepted",type="DepositMoney"}`)
	}, d.out)
	var page struct{ Items []struct{ ID string } }
	if err := json.Unmarshal([]byte(get(t, d.server+"/accounts?limit=2")), &page); err != nil ||
		len(page.Items) != 2 {
		t.Errorf("got %+v, %v", page, err)
	}

	d.stop()
	if code := <-d.code; code != 0 {
		t.Errorf("exit code %d\n%s", code, d.out)
	}
	http.DefaultClient.CloseIdleConnections()
}

func get(t *testing.T, url string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var b bytes.Buffer
	if _, err := b.ReadFrom(response.Body); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDevRefusesAnotherCluster(t *testing.T) {
	expect(t, command.ExitFailed, []string{"kafka.brokers is set", "processor run"},
		"dev", "--kafka.brokers", "somewhere:9092")
}

func TestTakenPortIsTold(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	expect(t, command.ExitFailed, []string{"address already in use", "--http.address"},
		"dev", "--http.address", strings.TrimPrefix(d.server, "http://"))
}

func TestTopicsAndSchemas(t *testing.T) {
	t.Parallel()
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	brokers := []string{
		"--kafka.brokers", strings.Join(cluster.Brokers(), ","), "--topics.replication-factor", "1",
	}
	registry := []string{"--registry.urls", cluster.RegistryURL()}
	topics := func(args ...string) []string { return append(append([]string{"topics"}, args...), brokers...) }

	expect(t, command.ExitDifferences, []string{"account-commands: topic is missing"}, topics("plan")...)
	expect(t, 0, []string{topicsAreRight(t)}, topics("apply")...)
	expect(t, 0, nil, topics("plan")...)
	expect(t, command.ExitDifferences, []string{"account-events: partitions"},
		topics("apply", "--topics.partitions", "9")...)

	expect(t, command.ExitFailed, []string{"no such schema"},
		append([]string{"schemas", "check"}, registry...)...)
	expect(t, 0, []string{schemasAreThere(t)}, append([]string{"schemas", "register"}, registry...)...)
	expect(t, 0, []string{schemasAreThere(t)}, append([]string{"schemas", "check"}, registry...)...)
}

func TestMistakesOfTheCommandLine(t *testing.T) {
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"config", "--topics.partitions", "0"}, "allowed: 1 to 10000"},
		{[]string{"config", "--kafka.sasl.mechanism", "PLAIN"}, "username"},
		{[]string{"run", "--http.address", "nowhere"}, "host:port"},
		{[]string{"send", "account", "zoe", "OpenAccount", "{", "--unchecked"}, "no JSON"},
		{[]string{"send", "account", "zoe", "OpenAccount", "{"}, "line 1, column 2"},
		{
			[]string{
				"send", "account", "zoe", "OpenAccount", "{}", "--unchecked", "--server",
				"http://127.0.0.1:1",
			},
			"is one running?",
		},
		{
			[]string{"send", "account", "zoe", "OpenAccount", "{}", "--unchecked", "--server", "localhost"},
			"no URL",
		},
		{[]string{"get"}, "name an aggregate"},
		{[]string{"get", "acount", "zoe"}, "there is account"},
		{[]string{"bench", "--keys", "0"}, "--keys 0"},
		{[]string{"nonsense"}, "unknown command"},
		{[]string{"topics", "aply"}, "unknown command"},
		{[]string{"schemas", "chek"}, "unknown command"},
		{[]string{"send", "account", "zoe", "OpenAccount"}, "AGGREGATE ID TYPE JSON"},
		{[]string{"send", "account", "zoe", "OpenAccount", "{}", "--wait", "-5s"}, "--wait"},
		{[]string{"get", "account", "zoe", "--at-least", "-1"}, "--at-least"},
		{
			[]string{
				"run", "--kafka.sasl.mechanism", "PLAIN", "--kafka.brokers", "k:9092",
				"--kafka.tls.cert-file", "/no", "--http.waiters", "0",
			},
			"the configuration has 5 mistake(s)",
		},
	} {
		expect(t, command.ExitFailed, []string{test.want}, test.args...)
	}
}

func TestConfigAndVersion(t *testing.T) {
	expect(t, 0, []string{"address: \"localhost:8080\" # default"}, "config")
	expect(t, 0, []string{"REFOLD_HTTP_ADDRESS"}, "config", "--reference")
	expect(t, 0, nil, "config", "--check")
	expect(t, 0, []string{"refold "}, "version")
}
