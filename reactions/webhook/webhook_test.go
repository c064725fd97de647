package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/codecs"
	"refold/reactions"
)

type deposited struct {
	Amount int64 `json:"amount"`
}

// noon is the time of all tests.
var noon = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

// hookTo returns a hook, with the time at noon.
func hookTo(t *testing.T, o Options) *Hook {
	t.Helper()
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	h.now = func() time.Time { return noon }
	return h
}

// post posts an event.
func post(h *Hook) error {
	e := reactions.Event[deposited]{Key: "hook/alice/7"}
	e.ID, e.Data = "alice/7", deposited{5}
	return Post[deposited](h)(context.Background(), e)
}

// answering returns the URL of a receiver that always answers like this.
func answering(t *testing.T, status int, retryAfter string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if retryAfter != "" {
			w.Header().Set("Retry-After", retryAfter)
		}
		if status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// Each answer is one of three things.
func TestAnswers(t *testing.T) {
	const sent, refused, fault = "sent", "refused", "fault"
	for _, test := range []struct {
		status     int
		retryAfter string
		want, wait string
	}{
		{200, "", sent, ""},
		{204, "", sent, ""},
		{302, "", fault, ""},
		{400, "", refused, ""},
		{404, "5", refused, ""},
		{408, "", fault, ""},
		{410, "", refused, ""},
		{425, "", fault, ""},
		{429, "7", fault, "try again in 7s"},
		{429, "Sun, 29 Nov 2026 12:01:00 GMT", fault, "try again in 1m0s"},
		{429, "Sun, 29 Nov 2026 11:00:00 GMT", fault, ""},
		{429, "soon", fault, ""},
		{500, "", fault, ""},
		{503, "99999999", fault, "try again in 1h0m0s"},
	} {
		err := post(hookTo(t, Options{URL: answering(t, test.status, test.retryAfter)}))
		got := sent
		if err != nil {
			got = fault
		}
		poison, is := errors.AsType[*codecs.Malformed](err)
		if is && poison.Reason == reactions.ReasonRefused {
			got = refused
		}
		if got != test.want {
			t.Errorf("%d is %s, not %s: %v", test.status, got, test.want, err)
		}
		if waits := err != nil && strings.Contains(err.Error(), "try again"); waits != (test.wait != "") ||
			waits && !strings.Contains(err.Error(), test.wait) {
			t.Errorf("%d with Retry-After %q: the error is %v, want %q", test.status, test.retryAfter, err,
				test.wait)
		}
	}
}

// The signature is that of Standard Webhooks, by the secret that is in the file now.
func TestSignature(t *testing.T) {
	file := filepath.Join(t.TempDir(), "secret")
	key := []byte("sixteen bytes and more")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("another secret of enough bytes")
	var got http.Header
	var body []byte
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r.Header
		body, _ = io.ReadAll(r.Body)
	}))
	t.Cleanup(server.Close)
	h := hookTo(t, Options{
		URL: server.URL, SecretFile: file, Headers: map[string]string{"Authorization": "Bearer x"},
	})
	for _, secret := range []string{string(key) + "\n", "whsec_" + base64.StdEncoding.EncodeToString(key)} {
		write(secret)
		if err := post(h); err != nil {
			t.Fatal(err)
		}
		mac := hmac.New(sha256.New, key)
		_, _ = io.WriteString(mac, "hook/alice/7.1795953600."+string(body))
		want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if got.Get("Webhook-Signature") != want || got.Get("Webhook-Id") != "hook/alice/7" ||
			got.Get("Webhook-Timestamp") != "1795953600" || got.Get("Authorization") != "Bearer x" ||
			string(body) != `{"amount":5}` {
			t.Errorf("headers are %v, want the signature %s; body %s", got, want, body)
		}
	}
	for want, secret := range map[string]string{"is no base64": "whsec_?", "has 5 bytes": "short"} {
		write(secret)
		if err := post(h); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

// After some faults in a row, no request is made for a while; then one decides.
func TestCircuit(t *testing.T) {
	var requests atomic.Int64
	var well atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		if !well.Load() {
			w.WriteHeader(http.StatusInternalServerError)
		}
	}))
	t.Cleanup(server.Close)
	h := hookTo(t, Options{URL: server.URL, Faults: 3, Pause: time.Minute})
	now := noon
	h.now = func() time.Time { return now }
	step := func(what string, fails bool, want int64) {
		t.Helper()
		err := post(h)
		said := err == nil || strings.Contains(err.Error(), "500 ")
		if (err != nil) != fails || !said || requests.Load() != want {
			t.Fatalf("%s: %d requests, and the error is %v", what, requests.Load(), err)
		}
	}
	for n := range int64(3) {
		step("closed", true, n+1)
	}
	step("open", true, 3)
	now = noon.Add(time.Minute)
	step("half open", true, 4)
	step("open again", true, 4)
	now = noon.Add(2 * time.Minute)
	well.Store(true)
	step("half open", false, 5)
	step("closed", false, 6)
}

// While one request decides, all others wait; one that is given up decides nothing.
func TestOneRequestDecides(t *testing.T) {
	c := newCircuit(1, time.Minute)
	if c.ask(noon) != 0 {
		t.Fatal("it is open from the start")
	}
	c.tell(noon, true, 0)
	later := noon.Add(time.Minute)
	if c.ask(later) != 0 || c.ask(later) == 0 {
		t.Error("not one request decides")
	}
	c.abandon()
	if c.ask(later) != 0 {
		t.Error("nobody decides any more")
	}
	c.tell(later, false, 0)
	for range 2 {
		if c.ask(later) != 0 {
			t.Error("it is still open")
		}
	}
}

// Any text is one that a header can have, and can be had back.
func TestEscape(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		escaped := escape(text)
		back, err := url.PathUnescape(escaped)
		if err != nil || back != text || strings.ContainsAny(escaped, " \"\r\n\x00\x7f") {
			t.Errorf("%q became %q, and that %q, %v", text, escaped, back, err)
		}
	})
}

// Every mistake in the options is named.
func TestOptions(t *testing.T) {
	for want, o := range map[string]Options{
		`URL is ""`:                     {},
		`it must begin with https://`:   {URL: "ftp://example.com"},
		`set AllowUnencrypted`:          {URL: "http://example.com/hook"},
		`of Timeout (-1ns)`:             {URL: "https://example.com", Timeout: -1},
		`read the webhook's secret:`:    {URL: "https://example.com", SecretFile: "/nowhere"},
		`URL is "https:///hook"; it mu`: {URL: "https:///hook"},
	} {
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
	for _, good := range []Options{
		{URL: "https://example.com/hook"},
		{URL: "http://127.0.0.1:1/"},
		{URL: "http://localhost/"},
		{URL: "http://example.com", AllowUnencrypted: true},
	} {
		if _, err := New(good); err != nil {
			t.Error(err)
		}
	}
}
