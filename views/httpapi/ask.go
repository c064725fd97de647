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
	"time"

	"refold/client/wire"
	"refold/views"
	"refold/views/httpapi/problem"
)

// Row is an aggregate as the API shows it, under its ID byte for byte.
type Row struct {
	ID string
	wire.Row
}

// List returns a page of an aggregate's rows in the order of their IDs, of all pods: for the program's own
// routes. next is where the next page starts; empty after the last one. A page may have fewer rows than asked
// for, and still a next. The error is a *problem.Problem if the part of a pod is missing.
func (s *Server) List(ctx context.Context, aggregate, after string, limit int) (
	rows []Row, next string, err error,
) {
	r := s.resource(aggregate)
	if r == nil {
		return nil, "", views.ErrNotFound
	}
	page, err := s.readPage(ctx, r, after, min(limit, s.limits.PageRows))
	for _, row := range page.rows {
		rows = append(rows, Row{string(row.Key), row.Row})
	}
	return rows, page.next, err
}

// Ask returns the row of an aggregate that another pod has, at least as new as a sequence. The owner waits
// for it, whole seconds, and Limits.Wait at most. The error is views.ErrNotFound, views.ErrNotYet,
// views.ErrNotHere if the row is on this pod by now, or a *problem.Problem.
func (s *Server) Ask(
	ctx context.Context, aggregate, id string, atLeast int64, wait time.Duration,
) (row Row, err error) {
	r := s.resource(aggregate)
	if r == nil || s.peers == nil {
		return Row{}, views.ErrNotHere
	}
	at, err := s.partitionOf(aggregate, id)
	if err != nil {
		return Row{}, err
	}
	wait = min(wait, s.limits.Wait)
	target, err := url.ParseRequestURI(pathOf(r, id) + "?atLeast=" + formatSequence(atLeast))
	if err != nil {
		return Row{}, fmt.Errorf("make the path of the %s %q: %w", aggregate, id, err)
	}
	request := (&http.Request{Method: http.MethodGet, URL: target, Header: http.Header{
		"Prefer": {"wait=" + strconv.Itoa(int(wait/time.Second))},
	}}).WithContext(ctx)
	underSpan(ctx, request.Header)
	f := &forwarding{
		Server: s, at: at, client: request, limit: s.limits.ForwardTimeout + wait,
		patient: time.Now().Add(wait),
	}
	response, err := f.RoundTrip(request)
	switch {
	case errors.Is(err, errHere):
		return Row{}, views.ErrNotHere
	case err != nil:
		return Row{}, f.problem(ctx, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxPartBytes))
	switch {
	case err != nil:
		return Row{}, fmt.Errorf("read the answer of the owner of %v: %w", at, err)
	case response.StatusCode != http.StatusOK:
		return Row{}, problemOf(response, text)
	}
	row.ID = id
	if err := json.Unmarshal(text, &row.Row); err != nil {
		return Row{}, problem.Of(fmt.Errorf("read the answer of the owner of %v: %w", at, err))
	}
	return row, nil
}
