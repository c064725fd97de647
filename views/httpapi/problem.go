package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/codecs"
	"refold/codecs/excerpt"
	"refold/views"
)

// Problem is the body of every error (RFC 9457). Its type is about:blank, hence left out; Code
// tells the kinds of problems apart.
type Problem struct {
	Title  string    `json:"title" doc:"The status in words." example:"Bad Request"`
	Status int       `json:"status" doc:"The HTTP status." example:"400"`
	Code   string    `json:"code" doc:"What is wrong, for programs: stable." example:"invalid-request"`
	Detail string    `json:"detail" doc:"What is wrong, for people." example:"it is not valid"`
	Errors []mistake `json:"errors,omitempty" nullable:"false" doc:"Every mistake."`
	// Command is set on rejections, Checks where readiness is red.
	Command *commandBody `json:"command,omitempty" doc:"The rejected command."`
	Checks  []checkBody  `json:"checks,omitempty" nullable:"false" doc:"What is ready or not."`

	headers http.Header
	cause   error // logged, never shown
}

// mistake is one wrong thing in a request.
type mistake struct {
	Path    string `json:"path" doc:"Where it is." example:"body.data.amount"`
	Allowed string `json:"allowed" doc:"What would be right." example:"a whole number"`
	Found   string `json:"found" doc:"What was there, cut short if long." example:"\"ten\""`
}

// Codes of problems that are no rejections by the domain.
const (
	codeInvalid          = "invalid-request"
	codeMalformedJSON    = "malformed-json"
	codeUnknownType      = "unknown-command-type"
	codeInvalidCommand   = "invalid-command"
	codeKeyReused        = "idempotency-key-reused"
	codeUnmet            = "precondition-failed"
	codeNotFound         = "not-found"
	codeNoRoute          = "no-such-route"
	codeMethod           = "method-not-allowed"
	codeMediaType        = "unsupported-media-type"
	codeTooLarge         = "body-too-large"
	codeHeaderTooLarge   = "header-too-large"
	codeBodyTimeout      = "body-timeout"
	codeNotReady         = "not-ready"
	codeNotYet           = "not-yet"
	codeNoViews          = "no-views"
	codeNoHistory        = "no-history"
	codeUnfoldable       = "history-unfoldable"
	codeUnreadable       = "row-unreadable"
	codeNoTraces         = "no-traces"
	codeTooManyWaits     = "too-many-waits"
	codeTooManyListeners = "too-many-listeners"
	codeStopping         = "stopping"
	codeTimeout          = "timeout"
	codeOutcomeUnknown   = "outcome-unknown"
	codeBusy             = "busy"
	codeRebuildOpen      = "rebuild-open"
	codeRebuildEnded     = "rebuild-ended"
	codeRebuildRunning   = "rebuild-running"
	codeNoRebuild        = "no-rebuild"
	codeInternal         = "internal"
)

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

func problem(status int, code, format string, args ...any) *Problem {
	return &Problem{
		Title: http.StatusText(status), Status: status, Code: code,
		Detail: fmt.Sprintf(format, args...), headers: http.Header{},
	}
}

// invalid is the problem of a request with mistakes in it.
func invalid(mistakes ...mistake) *Problem {
	return withMistakes(codeInvalid, "the request is not valid", mistakes)
}

func withMistakes(code, detail string, mistakes []mistake) *Problem {
	p := problem(http.StatusBadRequest, code, "%s", detail)
	for _, m := range mistakes {
		m.Path, m.Found = cut(m.Path), cut(m.Found)
		p.Errors = append(p.Errors, m)
	}
	return p
}

// cut shortens what the client has sent.
func cut(text string) string { return excerpt.Of(text, maxFoundBytes) }

// retry says when to try again.
func (p *Problem) retry() *Problem {
	p.headers.Set("Retry-After", strconv.Itoa(int(retryAfter.Seconds())))
	return p
}

// because keeps what led to the problem, for the log.
func (p *Problem) because(err error) *Problem {
	p.cause = err
	return p
}

// asProblem returns the problem that an error is for the client. What isn't known is internal, and
// its text stays inside.
func asProblem(err error) *Problem {
	var known *Problem
	var malformed *codecs.Malformed
	switch {
	case errors.As(err, &known):
		return known
	case errors.Is(err, views.ErrNotFound):
		return problem(http.StatusNotFound, codeNotFound, "there is no such thing here")
	case errors.Is(err, views.ErrTooManyWaiters):
		return problem(http.StatusServiceUnavailable, codeTooManyWaits,
			"too many requests are waiting already; ask without waiting, or later").retry()
	case errors.Is(err, errStopping):
		return problem(http.StatusServiceUnavailable, codeStopping,
			"this server is stopping; another one will answer").retry()
	case errors.Is(err, views.ErrNotYet):
		return problem(http.StatusServiceUnavailable, codeNotYet,
			"what was asked for has not arrived here yet").retry()
	case errors.Is(err, views.ErrOff):
		return problem(http.StatusServiceUnavailable, codeNoViews,
			"this server only processes: it keeps no copies and takes no commands; ask another").
			because(err)
	case errors.Is(err, views.ErrNoHistory):
		return problem(http.StatusServiceUnavailable, codeNoHistory,
			"this server keeps no histories (its option views.history); ask another").because(err)
	case errors.Is(err, views.ErrNoTraces):
		return problem(http.StatusServiceUnavailable, codeNoTraces,
			"this server keeps no traces (its option views.traces); ask another").because(err)
	case errors.As(err, &malformed):
		return problem(http.StatusInternalServerError, codeUnreadable,
			"the row can't be decoded (%s): %s", malformed.Reason, cut(malformed.Error())).because(err)
	case errors.Is(err, views.ErrUnfoldable):
		return problem(http.StatusInternalServerError, codeUnfoldable, "%s", err.Error()).because(err)
	case errors.Is(err, views.ErrNotReady):
		return problem(http.StatusServiceUnavailable, codeNotReady,
			"this server can't read its copy now; its /readyz says what is missing").
			retry().because(err)
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return problem(http.StatusServiceUnavailable, codeTimeout,
			"the request took too long").retry().because(err)
	}
	return problem(http.StatusInternalServerError, codeInternal,
		"something is broken in here; the log says what").because(err)
}

// asProblem is the function asProblem, and logs what an operator must know.
func (s *Server) asProblem(ctx context.Context, operation string, err error) *Problem {
	p := asProblem(err)
	if p.Code == codeInternal {
		s.logger.ErrorContext(ctx, "HTTP request failed", "operation", operation, "error", err)
	}
	return p
}

// fromHuma turns the errors that huma finds by itself into ours: it is a huma.Transformer.
func fromHuma(limits Limits) huma.Transformer {
	return func(_ huma.Context, _ string, v any) (any, error) {
		model, is := v.(*huma.ErrorModel)
		if !is {
			return v, nil
		}
		switch model.Status {
		case http.StatusRequestEntityTooLarge:
			return problem(model.Status, codeTooLarge,
				"the body is larger than %d bytes", limits.BodyBytes), nil
		case http.StatusRequestTimeout:
			return problem(model.Status, codeBodyTimeout,
				"the body did not arrive within %v", limits.ReadTimeout), nil
		case http.StatusBadRequest:
			return missingBody(), nil
		}
		return problem(model.Status, codeInternal, "%s", model.Detail), nil
	}
}

// writeProblem writes a problem outside of huma.
func writeProblem(w http.ResponseWriter, p *Problem) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = marshalJSON(w, p) // always nil
}
