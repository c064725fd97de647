package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/codecs"
	"refold/views"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
	"refold/views/livefeed"
)

func init() { ofAggregates = append(ofAggregates, registerHistory) }

type eventsInput struct {
	ID          aggregateID     `path:"id"`
	After       afterEvent      `query:"after"`
	Before      beforeEvent     `query:"before"`
	Limit       eventLimit      `query:"limit"`
	Order       order           `query:"order"`
	IfNoneMatch ifNoPageMatch   `header:"If-None-Match"`
	Prefer      endpoint.Prefer `header:"Prefer"`
}

// afterEvent is the sequence behind which a page of events begins.
type afterEvent struct{ endpoint.Number }

// Describe returns its description.
func (afterEvent) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Events with a higher sequence. With Prefer: wait, the answer waits for one; no "+
		"event in time is an answer, too.", endpoint.IntegerSchema(0, 0), 3)
}

// UnmarshalText reads it.
func (p *afterEvent) UnmarshalText(text []byte) error {
	return p.Read(text, 0, "a sequence: a whole number from 0")
}

// beforeEvent is the sequence before which a page of events ends.
type beforeEvent struct{ endpoint.Number }

// Describe returns its description.
func (beforeEvent) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Events with a lower sequence.", endpoint.IntegerSchema(1, 0), nil)
}

// UnmarshalText reads it.
func (p *beforeEvent) UnmarshalText(text []byte) error {
	return p.Read(text, 1, "a sequence: a whole number from 1")
}

// eventLimit is how many events a page may have.
type eventLimit struct{ endpoint.Limit }

// Describe returns its description.
func (eventLimit) Describe(c endpoint.Context) *huma.Param {
	return endpoint.Param(fmt.Sprintf("Events of a page; %d if not given. A page may be shorter and still "+
		"have a next: its bytes are limited, too.", c.DefaultRows()),
		endpoint.IntegerSchema(1, int64(c.PageRows)), nil)
}

// order is which events come first.
type order struct{ endpoint.Text }

// Describe returns its description.
func (order) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Which events come first; the oldest, if not given.",
		&huma.Schema{Type: huma.TypeString, Enum: []any{oldestFirst, newestFirst}}, nil)
}

// UnmarshalText reads it.
func (o *order) UnmarshalText(text []byte) error {
	if o.Sent = string(text); o.Sent != oldestFirst && o.Sent != newestFirst {
		o.Refuse(oldestFirst + " or " + newestFirst)
	}
	return nil
}

// ifNoPageMatch is the header If-None-Match of a page; one that can't be read is none.
type ifNoPageMatch string

// Describe returns its description.
func (ifNoPageMatch) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The ETag of the page that the client has.",
		&huma.Schema{Type: huma.TypeString}, tagExample)
}

// query is what the views are asked for.
func (in *eventsInput) query() views.EventQuery {
	return views.EventQuery{
		After: in.After.N, Before: in.Before.N, Limit: int(in.Limit.N),
		NewestFirst: in.Order.Sent == newestFirst,
	}
}

type eventsOutput struct {
	Status            int
	ETag              string `header:"ETag"`
	PartitionOffset   string `header:"Refold-Partition-Offset"`
	Link              string `header:"Link"`
	CacheControl      string `header:"Cache-Control"`
	PreferenceApplied string `header:"Preference-Applied"`
	Body              any
}

// The orders of a history.
const (
	oldestFirst = "oldest"
	newestFirst = "newest"
)

func registerHistory(s *Server, r *Resource) error {
	if r.Events == nil && !r.NoHistory {
		return nil
	}
	noEvents := "There is no such " + r.Name + ", or it has no events."
	if r.NoHistory {
		noEvents = "No history of the " + r.Plural + " is kept (no-history)."
	}
	register(s, r, huma.Operation{
		OperationID: "history-of-" + r.Name, Method: http.MethodGet,
		Path: "/" + r.Plural + "/{id}/events",
		Tags: []string{r.Plural}, Summary: "The events of one " + r.Name + ", page by page",
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": withPosition(endpoint.Answer(
				"A page. Its ETag is the newest sequence and a digest of the answer.",
				endpoint.SchemaOf[wire.Events](s.endpoints), nil), "the events"),
			"304": {Description: "The client has it already (If-None-Match)."},
		}, map[int]string{
			http.StatusBadRequest: "A parameter is wrong; errors says which.",
			http.StatusNotFound:   noEvents,
			http.StatusServiceUnavailable: "Not readable here now (not-ready), or this server keeps " +
				"no histories (no-history).",
		}),
	}, s.listEvents)
	return nil
}

// listEvents answers GET /accounts/{id}/events.
func (s *Server) listEvents(ctx context.Context, r *Resource, in *eventsInput) (*eventsOutput, error) {
	if r.NoHistory {
		return nil, noHistory(r)
	}
	query := in.query()
	page, applied, err := s.readEvents(ctx, r, in, query)
	if errors.Is(err, views.ErrNotFound) {
		p := problem.New(http.StatusNotFound, wire.CodeNotFound, "there is no %s %q", r.Name, string(in.ID))
		if applied != "" {
			p.Set("Preference-Applied", applied)
		}
		return nil, p
	}
	if err != nil {
		return nil, err
	}
	out := &eventsOutput{
		Status: http.StatusOK, CacheControl: revalidate,
		PreferenceApplied: applied, PartitionOffset: page.Position.String(),
	}
	body := wire.Events{Items: []wire.Event{}, Sequence: page.Sequence}
	for i := range page.Events {
		body.Items = append(body.Items, eventAsBody(&page.Events[i]))
	}
	if page.Next > 0 {
		body.Next = nextEvents(r, in, query, page.Next)
		out.Link = "<" + body.Next + `>; rel="next"`
	}
	text := encoded(body)
	tag := tagOf(page.Sequence, text)
	if out.ETag = tag.String(); noneMatch(string(in.IfNoneMatch), tag) {
		out.Body = text
	} else {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

// noHistory is the problem of a request for the past of an aggregate whose history is not kept, on no server.
func noHistory(r *Resource) *problem.Problem {
	return problem.New(http.StatusNotFound, wire.CodeNoHistory, "no history of the %s is kept (%s)", r.Plural,
		r.setting("history"))
}

// readEvents reads a page, waiting for one with events if the client said behind which and prefers
// to wait. One that has none in time is a page all the same.
func (s *Server) readEvents(
	ctx context.Context, r *Resource, in *eventsInput, query views.EventQuery,
) (page views.EventPage, applied string, err error) {
	wait, prefers := in.Prefer.Wait(s.limits.Wait)
	if in.After.Sent == "" || !prefers {
		page, err = r.Events.Events(ctx, string(in.ID), query)
		return page, "", err
	}
	ctx, cancel := s.endpoints.Waiting(ctx, wait)
	defer cancel()
	page, err = r.Events.WaitEvents(ctx, string(in.ID), query)
	if errors.Is(err, views.ErrNotYet) && !errors.Is(err, problem.ErrStopping) {
		err = nil
		if page.Sequence == 0 {
			err = views.ErrNotFound
		}
	}
	return page, endpoint.Applied(wait), err
}

func eventAsBody(e *views.Event) wire.Event {
	body := wire.Event{
		ID: e.ID, Type: e.Type, Sequence: e.Sequence, Time: e.Time,
		CorrelationID: e.CorrelationID, CausationID: e.CausationID, Traceparent: e.Traceparent, Data: e.Data,
		ReadAs: livefeed.Parts(e.ReadAs),
	}
	if e.Unreadable != nil {
		body.Unreadable = unreadable(e.Unreadable)
	}
	return body
}

func unreadable(m *codecs.Malformed) *wire.Unreadable {
	return &wire.Unreadable{Code: string(m.Reason), Detail: problem.Cut(m.Unwrap().Error())}
}

// nextEvents is the path of the page behind the sequence, with the bounds and order of this one.
func nextEvents(r *Resource, in *eventsInput, query views.EventQuery, next int64) string {
	values := url.Values{"limit": {strconv.Itoa(query.Limit)}}
	for name, value := range map[string]string{
		"after": in.After.Sent, "before": in.Before.Sent, "order": in.Order.Sent,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if query.NewestFirst {
		values.Set("before", formatSequence(next))
	} else {
		values.Set("after", formatSequence(next))
	}
	return pathOf(r, string(in.ID)) + "/events?" + values.Encode()
}
