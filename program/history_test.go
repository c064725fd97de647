package program

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/program/command"
)

func TestFieldsOf(t *testing.T) {
	for data, want := range map[string]string{
		`{"amount":12600000000000000001,"currency":"EUR"}`: "amount=12600000000000000001  currency=EUR",
		`{"owner":"Alice Anders","note":""}`:               `owner="Alice Anders"  note=""`,
		`{"lines":[{"sku":"a"}],"total":1.50}`:             `lines=[{"sku":"a"}]  total=1.50`,
		`{"nothing":null,"odd":"a=b","x":"\u001b[31m"}`:    `nothing=null  odd="a=b"  x=\x1b[31m`,
		`{}`:  "",
		`[1]`: "[1]",
		``:    "",
	} {
		if got := fieldsOf(json.RawMessage(data)); got != want {
			t.Errorf("%s: %s, want %s", data, got, want)
		}
	}
}

// put writes a record to an installation's topic.
func (i *testbed) put(r *kgo.Record) {
	i.t.Helper()
	opts, err := kafka.Settings{Brokers: i.cluster.Brokers()}.Options()
	if err != nil {
		i.t.Fatal(err)
	}
	client, err := kgo.NewClient(append(opts, kgo.RecordPartitioner(kafka.Partitioner()))...)
	if err != nil {
		i.t.Fatal(err)
	}
	defer client.Close()
	if err := client.ProduceSync(i.t.Context(), r).FirstErr(); err != nil {
		i.t.Fatal(err)
	}
}

// What happened to an account and an order, in a terminal: histories, a trace across both, a command
// that was sent again, one that was refused, one that became a dead letter (G8).
func TestHistoryAndTrace(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	with := func(args ...string) []string { return append(args, "--server", w.server) }
	w.send("/accounts/zoe", "open", "OpenAccount", `{"owner": "Zoe Z", "currency": "EUR"}`)
	w.send("/accounts/zoe", "deposit", "DepositMoney", `{"amount": 5000, "currency": "EUR"}`)
	w.send("/orders/tea-1", "order", "PlaceOrder", `{"accountId": "zoe", "currency": "EUR", "lines":
		[{"sku": "tea", "quantity": 2, "unitPrice": 1890, "currency": "EUR"}]}`)
	w.ask(http.MethodGet, "/orders/tea-1?atLeast=2", "", "Prefer", "wait=30")
	i.put(&kgo.Record{
		Topic: "account-commands", Key: []byte("zoe"), Value: []byte("poison"),
		Headers: []kgo.RecordHeader{
			{Key: codecs.HeaderID, Value: []byte("bad")},
			{Key: codecs.HeaderType, Value: []byte("DepositMoney")},
			{Key: codecs.HeaderCorrelationID, Value: []byte("order")},
		},
	})
	w.ask(http.MethodGet, "/accounts/zoe/events?after=2", "", "Prefer", "wait=30")

	expect(t, 0, []string{
		"   SEQ  TIME ", "     1  2", `AccountOpened         owner="Zoe Z"  currency=EUR`,
		"     2  2", "MoneyDeposited        amount=5000  currency=EUR",
		"     3  2", "AccountCharged        ", "amount=3780",
	}, with("history", "account", "zoe")...)
	newest := expect(t, 0, []string{"AccountCharged", "there are more; --limit is 1"},
		with("history", "accounts", "zoe", "--newest", "--limit", "1")...)
	if strings.Contains(newest, "MoneyDeposited") {
		t.Errorf("more than the newest one:\n%s", newest)
	}
	line := expect(t, 0, nil, with("history", "order", "tea-1", "--json", "--limit", "2")...)
	var event struct{ ID, CorrelationID, CausationID string }
	if err := json.NewDecoder(strings.NewReader(line)).Decode(&event); err != nil ||
		fmt.Sprint(event) != "{tea-1/1 order order}" {
		t.Errorf("%s is %v, %v", line, event, err)
	}
	expect(t, command.ExitNotFound, []string{`there is no account "nobody"`},
		with("history", "account", "nobody")...)
	expect(t, command.ExitFailed, []string{"there is no aggregate"}, with("history", "accnt", "zoe")...)

	var drawn output
	eventually(t, func() bool {
		drawn = output{}
		execute(t.Context(), &drawn, nil, with("trace", "order", "--ascii")...)
		return strings.HasPrefix(drawn.String(),
			"order: 4 commands, 3 events, 3 results, 1 dead letter within ")
	}, w.out)
	// Without the times, which differ, and the columns' widths.
	var shape []string
	for _, line := range strings.Split(strings.TrimSpace(drawn.String()), "\n")[2:] {
		words := strings.Fields(line)
		shape = append(shape, strings.Join(words[1:], " "))
	}
	want := []string{
		"> PlaceOrder order tea-1",
		"|- * OrderPlaced order tea-1 event 1",
		"| `- > ChargeAccount account zoe",
		"| |- * AccountCharged account zoe event 3",
		"| `- + accepted account zoe (event 3)",
		"| `- > RecordPayment order tea-1",
		"| |- * PaymentProcessed order tea-1 event 2",
		"| `- + accepted order tea-1 (event 2)",
		"`- + accepted order tea-1 (event 1)",
		"> DepositMoney account zoe",
		"`- ! dead letter account zoe not-wire-format, DepositMoney (dead-letters show ",
	}
	for i := range want {
		if i >= len(shape) || !strings.HasPrefix(shape[i], want[i]) {
			t.Fatalf("line %d is not %q:\n%s", i, want[i], drawn.String())
		}
	}
	expect(t, 0, []string{`"correlationId":"order"`, `"deadLetters":1`}, with("trace", "order", "--json")...)
	w.send("/accounts/zoe", "again", "OpenAccount", `{"owner": "Zoe Z", "currency": "EUR"}`)
	eventually(t, func() bool {
		var out output
		execute(t.Context(), &out, nil, with("trace", "again")...)
		return strings.Contains(out.String(), "└─ ✗ rejected: account-already-open  account zoe")
	}, w.out)
	expect(t, command.ExitNotFound, []string{"no trace"}, with("trace", "nothing")...)
	w.stop()

	w = i.start("--views.traces=false", "--views.history=false")
	expect(t, command.ExitFailed, []string{"no-history"}, "history", "account", "zoe", "--server", w.server)
	expect(t, command.ExitFailed, []string{"no-traces"}, "trace", "order", "--server", w.server)
	w.stop()
}

// --follow shows what comes, also after the worker was away and is back.
func TestHistoryFollows(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	w := i.start()
	address := strings.TrimPrefix(w.server, "http://")
	ctx, stop := context.WithCancel(t.Context())
	var followed output
	code := make(chan int, 1)
	go func() {
		code <- execute(ctx, &followed, nil, "history", "account", "zoe", "--follow", "--server", w.server)
	}()
	shows := func(text string) {
		t.Helper()
		eventually(t, func() bool { return strings.Contains(followed.String(), text) }, &followed)
	}
	shows(`there is no account "zoe" yet; waiting for it`)
	w.send("/accounts/zoe", "open", "OpenAccount", `{"owner": "Zoe", "currency": "EUR"}`)
	shows("owner=Zoe")
	w.stop()
	shows("trying again")
	w = i.start("--http.address", address)
	w.send("/accounts/zoe", "deposit", "DepositMoney", `{"amount": 77, "currency": "EUR"}`)
	shows("amount=77")
	stop()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	if n := strings.Count(followed.String(), "owner=Zoe"); n != 1 {
		t.Errorf("the first event was shown %d times:\n%s", n, &followed)
	}
	latest := new(output)
	ctx, stop = context.WithCancel(t.Context())
	go func() {
		code <- execute(ctx, latest, nil, "history", "account", "zoe", "--follow", "--limit", "1",
			"--server", w.server)
	}()
	eventually(t, func() bool { return strings.Contains(latest.String(), "amount=77") }, latest)
	stop()
	<-code
	if strings.Contains(latest.String(), "owner=Zoe") {
		t.Errorf("more than the latest event was shown:\n%s", latest)
	}
	w.stop()
}

// Who follows a worker that isn't there, or something that is none, is told at once.
func TestHistoryFollowsNoStranger(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "hello")
	}))
	expect(t, command.ExitFailed, []string{"is no JSON"}, "history", "account", "zoe", "--follow",
		"--server", server.URL)
	server.Close()
	expect(t, command.ExitFailed, []string{"no worker answers"}, "history", "account", "zoe", "--follow",
		"--server", server.URL)
}

func TestShortTime(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0ms", 400 * time.Microsecond: "0ms", 3 * time.Millisecond: "3ms",
		1204 * time.Millisecond: "1.204s", -time.Millisecond: "-1ms", 90 * time.Second: "1m30s",
	} {
		if got := shortTime(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
}

func TestLocale(t *testing.T) {
	for environ, want := range map[string]bool{
		"": true, "LANG=C": false, "LANG=en_GB.UTF-8": true, "LANG=C LC_ALL=C.utf8": true,
		"LANG=en_GB.UTF-8 LC_ALL=POSIX": false, "LANG=C LC_ALL=": false,
	} {
		p := &program{Program: &command.Program{Environ: strings.Fields(environ)}}
		if got := p.speaksUTF8(); got != want {
			t.Errorf("%q: %v", environ, got)
		}
	}
}
