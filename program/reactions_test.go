package program

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"refold/processors/accounts"
	"refold/program/command"
	"refold/reactions"
	"refold/reactions/webhook"
)

// receiver takes webhooks.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	answers map[string]int // status codes by the beginning of keys; none: 200
	taken   []string       // "<key> <type>" of what was answered with 200
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{answers: make(map[string]int)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		key := request.Header.Get("Idempotency-Key")
		for begin, status := range r.answers {
			if strings.HasPrefix(key, begin) {
				http.Error(w, "not now", status)
				return
			}
		}
		if body, err := io.ReadAll(request.Body); err != nil || !strings.HasPrefix(string(body), "{") {
			t.Errorf("%s has the body %q, %v", key, body, err)
		}
		r.taken = append(r.taken, key+" "+request.Header.Get("Ce-Type"))
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) answer(begin string, status int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.answers[begin] = status; status == http.StatusOK {
		delete(r.answers, begin)
	}
}

// of returns what was taken of an account, in order.
func (r *receiver) of(account string) []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.taken), func(text string) bool {
		return !strings.HasPrefix(text, "receipts/"+account+"/")
	})
}

// String lists what was taken.
func (r *receiver) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return fmt.Sprint(r.taken)
}

// has waits until exactly these events of an account were taken, in this order: their sequences.
func (r *receiver) has(t *testing.T, account string, sequences ...int) {
	t.Helper()
	want := make([]string, len(sequences))
	for i, n := range sequences {
		want[i] = fmt.Sprintf("receipts/%s/%d MoneyDeposited", account, n)
		if n == 1 {
			want[i] = fmt.Sprintf("receipts/%s/1 AccountOpened", account)
		}
	}
	eventually(t, func() bool { return len(r.of(account)) >= len(want) }, r)
	if got := r.of(account); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// withReceipts is the shop with a reaction that posts the events of accounts.
func withReceipts(t *testing.T, to *receiver) Program {
	t.Helper()
	hook, err := webhook.New(webhook.Options{URL: to.URL, Pause: 20 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	p := shop
	p.Definitions = append(slices.Clip(p.Definitions), reactions.Reaction{
		Name: "receipts", From: reactions.To(accounts.Definition, webhook.Post[accounts.Event](hook)),
	})
	return p
}

// in runs a command of the testbed's program, looks for what it prints, and returns that.
func (i *testbed) in(code int, wants []string, args ...string) string {
	i.t.Helper()
	root, err := newRoot(i.program, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	var out output
	args = append(append(args, i.reach()...), "--log.level", "error")
	if got := executeRoot(i.t.Context(), root, &out, args...); got != code {
		i.t.Errorf("%v: exit code %d, want %d", args, got, code)
	}
	for _, want := range wants {
		if !strings.Contains(out.String(), want) {
			i.t.Errorf("%v: %q is not in:\n%s", args, want, out.String())
		}
	}
	return out.String()
}

// A worker runs the reactions of its program: events are sent once and in order, also by another process, and
// neither a restart nor a rebuild sends any again. One that is refused is a dead letter, and its replay goes
// out under the same key. A receiver that is away is waited for, and commands go on meanwhile.
func TestReactions(t *testing.T) {
	t.Parallel()
	i, to := newTestbed(t), newReceiver(t)
	before := i.start() // without reactions
	before.open("early")
	before.stop()
	i.program = withReceipts(t, to)
	quick := []string{
		"--reactions.least-backoff", "5ms", "--reactions.most-backoff", "20ms",
		"--reactions.unready-after", "50ms",
	}
	w := i.start(quick...)
	begun := func() bool { return strings.Contains(w.out.String(), "the reaction begins") }
	eventually(t, begun, w.out)
	w.open("alice")
	w.deposit("alice", 2)
	w.open("bob")
	to.has(t, "alice", 1, 2, 3)
	to.has(t, "bob", 1)
	w.stop()

	// Somebody else goes on where the worker was.
	w = i.start("--reactions.run=false")
	root, err := newRoot(i.program, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	var out output
	alone := make(chan int, 1)
	go func() {
		args := append([]string{"react", "receipts", "--http.address", "127.0.0.1:0"}, i.reach()...)
		alone <- executeRoot(ctx, root, &out, append(args, quick...)...)
	}()
	deposit := func(account, id string) {
		t.Helper()
		r := w.send("/accounts/"+account, id, "DepositMoney", `{"amount": 5, "currency": "EUR"}`)
		if r.status != http.StatusOK {
			t.Fatalf("deposit to %s: %+v", account, r)
		}
	}
	deposit("alice", "by-react")
	to.has(t, "alice", 1, 2, 3, 4)
	cancel()
	if code := <-alone; code != 0 {
		t.Errorf("react ends with %d: %s", code, out.String())
	}
	w.stop()

	w = i.start(quick...)
	to.answer("receipts/bob/2", http.StatusUnprocessableEntity)
	deposit("bob", "refused")
	deposit("bob", "taken")
	to.has(t, "bob", 1, 3)
	i.in(0, []string{"reaction-refused", "422", "account-events"}, "dead-letters", "list")
	to.answer("receipts/bob/2", http.StatusOK)
	i.in(0, []string{"replayed to reaction-receipts-loop"},
		"dead-letters", "replay", "--group", "reaction-receipts")
	to.has(t, "bob", 1, 3, 2)

	to.answer("receipts/alice/", http.StatusServiceUnavailable)
	deposit("alice", "later")
	var why string
	eventually(t, func() bool {
		r := w.ask(http.MethodGet, "/readyz", "")
		why = fmt.Sprint(r.body)
		return r.status == http.StatusServiceUnavailable
	}, w.out)
	if !strings.Contains(why, `reaction "receipts"`) || !strings.Contains(why, "503") {
		t.Errorf("it is not ready: %s", why)
	}
	i.in(0, []string{"receipts", "reaction-receipts-loop", " ago"}, "react", "list")
	deposit("bob", "meanwhile")
	to.answer("receipts/alice/", http.StatusOK)
	to.has(t, "alice", 1, 2, 3, 4, 5)
	w.isReady()

	i.in(0, nil, "rebuild", "accounts")
	deposit("bob", "last")
	to.has(t, "bob", 1, 3, 2, 4, 5)
	to.has(t, "alice", 1, 2, 3, 4, 5)
	to.has(t, "early")
	eventually(t, func() bool { // what was sent last may not be committed yet
		listed := i.in(0, []string{`"reaction":"receipts","group":"reaction-receipts","members":1`},
			"react", "list", "--json")
		return strings.Count(listed, `"behind":0`) == 2
	}, w.out)
	i.in(command.ExitFailed, []string{`the arguments has "nothing"`}, "react", "nothing")
	w.stop()
}
