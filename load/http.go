package load

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// HTTP is a system behind the APIs of its workers. When one doesn't answer, the next one is asked.
type HTTP struct {
	servers []*server
	client  *http.Client
	turn    atomic.Uint64
}

// server is one worker. One that didn't answer is left alone for a while, and then gets one
// request at a time until it answers: a process that was stopped takes connections, and keeps
// everybody waiting.
type server struct {
	url       string
	suspect   atomic.Bool
	downUntil atomic.Int64 // Unix ns, while suspect
	probed    atomic.Bool  // a request is there to see, while suspect
}

// free reports whether the worker may get a request.
func (s *server) free(now time.Time) bool {
	return !s.suspect.Load() ||
		s.downUntil.Load() <= now.UnixNano() && s.probed.CompareAndSwap(false, true)
}

func (s *server) answered() {
	s.suspect.Store(false)
	s.probed.Store(false)
}

func (s *server) failed() {
	s.downUntil.Store(time.Now().Add(downFor).UnixNano())
	s.suspect.Store(true)
	s.probed.Store(false)
}

const (
	// waitSeconds is how long a worker may wait for an outcome; then it is asked again.
	waitSeconds = 5
	// requestTimeout is more than a worker takes for a request by its defaults: 5 s to send the
	// command, and waitSeconds.
	requestTimeout = 15 * time.Second
	// downFor is how long a worker that couldn't be reached is left alone.
	downFor = time.Second
	// maxAnswerBytes limits what is read of an answer.
	maxAnswerBytes = 4 << 20
)

// NewHTTP returns a system of the workers at the URLs. It holds as many connections to each as
// there are commands and looks under way.
func NewHTTP(urls []string, concurrency int) (*HTTP, error) {
	transport := &http.Transport{
		MaxIdleConnsPerHost: 2 * concurrency, MaxConnsPerHost: 4 * concurrency,
		IdleConnTimeout: time.Minute,
	}
	h := &HTTP{client: &http.Client{Transport: transport, Timeout: requestTimeout}}
	for _, text := range urls {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("%q is no URL such as http://localhost:8080", text)
		}
		h.servers = append(h.servers, &server{url: strings.TrimRight(text, "/")})
	}
	if len(h.servers) == 0 {
		return nil, errors.New("no URL of a worker")
	}
	return h, nil
}

// Reach fails if no worker answers at all: before a run that is a wrong address; later it is what
// the run is for.
func (h *HTTP) Reach(ctx context.Context) error {
	var errs []error
	for range h.servers {
		var answer json.RawMessage
		_, err := h.do(ctx, http.MethodGet, "/readyz", nil, func(http.Header) {}, &answer)
		if err == nil {
			return nil
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("no worker answers: %w", errors.Join(errs...))
}

// Close closes the connections that are idle.
func (h *HTTP) Close() { h.client.CloseIdleConnections() }

// next returns a worker that isn't known to be down, if there is one. They take turns.
func (h *HTTP) next() *server {
	now := time.Now()
	n := uint64(len(h.servers))
	turn := h.turn.Add(1)
	for i := range n {
		if s := h.servers[(turn+i)%n]; s.free(now) {
			return s
		}
	}
	return h.servers[turn%n]
}

// reply is what a worker answers to commands: a command, or a problem with perhaps a command.
type reply struct {
	FirstSequence int64  `json:"firstSequence"`
	LastSequence  int64  `json:"lastSequence"`
	Code          string `json:"code"`
	Detail        string `json:"detail"`
	Command       *struct {
		Status string `json:"status"`
	} `json:"command"`
}

// Send posts a command and waits for its outcome.
func (h *HTTP) Send(ctx context.Context, c Command) (Answer, error) {
	body, err := json.Marshal(struct {
		Type string          `json:"type"`
		Data json.RawMessage `json:"data"`
	}{c.Type, c.Data})
	if err != nil {
		return Answer{Outcome: Refused}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	answer := Answer{Outcome: Unknown}
	path := "/" + c.Plural + "/" + url.PathEscape(c.Subject) + "/commands"
	for retry := (backoff{}); ; {
		answer.Attempts++
		var r reply
		status, err := h.do(ctx, http.MethodPost, path, body, func(header http.Header) {
			header.Set("Content-Type", "application/json")
			header.Set("Idempotency-Key", c.ID)
			header.Set("Prefer", "wait="+strconv.Itoa(waitSeconds))
			if c.Expected != nil {
				header.Set("If-Match", strconv.Quote(strconv.FormatInt(*c.Expected, 10)))
			}
		}, &r)
		if status != 0 {
			answer.HTTPStatus = status
		}
		switch {
		case err != nil: // asked again
		case status == http.StatusOK:
			answer.Outcome = Accepted
			answer.FirstSequence, answer.LastSequence = r.FirstSequence, r.LastSequence
			return answer, nil
		case r.Command != nil && r.Command.Status == "rejected":
			answer.Outcome, answer.Code = Rejected, r.Code
			return answer, nil
		case status == http.StatusAccepted:
			err = errors.New("it has no outcome yet")
		case temporary(status):
			err = fmt.Errorf("HTTP %d: %s: %s", status, r.Code, r.Detail)
		default:
			answer.Outcome = Refused
			return answer, fmt.Errorf("%w: HTTP %d: %s: %s", ErrRefused, status, r.Code, r.Detail)
		}
		if retry.wait(ctx) != nil {
			return answer, fmt.Errorf("no answer after %d tries; the last: %w", answer.Attempts, err)
		}
	}
}

// temporary reports whether it makes sense to ask again.
func temporary(status int) bool {
	return status >= 500 || status == http.StatusTooManyRequests ||
		status == http.StatusRequestTimeout
}

// do asks the next worker. The status is 0 if there was none.
func (h *HTTP) do(ctx context.Context, method, path string, body []byte,
	prepare func(http.Header), answer any,
) (status int, err error) {
	s := h.next()
	request, err := http.NewRequestWithContext(ctx, method, s.url+path, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("make the request: %w", err)
	}
	prepare(request.Header)
	response, err := h.client.Do(request)
	if err != nil {
		if ctx.Err() != nil {
			s.probed.Store(false) // nothing was learnt
		} else {
			s.failed()
		}
		return 0, err //nolint:wrapcheck // it names method, URL and cause
	}
	s.answered()
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return response.StatusCode, fmt.Errorf("read the answer of %s: %w", s.url, err)
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return response.StatusCode, fmt.Errorf("%s answered HTTP %d with something that is no JSON; "+
			"is it a worker?", s.url, response.StatusCode)
	}
	return response.StatusCode, nil
}
