package httpapi

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"net/url"
	"time"

	"refold/client/wire"
	"refold/kafka"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

// attempts is how often a request is sent to pods: a second time if the first pod was not the owner, or has
// died. A client that waits has it sent more often.
const attempts = 2

// forwarding is a request on its way to the owner of its partition. It is the transport of a ReverseProxy:
// where the request goes is found out on the way.
type forwarding struct {
	*Server

	at      aPartition
	command bool // it sends a command, whose ID lets it be sent twice
	here    func()

	// client is the request as it came, which this pod answers if it turns out to be the owner.
	client *http.Request
	body   []byte
	limit  time.Duration
	// patient is until when the request waits for somebody to have the partition.
	patient time.Time
	key     string // the command's ID
	// touched says that a pod may have handled the request, whose answer has not come.
	touched bool
}

// errHere says that this pod has the partition by now.
var errHere = errors.New("the partition is here")

// forward answers a request by the owner's answer, byte for byte, or by f.here if this pod becomes the owner.
func (s *Server) forward(w http.ResponseWriter, r *http.Request, f *forwarding) {
	wait, _ := endpoint.Prefer(r.Header.Get("Prefer")).Wait(s.limits.Wait)
	f.client, f.body, f.limit = r, bodyOf(r), s.limits.ForwardTimeout+wait
	f.patient = time.Now().Add(wait)
	if f.command { // it can be sent without an owner
		f.patient = time.Now().Add(min(wait, s.limits.ForwardTimeout))
	}
	if f.command {
		if err := f.nameCommand(); err != nil {
			problem.Write(w, problem.Of(err))
			return
		}
	}
	if wait > 0 { // waits end early when the server stops
		ctx, cancel := context.WithCancelCause(r.Context())
		defer context.AfterFunc(s.stopping, func() { cancel(problem.ErrStopping) })()
		defer cancel(nil)
		r = r.WithContext(ctx)
	}
	proxy := &httputil.ReverseProxy{
		Rewrite:      f.rewrite,
		Transport:    f,
		ErrorHandler: f.failed,
		ErrorLog:     slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug),
	}
	proxy.ServeHTTP(w, r)
}

// nameCommand makes up the ID of a command that has none, so that it can be sent again.
func (f *forwarding) nameCommand() (err error) {
	const name = "Idempotency-Key"
	sent := f.client.Header.Get(name)
	if key, ok := readKey(sent); ok {
		f.key = key
	}
	if sent != "" {
		return nil // a wrong one is the owner's to refuse
	}
	if f.key, err = newCommandID(); err == nil {
		f.client.Header.Set(name, f.key)
	}
	return err
}

// repeatable reports whether it does no harm to send the request again after a pod may have handled it: the
// request changes nothing, or it is a command, which counts once under its ID.
func (f *forwarding) repeatable() bool {
	return f.client.Method == http.MethodGet || f.client.Method == http.MethodHead || f.key != ""
}

// rewrite gives the request that goes out the path and query as the client has sent them.
func (f *forwarding) rewrite(p *httputil.ProxyRequest) {
	if sent, err := url.ParseRequestURI(p.In.RequestURI); err == nil {
		p.Out.URL.Path, p.Out.URL.RawPath, p.Out.URL.RawQuery = sent.Path, sent.RawPath, sent.RawQuery
		p.Out.URL.ForceQuery = sent.ForceQuery
	}
	underSpan(p.In.Context(), p.Out.Header)
}

// RoundTrip sends the request to the owner, or to the next one if it was another.
func (f *forwarding) RoundTrip(r *http.Request) (*http.Response, error) {
	last := error(noOwner(f.at))
	for tried := 1; ; tried++ {
		place, known := f.awaitOwner(r.Context())
		switch {
		case known && place.Here:
			return nil, errHere
		case !known:
			return nil, last
		}
		response, err := f.peers.do(r, f.body, place, f.limit)
		if err == nil {
			return response, nil
		}
		last = err
		if !f.again(err, place) || tried >= attempts && !f.goesOn(r.Context(), err) {
			return nil, last
		}
	}
}

// goesOn reports whether more than attempts pods may be asked, and pauses before the next: the client can
// wait. While a partition moves, several pods may be taken for its owner, one after the other; and an owner
// that dies may break off several answers before it is known to be dead: the process is gone, and requests
// still find connections to it.
func (f *forwarding) goesOn(ctx context.Context, err error) bool {
	pause := brokenPause
	if failed := new(peerError); errors.As(err, &failed) && failed.misleads() {
		pause = ownerPause
	}
	return time.Now().Before(f.patient) && kafka.Sleep(ctx, pause)
}

const (
	// ownerPause is the pause between two looks for an owner, which cost less than a microsecond.
	ownerPause = 10 * time.Millisecond
	// brokenPause is the pause before an owner that has broken off its answer is asked again. It is longer:
	// the request itself may be what breaks its answers, and each costs it work.
	brokenPause = 100 * time.Millisecond
)

// awaitOwner returns the owner, for which a client that waits can wait, too: a partition that moves has one
// again after a moment.
func (f *forwarding) awaitOwner(ctx context.Context) (place Place, known bool) {
	looks := time.NewTicker(ownerPause)
	defer looks.Stop()
	for {
		place, known = f.options.Placement.Owner(f.at.aggregate, f.at.partition)
		if known || !time.Now().Before(f.patient) {
			return place, known
		}
		select {
		case <-looks.C:
		case <-ctx.Done():
			return place, known
		}
	}
}

// again notes why a pod has not answered, and reports whether the request may be sent again.
func (f *forwarding) again(err error, place Place) bool {
	var failed *peerError
	switch {
	case !errors.As(err, &failed):
		return false
	case failed.misleads():
		f.options.Placement.Misled(f.at.aggregate, f.at.partition, place)
		return true
	}
	f.touched = f.touched || !failed.untouched()
	return failed.outcome == broken && f.repeatable()
}

// failed answers when no owner did. It is the proxy's ErrorHandler, which hands it the request that went out.
func (f *forwarding) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, errHere) || f.command && !f.touched && hasNoOwner(err) {
		f.client.Body = io.NopCloser(bytes.NewReader(f.body))
		f.here()
		return
	}
	p, level := f.problem(r.Context(), err), slog.LevelWarn
	if f.client.Context().Err() != nil {
		level = slog.LevelDebug // the client has left
	}
	f.logger.Log(r.Context(), level, "not forwarded", "path", f.client.URL.Path, "partition", f.at.key(),
		"status", p.Status, "error", err)
	if f.key != "" {
		p.Set("Idempotency-Key", f.key)
	}
	problem.Write(w, p)
}

// hasNoOwner reports whether a request was handled by nobody, because no pod was found that has its
// partition. Any pod can put a command into its topic then, as well as the owner could: its result is there
// when somebody has the partition. Only the look for what a command under its ID has led to is left out, and
// its aggregate does that.
func hasNoOwner(err error) bool {
	var failed *peerError
	if errors.As(err, &failed) {
		return failed.misleads()
	}
	var p *problem.Problem
	return errors.As(err, &p) && p.Code == wire.CodeNoOwner
}

// problem is why no owner has answered, for the client.
func (f *forwarding) problem(ctx context.Context, err error) *problem.Problem {
	var failed *peerError
	changes := f.command || !f.repeatable()
	switch {
	case f.touched && changes:
		return f.outcomeUnknown(err)
	case !errors.As(err, &failed):
		return problem.Of(err)
	case failed.outcome == busy:
		return tooManyForwards(err)
	case failed.untouched():
		return noOwner(f.at).Because(err)
	case failed.outcome == late:
		return tooLate(f.at, err)
	case errors.Is(context.Cause(ctx), problem.ErrStopping):
		return problem.Of(problem.ErrStopping)
	}
	return problem.New(http.StatusServiceUnavailable, wire.CodeNoOwner,
		"the owner of %v broke off its answer; try again", f.at).Retry().Because(err)
}

// outcomeUnknown is the problem of a request that changes something, and may have been handled.
func (f *forwarding) outcomeUnknown(err error) *problem.Problem {
	if f.key == "" {
		return problem.New(http.StatusGatewayTimeout, wire.CodeOutcomeUnknown,
			"the owner of %v did not answer; it is not known whether the request was handled", f.at).
			Because(err)
	}
	return problem.New(http.StatusGatewayTimeout, wire.CodeOutcomeUnknown,
		"the owner of %v did not answer; it is not known whether the command was sent; send it again with "+
			"Idempotency-Key: %s, it will not happen twice", f.at, f.key).Retry().Because(err)
}

// tooLate is the problem of an owner that does not answer in time.
func tooLate(of aPartition, err error) *problem.Problem {
	return problem.New(http.StatusGatewayTimeout, wire.CodeTimeout,
		"the owner of %v did not answer in time", of).Retry().Because(err)
}
