package webhook

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"refold/codecs/excerpt"
	"refold/reactions"
	"refold/tracing"
)

const (
	// maxAnswer is how much of an answer is read, so that its connection can be used again.
	maxAnswer = 64 << 10
	// maxExcerpt is how much of it is shown in errors, in bytes.
	maxExcerpt = 200
	// maxWait is the longest Retry-After that is heeded.
	maxWait = time.Hour
)

// Hook sends events to a URL. It is safe for concurrent use.
type Hook struct {
	o       Options
	client  *http.Client
	circuit *circuit
	fault   atomic.Pointer[error] // the last one
	now     func() time.Time
}

// New returns a hook. The error lists all that is wrong with the options.
func New(o Options) (*Hook, error) {
	o.complete()
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	h := &Hook{o: o, now: time.Now, circuit: newCircuit(o.Faults, o.Pause)}
	h.client = &http.Client{
		Transport: o.Transport, Timeout: o.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	if o.SecretFile != "" {
		if _, err := h.secret(); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// Post returns a function for [reactions.To] that sends events by the hook.
func Post[E any](h *Hook) func(context.Context, reactions.Event[E]) error {
	return func(ctx context.Context, e reactions.Event[E]) error {
		body, err := e.JSON()
		if err != nil {
			return reactions.Refuse(fmt.Errorf("the event has no JSON: %w", err))
		}
		header := http.Header{}
		set := func(name, value string) {
			if value != "" {
				header.Set(name, escape(value))
			}
		}
		set("ce-specversion", "1.0")
		set("ce-id", e.ID)
		set("ce-type", e.Type)
		set("ce-source", cmp.Or(h.o.Source, e.Source))
		set("ce-subject", e.Subject)
		if !e.Time.IsZero() {
			set("ce-time", e.Time.UTC().Format(time.RFC3339Nano))
		}
		set("ce-sequence", strconv.FormatInt(e.Sequence, 10))
		set("ce-correlationid", e.CorrelationID)
		set("Idempotency-Key", e.Key)
		set("traceparent", tracing.Clean(e.Traceparent))
		return h.post(ctx, escape(e.Key), header, body)
	}
}

// post sends a request, unless the circuit is open.
func (h *Hook) post(ctx context.Context, id string, header http.Header, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.o.URL, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	request.Header = header
	request.Header.Set("Content-Type", "application/json")
	for name, value := range h.o.Headers {
		request.Header.Set(name, value)
	}
	if err := h.sign(request.Header, id, body); err != nil {
		return err
	}
	if wait := h.circuit.ask(h.now()); wait > 0 {
		return reactions.After(wait, fmt.Errorf("%w, after %w", errOpen, *h.fault.Load()))
	}
	wait, err := h.answered(h.client.Do(request))
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		h.circuit.abandon() // nobody waits for the answer any more, which says nothing of the receiver
		return err
	}
	fault := err != nil && !errors.Is(err, errRefused)
	if fault {
		h.fault.Store(&err) // before the circuit opens
	}
	h.circuit.tell(h.now(), fault, wait)
	switch {
	case errors.Is(err, errRefused):
		return reactions.Refuse(err)
	case err != nil && wait > 0:
		return reactions.After(wait, err)
	}
	return err
}

var (
	// errOpen says that no request was made.
	errOpen = errors.New("the receiver has failed too often, and is left alone for a while")
	// errRefused says that the receiver does not want the event.
	errRefused = errors.New("the receiver refuses the event")
)

// answered returns what an answer means, and how long to wait before the next request.
func (h *Hook) answered(answer *http.Response, err error) (time.Duration, error) {
	if err != nil {
		return 0, err //nolint:wrapcheck // it names method and URL
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, maxAnswer)) // it only explains
	said := fmt.Errorf("%s: %s", answer.Status, excerpt.Of(strings.TrimSpace(string(text)), maxExcerpt))
	switch code := answer.StatusCode; {
	case code >= 200 && code < 300:
		return 0, nil
	case code == http.StatusRequestTimeout, code == http.StatusTooEarly, code == http.StatusTooManyRequests,
		code >= 500, code < 400:
		return h.retryAfter(answer.Header.Get("Retry-After")), said
	default:
		return 0, fmt.Errorf("%w: %w", errRefused, said)
	}
}

// retryAfter reads the header of that name: seconds, or a date.
func (h *Hook) retryAfter(text string) time.Duration {
	wait := time.Duration(0)
	if seconds, err := strconv.ParseInt(text, 10, 32); err == nil {
		wait = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(text); err == nil {
		wait = at.Sub(h.now())
	}
	return min(max(wait, 0), maxWait)
}

// sign adds the signature of a request.
func (h *Hook) sign(header http.Header, id string, body []byte) error {
	header.Set("Webhook-Id", id)
	at := strconv.FormatInt(h.now().Unix(), 10)
	header.Set("Webhook-Timestamp", at)
	if h.o.SecretFile == "" {
		return nil
	}
	secret, err := h.secret()
	if err != nil {
		return err
	}
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	header.Set("Webhook-Signature", "v1,"+base64.StdEncoding.EncodeToString(mac.Sum(nil)))
	return nil
}

// secretPrefix begins a secret that is written in base64.
const secretPrefix = "whsec_"

// secret reads the secret: it may be renewed at any time.
func (h *Hook) secret() ([]byte, error) {
	text, err := os.ReadFile(h.o.SecretFile)
	if err != nil {
		return nil, fmt.Errorf("read the webhook's secret: %w", err)
	}
	text = bytes.TrimSpace(text)
	if encoded, is := bytes.CutPrefix(text, []byte(secretPrefix)); is {
		if text, err = base64.StdEncoding.DecodeString(string(encoded)); err != nil {
			return nil, fmt.Errorf("the webhook's secret in %s begins with %s, and the rest is no base64",
				h.o.SecretFile, secretPrefix)
		}
	}
	if len(text) < minSecret {
		return nil, fmt.Errorf("the webhook's secret in %s has %d bytes; it must have %d at least",
			h.o.SecretFile, len(text), minSecret)
	}
	return text, nil
}

// escape returns a text as a header can have it, as the HTTP binding of CloudEvents says: what is not
// printable ASCII is in percent encoding, and so are spaces, quotes and percent signs.
func escape(text string) string {
	var b strings.Builder
	for i := range len(text) {
		if c := text[i]; c > ' ' && c < 0x7f && c != '"' && c != '%' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
