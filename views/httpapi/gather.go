package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"refold/client/wire"
	"refold/views"
	"refold/views/httpapi/problem"
)

// share is the partitions that one pod answers for.
type share struct {
	place Place
	of    partitions
}

// shares divides the partitions of aggregates among their owners, this pod first. The error is a problem if
// a partition has none: an answer without its part would look like a whole one.
func (s *Server) shares(aggregates ...string) ([]*share, error) {
	all := []*share{}
	byInstance := map[string]*share{}
	for _, aggregate := range aggregates {
		n := s.options.Placement.Partitions(aggregate)
		if n <= 0 {
			return nil, notCounted(aggregate)
		}
		for partition := range n {
			place, known := s.options.Placement.Owner(aggregate, partition)
			if !known {
				return nil, noOwner(aPartition{aggregate, partition})
			}
			own := byInstance[place.Instance]
			if own == nil {
				own = &share{place, partitions{}}
				byInstance[place.Instance] = own
				if all = append(all, own); place.Here {
					all[0], all[len(all)-1] = own, all[0]
				}
			}
			own.of[aggregate] = append(own.of[aggregate], partition)
		}
	}
	return all, nil
}

// first is one of the partitions.
func (s *share) first() (at aPartition) {
	for aggregate, all := range s.of {
		return aPartition{aggregate, all[0]}
	}
	return at
}

// names are the aggregates' names.
func (s *Server) names() (names []string) {
	for _, r := range s.options.Resources {
		names = append(names, r.Name)
	}
	return names
}

// movedError is the error of a pod that is not, or no longer, the owner. The directory knows it by then.
type movedError struct {
	at  aPartition
	err error
}

// Error is that of the reader or the request.
func (e *movedError) Error() string { return e.err.Error() }

// Unwrap returns it.
func (e *movedError) Unwrap() error { return e.err }

// gatherings is how often parts are asked for: again if an owner was not where it was thought to be. When
// several pods have gone, each of them may cost one.
const gatherings = 3

// settled calls gather until all owners have answered.
func settled(ctx context.Context, gather func() error) (err error) {
	var moved *movedError
	for range gatherings {
		if err = gather(); !errors.As(err, &moved) || ctx.Err() != nil {
			break
		}
	}
	if errors.As(err, &moved) {
		return noOwner(moved.at).Because(err)
	}
	return err
}

// ofAll asks the owners of all shares at the same time, within Limits.GatherParallel, and returns their parts
// in the order of the shares. The first error ends it.
func ofAll[T any](ctx context.Context, s *Server, shares []*share,
	ask func(context.Context, *share) (T, error),
) ([]T, error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(s.limits.GatherParallel)
	parts := make([]T, len(shares))
	for i, own := range shares {
		group.Go(func() (err error) {
			parts[i], err = ask(ctx, own)
			return err
		})
	}
	return parts, group.Wait() //nolint:wrapcheck // as ask has it
}

// maxPartBytes limits the answer of a pod: of a page of rows, whose last one may be as large as any.
const maxPartBytes = 2 * (maxPageBytes + maxStateBytes)

// askPeer asks the owner of a share. The error is a *movedError if it is not the owner, a problem, or one of
// package views.
func askPeer[A any](ctx context.Context, s *Server, own *share, name string, question any, wait time.Duration,
) (answer A, err error) {
	body, err := json.Marshal(question)
	if err != nil {
		return answer, fmt.Errorf("encode a question to a pod: %w", err)
	}
	r := (&http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: partsPath + name}, Header: http.Header{
			"Content-Type":    {"application/json"},
			"Idempotency-Key": nil, // net/http may send it again on another connection: it changes nothing
		},
	}).WithContext(ctx)
	underSpan(ctx, r.Header)
	response, err := s.peers.do(r, body, own.place, s.limits.ForwardTimeout+wait)
	if err != nil {
		return answer, s.unanswered(ctx, own, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPartBytes+1))
	switch {
	case err != nil:
		return answer, s.unanswered(ctx, own, &peerError{
			outcome: s.peers.why(ctx, err), place: own.place, err: fmt.Errorf("read the answer: %w", err),
		})
	case len(text) > maxPartBytes:
		return answer, fmt.Errorf("the part of %s has more than %d bytes", own.place.Instance, maxPartBytes)
	case response.StatusCode != http.StatusOK:
		return answer, problemOf(response, text)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return answer, fmt.Errorf("read the part of %s; does it run another version?: %w",
			own.place.Instance, err)
	}
	return answer, nil
}

// unanswered tells the directory of a pod that is not the owner, and returns the error for it.
func (s *Server) unanswered(ctx context.Context, own *share, err error) error {
	var failed *peerError
	if !errors.As(err, &failed) {
		return err
	}
	var first aPartition
	for aggregate, all := range own.of {
		for _, partition := range all {
			at := aPartition{aggregate, partition}
			if failed.concerns(at) {
				first = at
				if failed.misleads() {
					s.options.Placement.Misled(aggregate, partition, own.place)
				}
			}
		}
	}
	switch failed.outcome { //nolint:exhaustive // the others mean that the part is missing
	case busy:
		return tooManyForwards(err)
	case late:
		return tooLate(first, err)
	case abandoned:
		return context.Cause(ctx)
	}
	s.logger.WarnContext(ctx, "a part is missing", "partition", first.key(), "error", err)
	return &movedError{first, err}
}

// concerns reports whether a pod has not answered for the partition; one that refuses says for which.
func (e *peerError) concerns(at aPartition) bool {
	if e.outcome != misdirected {
		return true
	}
	for _, name := range e.missing {
		if name == at.key() {
			return true
		}
	}
	return len(e.missing) == 0 || e.missing[0] == ""
}

// problemOf returns a pod's problem as the error that its own reader had, as far as anybody asks for it.
func problemOf(response *http.Response, text []byte) error {
	var body wire.Problem
	if err := json.Unmarshal(text, &body); err != nil || body.Code == "" {
		return fmt.Errorf("a pod answers %s, without a problem", response.Status)
	}
	switch body.Code {
	case wire.CodeNotFound:
		return views.ErrNotFound
	case wire.CodeNotYet:
		return views.ErrNotYet
	case wire.CodeTooManyWaits:
		return views.ErrTooManyWaiters
	}
	p := problem.New(response.StatusCode, body.Code, "%s", strings.TrimSpace(body.Detail))
	if _, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil {
		return p.Retry()
	}
	return p
}
