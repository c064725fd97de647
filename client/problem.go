package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"refold/client/wire"
)

// Problem is what a worker answers with if it can't do what is asked. Code says what is wrong; those of this
// API are the Code constants of package wire.
type Problem struct {
	wire.Problem

	Server     string
	RetryAfter time.Duration   // the worker's advice; 0: none
	Raw        json.RawMessage // the answer as it came
}

// Error returns the detail, every mistake in the request, and the code.
func (p *Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.Detail)
	for _, e := range p.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", e.Path, e.Allowed)
		if e.Found != "" {
			fmt.Fprintf(&b, ", not %s", e.Found)
		}
	}
	return fmt.Sprintf("%s (HTTP %d, %s)", b.String(), p.Status, p.Code)
}

// IsRetriable reports whether the same request may succeed later: the trouble is the worker's.
func (p *Problem) IsRetriable() bool {
	return p.Status >= http.StatusInternalServerError || p.Status == http.StatusTooManyRequests ||
		p.Status == http.StatusRequestTimeout
}

// problem returns an answer as an error.
func (a *answer) problem() error {
	p := &Problem{Server: a.server, Raw: a.raw}
	if json.Unmarshal(a.raw, &p.Problem) != nil {
		return a.noJSON()
	}
	p.Status = a.status
	if seconds, err := strconv.Atoi(a.header.Get("Retry-After")); err == nil {
		p.RetryAfter = time.Duration(seconds) * time.Second
	}
	return p
}

// UnavailableError says that a worker could not be asked, or did not answer in time. The request may have
// reached it.
type UnavailableError struct {
	Server string
	Err    error
}

// Error says which worker, and why.
func (e *UnavailableError) Error() string {
	return fmt.Sprintf("no worker answers at %s: %v", e.Server, e.Err)
}

// Unwrap returns why.
func (e *UnavailableError) Unwrap() error { return e.Err }

// untouched reports whether the worker certainly has not got the request.
func (e *UnavailableError) untouched() bool { return isDial(e.Err) }

// NoWorkerError says that something else than a worker answers, such as a proxy.
type NoWorkerError struct {
	Server string
	Status int // of its answer
}

// Error says so.
func (e *NoWorkerError) Error() string {
	return fmt.Sprintf("%s answered %d %s with something that is no JSON; is it a worker?",
		e.Server, e.Status, http.StatusText(e.Status))
}

// IsRetriable reports whether it makes sense to ask again: no worker answered, or one that can't do it now.
func IsRetriable(err error) bool {
	if p, is := errors.AsType[*Problem](err); is {
		return p.IsRetriable()
	}
	if other, is := errors.AsType[*NoWorkerError](err); is {
		return other.Status >= http.StatusInternalServerError
	}
	_, is := errors.AsType[*UnavailableError](err)
	return is
}

// HasCode reports whether an error is a problem with that code.
func HasCode(err error, code string) bool {
	p, is := errors.AsType[*Problem](err)
	return is && p.Code == code
}

// IsNotFound reports whether a worker answered that there is no such thing.
func IsNotFound(err error) bool {
	p, is := errors.AsType[*Problem](err)
	return is && p.Status == http.StatusNotFound
}
