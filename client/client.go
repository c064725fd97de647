package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Options changes what is usual. Zero fields take their default.
type Options struct {
	// HTTP makes the requests; one with the transport of http.DefaultTransport. It should have no time-out
	// of its own, which would end the live feed.
	HTTP *http.Client
	// RequestTimeout limits an answer of a worker, beside the wait that is asked for; 30 s.
	RequestTimeout time.Duration
	// AnswerBytes limits an answer; 16 MiB, which is what a worker makes of a page at most.
	AnswerBytes int64
}

// Client talks to workers. It is safe for concurrent use.
type Client struct {
	servers []*server
	options Options
	turn    atomic.Uint64
}

// New returns a client of the workers at the URLs. It connects to none yet.
func New(servers []string, o Options) (*Client, error) {
	if o.HTTP == nil {
		o.HTTP = &http.Client{}
	}
	if o.RequestTimeout == 0 {
		o.RequestTimeout = 30 * time.Second
	}
	if o.AnswerBytes == 0 {
		o.AnswerBytes = 16 << 20
	}
	c := &Client{options: o}
	for _, text := range servers {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("%q is no URL such as http://localhost:8080", text)
		}
		c.servers = append(c.servers, &server{url: strings.TrimRight(text, "/")})
	}
	if len(c.servers) == 0 {
		return nil, errors.New("no URL of a worker")
	}
	return c, nil
}

// Close closes the connections that are idle.
func (c *Client) Close() { c.options.HTTP.CloseIdleConnections() }

// request is what a worker is asked.
type request struct {
	method, path string // the path escaped, with its query
	body         []byte
	header       http.Header
	wait         time.Duration // that it asks for; answers may come so much later
	repeatable   bool          // asked twice, it does the same
}

func get(path string) *request {
	return &request{method: http.MethodGet, path: path, header: http.Header{}, repeatable: true}
}

func post(path string, body any) (*request, error) {
	r := &request{method: http.MethodPost, path: path, header: http.Header{}}
	if body == nil {
		return r, nil
	}
	var err error
	if r.body, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	r.header.Set("Content-Type", "application/json")
	return r, nil
}

// waiting asks to wait, in whole seconds.
func (r *request) waiting(wait time.Duration) *request {
	if wait > 0 {
		r.wait = wait
		r.header.Set("Prefer", "wait="+strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	return r
}

// answer is what a worker says.
type answer struct {
	server string
	status int
	header http.Header
	raw    json.RawMessage
}

// do asks one worker after the other until one answers.
func (c *Client) do(ctx context.Context, r *request) (*answer, error) {
	var last error
	for range c.servers {
		s := c.next()
		a, err := c.ask(ctx, s, r)
		if err == nil {
			return a, nil
		}
		last = err
		unavailable, is := errors.AsType[*UnavailableError](err)
		if !is || ctx.Err() != nil || !r.repeatable && !unavailable.untouched() {
			break
		}
	}
	return nil, last
}

// ask asks one worker.
func (c *Client) ask(ctx context.Context, s *server, r *request) (*answer, error) {
	limited, cancel := context.WithTimeout(ctx, c.options.RequestTimeout+r.wait)
	defer cancel()
	response, err := c.open(limited, s, r)
	s.noted(err, ctx.Err() != nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return c.read(s, response)
}

// open asks one worker, and returns its answer unread.
func (c *Client) open(ctx context.Context, s *server, r *request) (*http.Response, error) {
	made, err := http.NewRequestWithContext(ctx, r.method, s.url+r.path, bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	made.Header = r.header.Clone()
	response, err := c.options.HTTP.Do(made)
	if err != nil {
		if failed, is := errors.AsType[*url.Error](err); is {
			err = failed.Err
		}
		return nil, &UnavailableError{Server: s.url, Err: err}
	}
	return response, nil
}

// read takes in an answer.
func (c *Client) read(s *server, response *http.Response) (*answer, error) {
	a := &answer{server: s.url, status: response.StatusCode, header: response.Header}
	var err error
	if a.raw, err = io.ReadAll(io.LimitReader(response.Body, c.options.AnswerBytes+1)); err != nil {
		return nil, &UnavailableError{Server: s.url, Err: fmt.Errorf("read the answer: %w", err)}
	}
	if int64(len(a.raw)) > c.options.AnswerBytes {
		return nil, fmt.Errorf("the answer of %s is larger than %d bytes", s.url, c.options.AnswerBytes)
	}
	return a, nil
}

// into decodes an answer of one of the statuses, 200 if none is named; any other one is a *Problem.
func (a *answer) into(body any, statuses ...int) error {
	good := len(statuses) == 0 && a.status == http.StatusOK
	for _, status := range statuses {
		good = good || a.status == status
	}
	if !good {
		return a.problem()
	}
	if err := json.Unmarshal(a.raw, body); err != nil {
		return a.noJSON()
	}
	return nil
}

func (a *answer) noJSON() error {
	return &NoWorkerError{Server: a.server, Status: a.status}
}

// fetch asks for something, and decodes the answer.
func (c *Client) fetch(ctx context.Context, r *request, body any, statuses ...int) (*answer, error) {
	a, err := c.do(ctx, r)
	if err != nil {
		return nil, err
	}
	err = a.into(body, statuses...)
	return a, err
}

// isDial reports whether a connection could not be made, so that nothing was sent.
func isDial(err error) bool {
	failed, is := errors.AsType[*net.OpError](err)
	return is && failed.Op == "dial"
}
