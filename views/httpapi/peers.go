package httpapi

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"

	"refold/client/wire"
	"refold/tracing"
	"refold/views/httpapi/problem"
)

// peers asks other pods.
type peers struct {
	instance  string // this pod
	limits    Limits
	transport http.RoundTripper
	slots     chan struct{} // one is taken by each request
	metrics   *peerMetrics
}

func newPeers(o *Options) (*peers, error) {
	metrics, err := newPeerMetrics(o.Registerer)
	if err != nil {
		return nil, err
	}
	transport := o.Peers
	if transport == nil {
		transport = newTransport(o.Limits)
	}
	return &peers{o.Instance, o.Limits, transport, make(chan struct{}, o.Limits.Forwards), metrics}, nil
}

// newTransport returns a pool of connections to other pods. It knows no proxy and unpacks nothing. An idle
// connection is closed long before the other side does: a request that meets that close is lost.
func newTransport(l Limits) *http.Transport {
	return &http.Transport{
		DialContext:         (&net.Dialer{Timeout: l.DialTimeout}).DialContext,
		DisableCompression:  true,
		MaxIdleConnsPerHost: l.IdlePeers,
		IdleConnTimeout:     l.IdleTimeout / 2,
		// The links of an answer are in its header.
		MaxResponseHeaderBytes: int64(2*LinkBytes + l.HeaderBytes),
	}
}

func (p *peers) close() {
	if pool, is := p.transport.(interface{ CloseIdleConnections() }); is {
		pool.CloseIdleConnections()
	}
}

// outcome is what became of a request to another pod.
type outcome string

const (
	answered    outcome = "answered"
	misdirected outcome = "misdirected" // 421: it has not the partition
	unreachable outcome = "unreachable" // no connection: it has got nothing
	stranger    outcome = "stranger"    // another program has its address
	broken      outcome = "broken"      // no whole answer: it may have handled the request
	late        outcome = "late"        // no answer in time: likewise
	abandoned   outcome = "abandoned"   // the client has left, or this server stops
	busy        outcome = "busy"        // as many requests wait for pods as may
)

// peerError says why a pod has not answered.
type peerError struct {
	outcome outcome
	place   Place
	missing []string // by headerNotHere
	err     error
}

func (e *peerError) Error() string {
	return fmt.Sprintf("%s at %s: %s: %v", e.place.Instance, e.place.Address, e.outcome, e.err)
}

func (e *peerError) Unwrap() error { return e.err }

// untouched reports whether the request certainly was not handled.
func (e *peerError) untouched() bool { return e.misleads() || e.outcome == busy }

// misleads reports whether the pod should not be asked again before there is news of it.
func (e *peerError) misleads() bool {
	return e.outcome == misdirected || e.outcome == unreachable || e.outcome == stranger
}

// errStranger is why an answer is not taken.
var errStranger = errors.New("another program answers")

// do asks a pod and returns its answer, of which Limits.ForwardBytes are in memory: the pod has limit for
// them. Any answer of the pod's own is one, but for 421. The error is a *peerError. The path, query and
// headers are the request's, which it may change.
func (p *peers) do(r *http.Request, body []byte, place Place, limit time.Duration) (
	response *http.Response, err error,
) {
	start, result := time.Now(), answered
	defer func() { p.metrics.observe(result, time.Since(start)) }()
	fail := func(why outcome, err error) (*http.Response, error) {
		result = why
		return nil, &peerError{outcome: why, place: place, err: err}
	}
	select {
	case p.slots <- struct{}{}:
	default:
		return fail(busy, fmt.Errorf("%d requests wait for other pods already", p.limits.Forwards))
	}
	ctx, cancel := context.WithCancelCause(r.Context())
	timer := time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	release := func() {
		timer.Stop()
		cancel(nil)
		<-p.slots
	}
	defer func() {
		if err != nil {
			release()
		}
	}()
	r = p.address(r.WithContext(ctx), body, place)
	if response, err = p.transport.RoundTrip(r); err != nil {
		return fail(p.why(ctx, err), err)
	}
	if response.Header.Get(headerAnswered) != place.Instance {
		_ = response.Body.Close() // it is nobody's
		return fail(stranger, errStranger)
	}
	if response.StatusCode == http.StatusMisdirectedRequest {
		missing := response.Header.Get(headerNotHere)
		_, _ = io.CopyN(io.Discard, response.Body, 1<<10) // lets the connection be used again
		_ = response.Body.Close()
		result = misdirected
		return nil, &peerError{
			misdirected, place, strings.Split(missing, ", "), errors.New("it does not have " + missing),
		}
	}
	if err := p.takeIn(response, release); err != nil {
		_ = response.Body.Close() // there is no more of it
		return fail(p.why(ctx, err), fmt.Errorf("read the answer: %w", err))
	}
	timer.Stop() // the rest has the time of the client's request
	response.Header.Del(headerAnswered)
	return response, nil
}

// address turns a request to the pod, marked.
func (p *peers) address(r *http.Request, body []byte, place Place) *http.Request {
	r.Header = r.Header.Clone()
	r.Header.Set(headerForwarded, p.instance)
	target := *r.URL
	target.Scheme, target.Host = "http", place.Address
	r.URL, r.Host, r.RequestURI = &target, "", ""
	r.ContentLength, r.TransferEncoding = int64(len(body)), nil
	r.Body, r.GetBody = http.NoBody, nil
	if len(body) > 0 {
		r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
		r.Body, _ = r.GetBody()
	}
	return r
}

// why tells what an error of a transport is.
func (p *peers) why(ctx context.Context, err error) outcome {
	var network *net.OpError
	switch {
	case errors.Is(context.Cause(ctx), context.DeadlineExceeded):
		return late
	case ctx.Err() != nil:
		return abandoned
	case errors.As(err, &network) && network.Op == "dial":
		return unreachable
	}
	return broken
}

// takeIn reads the beginning of an answer, most of them whole; nothing of a stream, which has no end.
func (p *peers) takeIn(response *http.Response, release func()) error {
	var start []byte
	if media, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")); media != mediaEvents {
		var err error
		start, err = io.ReadAll(io.LimitReader(response.Body, int64(p.limits.ForwardBytes)+1))
		if err != nil {
			return err //nolint:wrapcheck // the caller says what it was doing
		}
	}
	rest := response.Body
	response.Body = &answerBody{io.MultiReader(bytes.NewReader(start), rest), rest, release}
	return nil
}

// answerBody is an answer's body, of which some was read already.
type answerBody struct {
	io.Reader

	rest    io.Closer
	release func()
}

// Close gives the connection back.
func (b *answerBody) Close() error {
	defer b.release()
	return b.rest.Close() //nolint:wrapcheck // as the transport has it
}

// underSpan lets what another pod does be a child of this request's span. Of a trace that isn't sampled the
// client's own traceparent goes on, which says so.
func underSpan(ctx context.Context, header http.Header) {
	span := trace.SpanFromContext(ctx)
	own := span.SpanContext()
	if own.IsValid() && !own.IsRemote() && (header.Get("Traceparent") == "" || span.IsRecording()) {
		header.Set("Traceparent", tracing.Format(own))
	}
}

// tooManyForwards is the problem of a request that would be one too many.
func tooManyForwards(err error) *problem.Problem {
	return problem.New(http.StatusServiceUnavailable, wire.CodeBusy,
		"too many requests wait for other pods already; nothing was sent, try again").Retry().Because(err)
}
