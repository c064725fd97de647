package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"refold/client/wire"
	"refold/kafka"
	"refold/views"
	"refold/views/httpapi/problem"
)

// Placement says which pod has the read side of a partition. Its methods are called for each request: they
// must not block, and be safe for concurrent use. Package owners has what most of it needs.
//
// What it says of other pods is a hint. What Here says is true: it must be false before the readers of a
// Resource give a partition up, and become true only when they have it. Those that read more than one
// partition (Rows.List, Commands.CommandsOf, Traces.Trace) read all that are here, and no others. Those that
// read one answer views.ErrNotHere for a partition that is not here.
type Placement interface {
	// Partitions returns how many partitions an aggregate has; 0: that is not known yet.
	Partitions(aggregate string) int32
	// Here returns the number of the time in which this pod has the partition without a pause; 0: it does not
	// have it.
	Here(aggregate string, partition int32) uint64
	// Owner returns the pod that has the partition, this one or another; false: none is known.
	Owner(aggregate string, partition int32) (Place, bool)
	// Misled says that a pod, as Owner has returned it, could not be reached for a partition, or refused.
	// Owner must not return it for the partition until there is news of it.
	Misled(aggregate string, partition int32, told Place)
}

// Place is a pod that has a partition.
type Place struct {
	Instance, Address string // the address is host:port
	// Since is when it got its partitions, by its own clock.
	Since time.Time
	Here  bool // it is this pod
}

// The headers between pods. A client may send headerForwarded, too: it is then answered by this pod or not at
// all.
const (
	// headerForwarded marks the request of another pod, which it names: it is never forwarded again.
	headerForwarded = "Refold-Forwarded"
	// headerAnswered names the pod that has answered a marked request. Another program may have got the
	// address of a pod that is gone.
	headerAnswered = "Refold-Answered"
	// headerNotHere lists the partitions that a marked request asks for in vain: account/3, account/5.
	headerNotHere = "Refold-Not-Here"
)

// The limits that requests of pods have beside those of clients.
const (
	forwardedHeaderBytes = 2 << 10 // of headers that a forwarded request has more than the client's
	partsBodyBytes       = 1 << 20 // of a question to another pod: it names partitions
)

// marked reports whether a request comes from another pod.
func marked(r *http.Request) bool { return r.Header.Get(headerForwarded) != "" }

// markedKey is the context's key of whether a request is marked.
type markedKey struct{}

// misplaced turns the error of a reader that does not have the partition into 421, for another pod. A client
// gets 503.
func misplaced(ctx context.Context, err error) error {
	var missing *absentError
	switch {
	case ctx.Value(markedKey{}) == nil:
		return err
	case errors.As(err, &missing):
		return missing.problem()
	case errors.Is(err, views.ErrNotHere):
		return problem.New(http.StatusMisdirectedRequest, wire.CodeNotHere,
			"the partition is not on this server, or has just left it").Because(err)
	}
	return err
}

// absentError is the views.ErrNotHere that names the partitions, of which there is at least one.
type absentError struct{ partitions []aPartition }

// Error names the first one.
func (e *absentError) Error() string { return fmt.Sprintf("%v is not on this pod", e.partitions[0]) }

// Unwrap returns what it is.
func (e *absentError) Unwrap() error { return views.ErrNotHere }

// problem refuses a marked request. Of many partitions the first are named: the next refusal names more.
func (e *absentError) problem() *problem.Problem {
	const most = 100
	p := problem.New(http.StatusMisdirectedRequest, wire.CodeNotHere, "%v is not on this server",
		e.partitions[0])
	names := make([]string, 0, most)
	for _, missing := range e.partitions[:min(len(e.partitions), most)] {
		names = append(names, missing.key())
	}
	p.Set(headerNotHere, strings.Join(names, ", "))
	return p
}

// aPartition is a partition of an aggregate.
type aPartition struct {
	aggregate string
	partition int32
}

// String returns it in words.
func (p aPartition) String() string {
	return fmt.Sprintf("partition %d of the aggregate %s", p.partition, p.aggregate)
}

func (p aPartition) key() string { return fmt.Sprintf("%s/%d", p.aggregate, p.partition) }

// noOwner is the problem of a partition that no pod is known to have.
func noOwner(p aPartition) *problem.Problem {
	return problem.New(http.StatusServiceUnavailable, wire.CodeNoOwner,
		"no pod is known to have %v, it may be on its way to another; nothing was sent, try again", p).Retry()
}

// notCounted is the problem of an aggregate whose partitions are not known yet.
func notCounted(aggregate string) *problem.Problem {
	return problem.New(http.StatusServiceUnavailable, wire.CodeNotReady,
		"this server does not know yet how many partitions the aggregate %s has; its /readyz says what is "+
			"missing", aggregate).Retry()
}

// partitionOf returns the partition of an aggregate that has a subject.
func (s *Server) partitionOf(aggregate, subject string) (aPartition, error) {
	n := s.options.Placement.Partitions(aggregate)
	if n <= 0 {
		return aPartition{}, notCounted(aggregate)
	}
	return aPartition{aggregate, kafka.Partition([]byte(subject), n)}, nil
}

// placed is a middleware of routes about one subject.
func (s *Server) placed(r *Resource) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		request, w := humago.Unwrap(ctx)
		s.place(w, request, r, request.Method == http.MethodPost, func() { next(ctx) })
	}
}

// place answers a request about one subject by here if the subject's partition is here, and by the owner if
// not. command says that the request sends a command.
func (s *Server) place(
	w http.ResponseWriter, request *http.Request, r *Resource, command bool, here func(),
) {
	at, err := s.partitionOf(r.Name, request.PathValue("id"))
	switch {
	case err != nil:
		problem.Write(w, problem.Of(err))
	case !marked(request):
		if place, known := s.options.Placement.Owner(at.aggregate, at.partition); known && place.Here {
			here()
			return
		}
		s.forward(w, request, &forwarding{Server: s, at: at, command: command, here: here})
	case s.options.Placement.Here(at.aggregate, at.partition) != 0:
		here()
	default:
		problem.Write(w, (&absentError{[]aPartition{at}}).problem())
	}
}

// bodyOf returns the body of a request, which is in memory, see admit.
func bodyOf(r *http.Request) []byte {
	body, _ := io.ReadAll(r.Body) // a bytes.Reader
	return body
}
