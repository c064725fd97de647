package simulate_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
)

// Readers and pods reach pods here: by HTTP as the API's handler has it, without a wire below. An address
// leads to the process that the worker is now.

// webKey stands for a request to a pod where kinds of requests to brokers are counted.
const webKey kmsg.Key = -1

// errUnreachable is what a dialer says.
func errUnreachable(host string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("nobody listens at " + host)}
}

// onWay is what becomes of a request to a pod.
type onWay struct {
	astray   bool                  // the address leads nowhere
	held     time.Duration         // it arrives later
	arrived  func(target *process) // is called when it has arrived; may be nil
	answered func(target *process) // … when the pod has read, before anybody sees its answer; may be nil
	lost     bool                  // the answer is
}

// send sends a request to the pod at its address.
func (s *simulation) send(r *http.Request, way onWay) (*http.Response, error) {
	ctx := r.Context()
	takes := s.nextLatency(request{0, webKey.Int16()})
	if !passes(ctx, takes+way.held) {
		return nil, ctx.Err()
	}
	target := s.processAt(r.URL.Host)
	if target == nil || way.astray {
		return nil, errUnreachable(r.URL.Host)
	}
	pod := target.pod.Load()
	if pod == nil {
		return nil, errUnreachable(r.URL.Host)
	}
	if way.arrived != nil {
		way.arrived(target)
	}
	answer := make(chan *http.Response, 1)
	s.processes.Go(func() { answer <- pod.answer(r) }) //nolint:bodyclose // it is in memory
	var response *http.Response
	select {
	case response = <-answer:
	case <-target.dead:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if way.answered != nil {
		way.answered(target)
	}
	if response == nil || way.lost || target.isDead() {
		return nil, errCut
	}
	if !passes(ctx, takes) {
		return nil, ctx.Err()
	}
	return response, nil
}

// answer has the pod's API handle a request; nil: it has cut the connection.
func (o *pod) answer(r *http.Request) (response *http.Response) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(o.process.ctx, cancel)()
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler { //nolint:errorlint // as net/http does
			panic(p)
		}
	}()
	in := r.Clone(ctx)
	in.RequestURI = r.URL.RequestURI()
	in.URL, _ = url.ParseRequestURI(in.RequestURI)
	in.Host, in.RemoteAddr = r.URL.Host, "a client"
	if in.Body == nil {
		in.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	o.server.Handler().ServeHTTP(w, in)
	response = w.Result()
	response.Request = r
	return response
}

// processAt returns the process that is reached at an address, nil: none.
func (s *simulation) processAt(host string) *process {
	name, _, _ := strings.Cut(host, ":")
	worker, err := strconv.Atoi(strings.TrimPrefix(name, "pod-"))
	if err != nil {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.alive[worker]
	if p == nil || p.isDead() {
		return nil
	}
	return p
}

func (p *process) isDead() bool {
	select {
	case <-p.dead:
		return true
	default:
		return false
	}
}

// passes lets time pass, and reports whether ctx goes on.
func passes(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	return kafka.Sleep(ctx, d)
}

// peers is how a pod reaches others: httpapi.Options.Peers.
type peers struct{ *process }

// RoundTrip forwards a request, of which the schedule says what becomes.
func (p peers) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	response, err := p.of.send(r, p.way(r.URL.Host))
	p.of.mu.Lock()
	p.of.reads.forwarded++
	p.of.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if p.isDead() {
		return nil, io.ErrClosedPipe
	}
	return response, nil
}

// way decides what becomes of a request to another pod, and lets happen what the schedule has for it.
func (p *process) way(host string) (way onWay) {
	s, now := p.of.simulation, p.of.next(request{p.of.index, webKey.Int16()})
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range now {
		s.logger.Warn("fault", "fault", f.String())
		switch f.kind {
		case ownerDies:
			way.arrived = func(target *process) { target.crash(f) }
		case ownerDiesLater:
			way.answered = func(target *process) { target.crash(f) }
		case forwardLost:
			way.lost = true
		case forwardHeld:
			way.held = f.lasts
		case nowhere:
			p.astray[host] = time.Now().Add(f.lasts)
		case twoOwners:
			way.arrived = func(target *process) { target.freeze(f.lasts) }
		case oldDirectory:
			p.aside.hangUp(time.Now().Add(f.lasts))
		default:
		}
	}
	way.astray = time.Now().Before(p.astray[host])
	return way
}

// freeze holds back all that the engine sends, while the group goes on without it. The pod still answers, for
// as long as its lease lets it.
func (p *process) freeze(lasts time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = time.Now().Add(lasts)
}
