package program

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"refold/load"
	"refold/program/command"
)

// Customers by HTTP and by the topic: everything gets its answer, and what is recorded of it is
// what was sent.
func TestLoad(t *testing.T) {
	t.Parallel()
	d := startDev(t)
	between := func(before, after string) string {
		_, text, _ := strings.Cut(d.out.String(), before)
		text, _, _ = strings.Cut(text, after)
		return strings.TrimSpace(text)
	}
	for via, args := range map[string][]string{
		viaHTTP: {"--server", "http://127.0.0.1:1," + d.server}, // the first one is down
		viaTopic: {
			"--kafka.brokers", between("embedded Kafka ", "("),
			"--registry.urls", between("schema registry ", "\n"),
		},
	} {
		t.Run(via, func(t *testing.T) {
			record := filepath.Join(t.TempDir(), "told.jsonl")
			args := append([]string{
				"load", "--via", via, "--orders", "40", "--record", record, "--json",
				"--name", via, "--log.level", "error",
			}, args...)
			var s struct {
				load.Counts
				Orders map[string]int
			}
			_, summary, _ := strings.Cut(expect(t, 0, nil, args...), "{")
			if err := json.Unmarshal([]byte("{"+summary), &s); err != nil {
				t.Fatal(err)
			}
			if s.Accepted+s.Rejected != s.Commands || s.Accepted < s.Commands/2 || s.Repeated == 0 {
				t.Errorf("%+v", s.Counts)
			}
			ended := 0
			for state, n := range s.Orders {
				if slices.Contains([]string{"placed", "paid", "shipped", "unknown"}, state) {
					t.Errorf("%d orders are %s", n, state)
				}
				ended += n
			}
			if ended != 40 || s.Orders["delivered"] < 20 {
				t.Errorf("%v", s.Orders)
			}
			told := readTold(t, record)
			for _, line := range told {
				accepted := line.Outcome == load.Accepted && line.LastSequence >= line.FirstSequence
				if !accepted && (line.Outcome != load.Rejected || line.Code == "") {
					t.Errorf("%s: %+v %s", line.ID, line.Answer, line.Error)
				}
			}
			if len(told) != s.Commands {
				t.Errorf("%d of %d commands are recorded", len(told), s.Commands)
			}
		})
	}
	d.stop()
	<-d.code
}

func readTold(t *testing.T, path string) []load.Told {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var all []load.Told
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var told load.Told
		if err := json.Unmarshal(lines.Bytes(), &told); err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all = append(all, told)
	}
	return all
}

func TestMistakesOfLoad(t *testing.T) {
	expect(t, command.ExitFailed,
		[]string{"--via: allowed: http, topic", "--concurrency: allowed: 1 to 10000"},
		"load", "--via", "pigeon", "--concurrency", "0")
	expect(t, command.ExitFailed, []string{"--server", "no URL"}, "load", "--server", "localhost:8080")
	expect(t, command.ExitFailed, []string{"no worker answers", "--server"},
		"load", "--server", "http://127.0.0.1:1")
}

// A program without a traffic of its own sends that of its definitions, and its greeting is made of them.
func TestDefaultTraffic(t *testing.T) {
	plain := Program{Definitions: shop.Definitions}
	run := func(ctx context.Context, out *output, args ...string) error {
		root, err := newRoot(plain, nil)
		if err != nil {
			return err
		}
		root.SetArgs(args)
		root.SetOut(out)
		root.SetErr(out)
		return root.ExecuteContext(ctx)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var dev output
	stopped := make(chan error, 1)
	go func() {
		stopped <- run(ctx, &dev, "dev", "--http.address", "127.0.0.1:0", "--load.rate", "50",
			"--load.keys", "3", "--log.level", "warn")
	}()
	eventually(t, func() bool { return strings.Contains(dev.String(), "Ctrl-C") }, &dev)
	_, server, _ := strings.Cut(dev.String(), "worker and HTTP API  ")
	server, _, _ = strings.Cut(server, " ")
	for _, want := range []string{
		"curl -s " + server + "/accounts/account-0\n", "curl -s " + server + "/orders/order-0\n",
		"/events/live?kind=event'", `'{"type": "OpenAccount", "data": {"owner":"Alice","currency":"EUR"}}'`,
		`'{"type": "DepositMoney", "data": {"amount":500,"currency":"EUR"}}'`,
	} {
		if !strings.Contains(dev.String(), want) {
			t.Errorf("%q is not in\n%s", want, dev.String())
		}
	}
	var out output
	if err := run(t.Context(), &out, "load", "--server", server, "--commands", "60", "--keys", "5",
		"--name", "n", "--json"); err != nil {
		t.Fatal(err, out.String())
	}
	progress, summary, _ := strings.Cut(out.String(), "{")
	var s load.Counts
	if err := json.Unmarshal([]byte("{"+summary), &s); err != nil {
		t.Fatal(err)
	}
	if s.Commands != 60 || s.Accepted+s.Rejected != 60 || s.Accepted < 30 || s.Failed > 0 ||
		!strings.Contains(progress, "the first account is n-account-0") {
		t.Errorf("%s", out.String())
	}
	err := run(t.Context(), &out, "load", "--keys", "0")
	if err == nil || !strings.Contains(err.Error(), "--keys") {
		t.Errorf("got %v", err)
	}
	cancel()
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
