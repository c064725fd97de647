package reactions_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"refold/processors/accounts"
	"refold/processors/deadletters"
	"refold/reactions"
	"refold/reactions/webhook"
)

// received is what a receiver got.
type received struct {
	mu   sync.Mutex
	all  []http.Header
	body []string
}

// receive starts a receiver that answers the n-th request, from 1 on.
func (w *world) receive(answer func(n int, r *http.Request, to http.ResponseWriter)) (*received, string) {
	w.Helper()
	got := &received{}
	server := httptest.NewServer(http.HandlerFunc(func(to http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got.mu.Lock()
		got.all, got.body = append(got.all, r.Header), append(got.body, string(body))
		n := len(got.all)
		got.mu.Unlock()
		answer(n, r, to)
	}))
	w.Cleanup(server.Close)
	return got, server.URL
}

// values returns the values of a header, request by request.
func (r *received) values(name string) (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.all {
		all = append(all, h.Get(name))
	}
	return all
}

// hooked returns a reaction that sends to a URL.
func (w *world) hooked(url string) reactions.Reaction {
	w.Helper()
	secret := filepath.Join(w.TempDir(), "secret")
	w.must(os.WriteFile(secret, []byte("a secret of enough bytes\n"), 0o600))
	h, err := webhook.New(webhook.Options{
		URL: url, SecretFile: secret, Pause: time.Millisecond,
		Transport: &http.Transport{DisableKeepAlives: true},
	})
	w.must(err)
	return hook(webhook.Post[accounts.Event](h))
}

// An event is posted as a CloudEvent. A receiver that is busy gets it again, under the same key.
func TestWebhook(t *testing.T) {
	w := newWorld(t)
	id := ids()[0]
	w.deposits(id, 2)
	got, url := w.receive(func(n int, _ *http.Request, to http.ResponseWriter) {
		switch n {
		case 2:
			to.Header().Set("Retry-After", "0")
			to.WriteHeader(http.StatusTooManyRequests)
		case 3:
			to.WriteHeader(http.StatusBadGateway)
		}
	})
	w.run(w.hooked(url), nil)
	w.until("there are four requests", func() bool { return len(got.values("ce-id")) == 4 })
	w.same("keys", got.values("Idempotency-Key"),
		[]string{"hook/" + id + "/1", "hook/" + id + "/2", "hook/" + id + "/2", "hook/" + id + "/2"})
	w.same("body", got.body[0], `{"owner":"Alice","currency":"EUR"}`)
	for name, want := range map[string]string{
		"ce-specversion": "1.0", "ce-id": id + "/1", "ce-type": "AccountOpened", "ce-source": "accounts",
		"ce-subject": id, "ce-time": "2026-11-29T12:00:00Z", "ce-sequence": "1",
		"ce-correlationid": "shopping",
		"content-type":     "application/json",
		"traceparent":      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	} {
		w.same(name, got.values(name)[0], want)
	}
}

// An event that the receiver refuses becomes a dead letter, and the next one is sent.
func TestWebhookThatRefuses(t *testing.T) {
	w := newWorld(t)
	id := ids()[0]
	w.deposits(id, 3)
	got, url := w.receive(func(n int, _ *http.Request, to http.ResponseWriter) {
		if n == 2 {
			to.WriteHeader(http.StatusUnprocessableEntity)
			_, _ = io.WriteString(to, "no such customer\n")
		}
	})
	w.run(w.hooked(url), nil)
	w.until("there are three requests", func() bool { return len(got.values("ce-id")) == 3 })
	w.same("keys", got.values("Idempotency-Key"), keysOf(id, 1, 3))
	var letters []string
	_, err := w.queue().Each(w.ctx, deadletters.Selection{}, func(l *deadletters.Letter) error {
		letters = append(letters, l.Reason+": "+l.Message)
		return nil
	})
	w.must(err)
	w.same("dead letters", letters, []string{
		"reaction-refused: the receiver refuses the event: 422 Unprocessable Entity: no such customer",
	})
}
