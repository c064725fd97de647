package endpoint

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/views/httpapi/problem"
)

// Prefer is the header by which a client says how long it would wait (RFC 7240). What it can't be read as
// is no preference: that is what the RFC asks for.
type Prefer string

// Describe returns its description.
func (Prefer) Describe(c Context) *huma.Param {
	return Param(fmt.Sprintf("wait=SECONDS (RFC 7240): how long to wait for what is asked for, at most %d. "+
		"Preference-Applied says how long it was.", int(c.Wait.Seconds())),
		&huma.Schema{Type: huma.TypeString}, "wait=5")
}

// Wait returns how long the client would like to wait, at most limit. The first of several waits counts.
func (p Prefer) Wait(limit time.Duration) (time.Duration, bool) {
	for preference := range elements(string(p), ',') {
		name, value, _ := strings.Cut(firstElement(preference, ';'), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "wait") {
			continue
		}
		value = strings.Trim(strings.TrimSpace(value), `"`)
		seconds, err := strconv.ParseUint(value, 10, 32)
		if err != nil {
			return 0, false
		}
		return min(time.Duration(seconds)*time.Second, limit), true
	}
	return 0, false
}

// Applied returns what Preference-Applied says of a wait.
func Applied(wait time.Duration) string { return "wait=" + strconv.Itoa(int(wait/time.Second)) }

// Waiting returns a context that ends after the time to wait, or when the server stops; its cause is
// problem.ErrStopping then.
func (s *Set) Waiting(ctx context.Context, wait time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	ctx, stop := context.WithCancelCause(ctx)
	unregister := context.AfterFunc(s.stopping, func() { stop(problem.ErrStopping) })
	return ctx, func() {
		unregister()
		stop(nil)
		cancel()
	}
}

// firstElement returns the text before the first separator outside of quotes.
func firstElement(s string, separator byte) string {
	for element := range elements(s, separator) {
		return element
	}
	return ""
}

// elements yields the parts of a header's value between separators. A separator inside of a quoted
// string doesn't separate. Parts are trimmed, empty ones left out.
func elements(s string, separator byte) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		start, quoted := 0, false
		for i := 0; i <= len(s); i++ {
			switch {
			case i == len(s), s[i] == separator && !quoted:
				part := strings.TrimSpace(s[start:i])
				start = i + 1
				if part != "" && !yield(part) {
					return
				}
			case s[i] == '\\' && quoted:
				i++ // the next byte stands for itself
			case s[i] == '"':
				quoted = !quoted
			}
		}
	}
}
