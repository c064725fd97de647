package frame

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"refold/client"
	"refold/client/wire"
)

// Problem is an error that a page is made of: it says what is wrong, and what to do.
type Problem struct {
	Status int
	Title  string // "There is no such account"
	Detail string
	Do     string // what to do; may be empty
	Err    error  // the cause, for the log; may be nil
}

// Error returns title and detail.
func (p *Problem) Error() string {
	if p.Err != nil {
		return p.Title + ": " + p.Detail + ": " + p.Err.Error()
	}
	return p.Title + ": " + p.Detail
}

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.Err }

// NotFound is the problem of something that is not there.
func NotFound(title, detail string) *Problem {
	return &Problem{
		Status: http.StatusNotFound, Title: title, Detail: detail,
		Do: "Look whether the address is complete, or search by the field at the top.",
	}
}

// Invalid is the problem of a request that is not as it must be: what is wrong, and what would be right.
func Invalid(detail string) *Problem {
	return &Problem{
		Status: http.StatusBadRequest, Title: "The request is not valid", Detail: detail,
		Do: "Go back, correct it, and send it again.",
	}
}

// ProblemOf makes a problem of any error: those of the API keep their status and words.
func ProblemOf(err error) *Problem {
	if p, is := errors.AsType[*Problem](err); is {
		return p
	}
	if p, is := errors.AsType[*client.Problem](err); is {
		return ofAPI(p, err)
	}
	if _, is := errors.AsType[*client.UnavailableError](err); is {
		return &Problem{
			Status: http.StatusServiceUnavailable, Title: "The worker does not answer",
			Detail: "The request to the worker's API was broken off.", Do: "Try again in a moment.", Err: err,
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &Problem{
			Status: http.StatusGatewayTimeout, Title: "It takes too long",
			Detail: "The answer did not come in time.", Do: "Try again, or ask for less at a time.", Err: err,
		}
	}
	return &Problem{
		Status: http.StatusInternalServerError, Title: "Something is wrong in the console",
		Detail: "The worker's log has more about it.", Do: "Try again. If it stays, report it with the log.",
		Err: err,
	}
}

func ofAPI(p *client.Problem, err error) *Problem {
	out := &Problem{Status: p.Status, Title: p.Title, Detail: p.Detail, Err: err}
	switch {
	case p.Code == wire.CodeNotFound:
		out.Title = "There is no such thing"
		out.Do = "Look whether the ID is complete. What was written a moment ago may need another second."
	case p.Code == wire.CodeNotReady || p.Code == wire.CodeNoOwner || p.Code == wire.CodeNotYet:
		out.Title = "Not ready yet"
		out.Do = "A worker restores what it has to show, or partitions move. Try again in a few seconds; " +
			"/readyz says what is missing."
	case p.Code == wire.CodeNoHistory || p.Code == wire.CodeNoTraces || p.Code == wire.CodeNoViews:
		out.Title = "It is not kept here"
		out.Do = "A setting leaves it out, see the configuration."
	case p.IsRetriable():
		out.Title = "Not now"
		out.Do = "Try again in a moment."
	}
	return out
}

// fail answers with a problem page.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, p *Page, err error) {
	problem := ProblemOf(err)
	if problem.Status >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.options.Logger.LogAttrs(r.Context(), slog.LevelWarn, "a page of the console failed",
			slog.String("path", r.URL.Path), slog.Int("status", problem.Status), slog.Any("error", err))
	}
	p.Title = problem.Title
	if problem.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "2")
	}
	if err := p.write(w, r, problem.Status, layout(p, ProblemState(problem))); err != nil {
		http.Error(w, problem.Title, problem.Status)
	}
}
