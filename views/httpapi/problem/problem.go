package problem

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"refold/client/wire"
	"refold/codecs"
	"refold/codecs/excerpt"
	"refold/views"
)

// Problem is an error as an answer: the body that clients get, and what goes with it.
type Problem struct {
	wire.Problem

	headers http.Header
	cause   error // logged, never shown
}

// ErrStopping is why waits end when the server stops.
var ErrStopping = errors.New("the server is stopping")

// retryAfter is what clients are told where a moment's patience helps.
const retryAfter = 1 * time.Second

// maxFoundBytes limits how much of the client's own input a mistake repeats.
const maxFoundBytes = 120

// Error returns the detail, and the cause if there is one: for the log.
func (p *Problem) Error() string {
	if p.cause != nil {
		return p.Detail + ": " + p.cause.Error()
	}
	return p.Detail
}

// Unwrap returns what led to the problem.
func (p *Problem) Unwrap() error { return p.cause }

// GetStatus returns the HTTP status. It, GetHeaders and ContentType are what huma asks of an error.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders returns the headers that go with the problem.
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType returns the media type of problems.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// New returns a problem with one of the codes of package wire, or one of an aggregate.
func New(status int, code, format string, args ...any) *Problem {
	return &Problem{
		Problem: wire.Problem{
			Title: http.StatusText(status), Status: status, Code: code, Detail: fmt.Sprintf(format, args...),
		},
		headers: http.Header{},
	}
}

// Invalid is the problem of a request with mistakes in it.
func Invalid(mistakes ...wire.Mistake) *Problem {
	return WithMistakes(wire.CodeInvalid, "the request is not valid", mistakes)
}

// WithMistakes is the problem of a request with mistakes in it, whose code and detail say where.
func WithMistakes(code, detail string, mistakes []wire.Mistake) *Problem {
	p := New(http.StatusBadRequest, code, "%s", detail)
	for _, m := range mistakes {
		m.Path, m.Found = Cut(m.Path), Cut(m.Found)
		p.Errors = append(p.Errors, m)
	}
	return p
}

// Cut shortens what the client has sent.
func Cut(text string) string { return excerpt.Of(text, maxFoundBytes) }

// Retry adds when to try again.
func (p *Problem) Retry() *Problem {
	p.headers.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	return p
}

// Set sets a header of the answer.
func (p *Problem) Set(name, value string) { p.headers.Set(name, value) }

// Because keeps what led to the problem, for the log.
func (p *Problem) Because(err error) *Problem {
	p.cause = err
	return p
}

// Of returns the problem that an error is for the client. What isn't known is internal, and
// its text stays inside.
func Of(err error) *Problem {
	var known *Problem
	var malformed *codecs.Malformed
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, views.ErrNotFound):
		return New(http.StatusNotFound, wire.CodeNotFound, "there is no such thing here")
	case errors.Is(err, views.ErrNotHere):
		return New(http.StatusServiceUnavailable, wire.CodeNotHere,
			"the partition is not on this server, or has just left it; nothing was sent, try again").
			Retry().Because(err)
	case errors.Is(err, views.ErrTooManyWaiters):
		return New(http.StatusServiceUnavailable, wire.CodeTooManyWaits,
			"too many requests are waiting already; ask without waiting, or later").Retry()
	case errors.Is(err, ErrStopping):
		return New(http.StatusServiceUnavailable, wire.CodeStopping,
			"this server is stopping; another one will answer").Retry()
	case errors.Is(err, views.ErrNotYet):
		return New(http.StatusServiceUnavailable, wire.CodeNotYet,
			"what was asked for has not arrived here yet").Retry()
	case errors.Is(err, views.ErrOff):
		return New(http.StatusServiceUnavailable, wire.CodeNoViews,
			"this server only processes: it keeps no copies and takes no commands; ask another").
			Because(err)
	case errors.Is(err, views.ErrNoHistory):
		return New(http.StatusServiceUnavailable, wire.CodeNoHistory,
			"this server keeps no histories (its option views.history); ask another").Because(err)
	case errors.Is(err, views.ErrNoTraces):
		return New(http.StatusServiceUnavailable, wire.CodeNoTraces,
			"this server keeps no traces (its option views.traces); ask another").Because(err)
	case errors.As(err, &malformed):
		return New(http.StatusInternalServerError, wire.CodeUnreadable,
			"the row can't be decoded (%s): %s", malformed.Reason, Cut(malformed.Error())).Because(err)
	case errors.Is(err, views.ErrUnfoldable):
		return New(http.StatusInternalServerError, wire.CodeUnfoldable, "%s", err.Error()).Because(err)
	case errors.Is(err, views.ErrNotReady):
		return New(http.StatusServiceUnavailable, wire.CodeNotReady,
			"this server can't read its copy now; its /readyz says what is missing").
			Retry().Because(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return New(http.StatusServiceUnavailable, wire.CodeTimeout,
			"the request took too long").Retry().Because(err)
	}
	return New(http.StatusInternalServerError, wire.CodeInternal,
		"something is broken in here; the log says what").Because(err)
}

// Write answers a request with a problem.
func Write(w http.ResponseWriter, p *Problem) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = Encode(w, p) // always nil
}
