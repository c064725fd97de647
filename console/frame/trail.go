package frame

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
)

// Trail remembers what users do.
type Trail interface {
	// Begin is called before anything is done. After an error nothing is. The function that it returns is
	// told how it ended: with the status of the answer, and in words.
	Begin(ctx context.Context, d Deed) (
		end func(ctx context.Context, d Deed, status int, words string) error, err error,
	)
}

// Deed is what a user does by a page.
type Deed struct {
	User, What, On string
	// Path is where the console shows what it is done to.
	Path string
	// Parameters are the fields of the form.
	Parameters map[string]string
}

type recordedKey struct{}

// Recorded reports whether the trail has a record of what ctx works for, so that nobody need write another
// one.
func Recorded(ctx context.Context) bool { return ctx.Value(recordedKey{}) != nil }

// Concerns says what a POST is done to, and where the console shows it, where that is not what its path
// names.
func (p *Page) Concerns(on, path string) { p.on, p.onPath = on, path }

// recorded has the trail remember what a handler does. What it answers is held back until there is a record
// of the end: whoever did it is told if there is none.
func (s *Site) recorded(pattern string, h Handler) Handler {
	what := whatOf(pattern)
	return func(w http.ResponseWriter, r *http.Request, p *Page) error {
		if err := r.ParseForm(); err != nil {
			return Invalid("The form can't be read: " + err.Error() + ".")
		}
		d := Deed{User: p.User, What: what, Parameters: make(map[string]string, len(r.PostForm))}
		d.Path = r.URL.EscapedPath()[:strings.LastIndexByte(r.URL.EscapedPath(), '/')]
		d.On = strings.TrimPrefix(r.URL.Path[:strings.LastIndexByte(r.URL.Path, '/')], Root+"/")
		for name, values := range r.PostForm {
			if text := strings.Join(values, ", "); text != "" {
				d.Parameters[name] = text
			}
		}
		end, err := s.options.Trail.Begin(r.Context(), d)
		if err != nil {
			return &Problem{
				Status: http.StatusServiceUnavailable, Title: "Nothing was done",
				Detail: "The audit trail can't be written, and nothing is done of which there is no record.",
				Do: "Try again in a moment. If it stays, look whether Kafka answers and the topic is " +
					"there.",
				Err: err,
			}
		}
		held := &heldAnswer{ResponseWriter: w, status: http.StatusOK}
		failure := h(held, r.WithContext(context.WithValue(r.Context(), recordedKey{}, true)), p)
		status, outcome := held.status, ""
		if failure != nil {
			problem := ProblemOf(failure)
			status, outcome = problem.Status, problem.Error()
		}
		if p.on != "" || p.onPath != "" {
			d.On, d.Path = p.on, p.onPath
		}
		if err := end(r.Context(), d, status, outcome); err != nil {
			s.options.Logger.LogAttrs(r.Context(), slog.LevelError,
				"the audit trail lacks the end of an operation", slog.String("what", what),
				slog.String("on", d.On), slog.Int("status", status), slog.Any("error", err))
			w.Header().Del("Location") // of an answer that is not sent
			return &Problem{
				Status: http.StatusInternalServerError, Title: "The audit trail lacks the end of it",
				Detail: fmt.Sprintf("It ended with the status %d. The audit trail says that it was begun, "+
					"and not how it ended.", status),
				Do: "Look whether it was done before you do it again.", Err: err,
			}
		}
		if failure == nil {
			held.release()
		}
		return failure
	}
}

// whatOf names what is done under a pattern: "accounts/send" of "POST /console/accounts/{id}/send".
func whatOf(pattern string) string {
	_, path, _ := strings.Cut(pattern, " ")
	var names []string
	for name := range strings.SplitSeq(strings.TrimPrefix(path, Root+"/"), "/") {
		if name != "" && name[0] != '{' {
			names = append(names, name)
		}
	}
	return strings.Join(names, "/")
}

// heldAnswer is an answer that is not sent yet. Headers are set at once; nobody sees them before.
type heldAnswer struct {
	http.ResponseWriter

	status int
	body   bytes.Buffer
}

// WriteHeader keeps the status.
func (h *heldAnswer) WriteHeader(status int) { h.status = status }

// Write keeps a part of the body.
func (h *heldAnswer) Write(b []byte) (int, error) { return h.body.Write(b) }

func (h *heldAnswer) release() {
	h.ResponseWriter.WriteHeader(h.status)
	_, _ = h.ResponseWriter.Write(h.body.Bytes()) // a client that has left is no fault
}
