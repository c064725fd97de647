package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"

	"refold/projections"
)

// client sends requests to a node of the cluster.
type client struct {
	options Options
	http    *http.Client
	node    atomic.Uint64 // of Addresses, modulo their number: the one that answers
}

func newClient(o Options) *client {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = o.TLS
	return &client{options: o, http: &http.Client{Transport: transport, Timeout: o.Timeout}}
}

// maxAnswerBytes bounds an answer: more than a page of the largest rows that OpenSearch takes in one request.
const maxAnswerBytes = 512 << 20

// The types of bodies.
const (
	typeJSON  = "application/json"
	typeLines = "application/x-ndjson"
)

// send sends a request, and returns the body of an answer below 400. Any other answer is a *failure. After a
// request that no answer came to, the next one goes to the next node.
func (c *client) send(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	node := c.node.Load()
	address := c.options.Addresses[node%uint64(len(c.options.Addresses))]
	url := strings.TrimSuffix(address, "/") + path
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", method, path, err)
	}
	if len(body) > 0 {
		request.Header.Set("Content-Type", contentType)
	}
	if c.options.User != "" {
		request.SetBasicAuth(c.options.User, c.options.Password)
	}
	response, err := c.http.Do(request)
	if err != nil {
		c.node.CompareAndSwap(node, node+1)
		return nil, fmt.Errorf("OpenSearch: %w", err) // it names method and URL
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("OpenSearch: the answer to %s %s: %w", method, path, err)
	case len(answer) > maxAnswerBytes:
		return nil, fmt.Errorf("OpenSearch: the answer to %s %s has more than %d bytes", method, path,
			maxAnswerBytes)
	case response.StatusCode >= http.StatusBadRequest:
		return nil, failureOf(method+" "+path, response.StatusCode, answer)
	}
	return answer, nil
}

// call sends JSON and reads JSON. A nil in is no body, and a nil out leaves the answer unread.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("%s %s: %w", method, path, err)
		}
	}
	answer, err := c.send(ctx, method, path, typeJSON, body)
	if err != nil || out == nil {
		return err
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("OpenSearch: the answer to %s %s: %w", method, path, err)
	}
	return nil
}

// failure is an answer that says that a request, or an item of one, was not done.
type failure struct {
	what   string // the request
	status int
	kind   string // such as index_not_found_exception
	reason string
	body   []byte // of the answer, if it is about the whole request
}

// Error returns all of it.
func (f *failure) Error() string {
	return fmt.Sprintf("OpenSearch: %s: status %d: %s: %s", f.what, f.status, f.kind, f.reason)
}

// cause is the error in an answer.
type cause struct {
	Type   string `json:"type"`
	Reason string `json:"reason"`
	Cause  *cause `json:"caused_by"`
}

// full returns the reason with those behind it.
func (c *cause) full() string {
	reason := c.Reason
	for c = c.Cause; c != nil; c = c.Cause {
		reason += ": " + c.Reason
	}
	return reason
}

const maxReasonBytes = 500

// failureOf reads the body of an answer. A proxy on the way may have made it.
func failureOf(what string, status int, body []byte) *failure {
	f := &failure{what: what, status: status, kind: http.StatusText(status), body: body}
	var answer struct {
		Error json.RawMessage `json:"error"`
	}
	var c cause
	if json.Unmarshal(body, &answer) == nil && json.Unmarshal(answer.Error, &c) == nil {
		f.kind, f.reason = c.Type, c.full()
	} else {
		f.reason = string(body)
	}
	f.reason = shortened(f.reason)
	return f
}

func shortened(reason string) string { return reason[:min(len(reason), maxReasonBytes)] }

// The types of errors that are told apart.
const (
	noIndex     = "index_not_found_exception"
	indexExists = "resource_already_exists_exception"
)

// is reports whether an error is a failure of that type.
func is(err error, kind string) bool {
	var f *failure
	return errors.As(err, &f) && f.kind == kind
}

// conflict reports whether an error says that a document or an alias is not as it was thought to be.
func conflict(err error) bool {
	var f *failure
	return errors.As(err, &f) && f.status == http.StatusConflict
}

// judge returns what a failure about a row means: *projections.Poison if OpenSearch does not take its
// content, ErrNoBuild if its index is gone, and otherwise a fault, such as too many requests.
func judge(f *failure) error {
	switch {
	case f.kind == noIndex:
		return fmt.Errorf("%w: %w", projections.ErrNoBuild, f)
	case f.status == http.StatusBadRequest, f.status == http.StatusRequestEntityTooLarge:
		return &projections.Poison{Reason: projections.PoisonRefused, Err: f}
	default:
		return f
	}
}
