package program

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// client talks to a worker's HTTP API.
type client struct {
	server string
	http   *http.Client
}

func newClient(server string, timeout time.Duration) (*client, error) {
	u, err := url.Parse(server)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--server %q is no URL such as http://localhost:8080", server)
	}
	return &client{strings.TrimRight(server, "/"), &http.Client{Timeout: timeout}}, nil
}

// answer is what the API says: a command, an aggregate or a problem.
type answer struct {
	status int
	raw    []byte

	// Of commands.
	ID            string `json:"id"`
	Type          string `json:"type"`
	Status        any    `json:"status"` // text of a command, a number of a problem
	Aggregate     string `json:"aggregate"`
	Subject       string `json:"subject"`
	FirstSequence int64  `json:"firstSequence"`
	LastSequence  int64  `json:"lastSequence"`
	Message       string `json:"message"`
	// Of aggregates.
	Sequence int64           `json:"sequence"`
	State    json.RawMessage `json:"state"`
	Time     string          `json:"time"` // of states of the past
	// Of problems and rejected commands.
	Code   string `json:"code"`
	Detail string `json:"detail"`
	Errors []struct {
		Path    string `json:"path"`
		Allowed string `json:"allowed"`
		Found   string `json:"found"`
	} `json:"errors"`
	Command *struct {
		ID string `json:"id"`
	} `json:"command"`
}

// maxAnswerBytes limits what is read of an answer.
const maxAnswerBytes = 16 << 20

func (c *client) do(
	ctx context.Context, method, path string, body []byte, header map[string]string,
) (*answer, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.server+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, value := range header {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.unanswered(err)
	}
	defer response.Body.Close()
	return c.read(response)
}

// unanswered is the error of a request that got no answer.
func (c *client) unanswered(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		err = failed.Err
	}
	return &unavailableError{fmt.Errorf(
		"no worker answers at %s: %w (is one running? --server names another)", c.server, err), false}
}

// read takes in an answer.
func (c *client) read(response *http.Response) (_ *answer, err error) {
	a := &answer{status: response.StatusCode}
	if a.raw, err = io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes)); err != nil {
		return nil, &unavailableError{fmt.Errorf("read the answer of %s: %w", c.server, err), false}
	}
	if err := json.Unmarshal(a.raw, a); err != nil {
		return nil, fmt.Errorf("%s answered %s with something that is no JSON; is it a worker?",
			c.server, response.Status)
	}
	return a, nil
}

// unavailableError says that no worker answers, or one that it can't answer now: it may help to try
// again.
type unavailableError struct {
	error

	isWorker bool // there is one
}

// Unwrap returns what was wrong.
func (e *unavailableError) Unwrap() error { return e.error }

// problem is an answer as an error, with every mistake that it lists.
func (a *answer) problem() error {
	var b strings.Builder
	b.WriteString(a.Detail)
	for _, e := range a.Errors {
		fmt.Fprintf(&b, "\n  %s: %s", e.Path, e.Allowed)
		if e.Found != "" {
			fmt.Fprintf(&b, ", not %s", e.Found)
		}
	}
	return fmt.Errorf("%s (HTTP %d, %s)", b.String(), a.status, a.Code)
}
