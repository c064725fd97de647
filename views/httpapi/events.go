package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/codecs"
	"refold/views"
)

// eventBody is an event as JSON.
type eventBody struct {
	ID            string    `json:"id" doc:"AGGREGATE/SEQUENCE."`
	Type          string    `json:"type"`
	Sequence      int64     `json:"sequence"`
	Time          time.Time `json:"time" doc:"When its command was sent."`
	CorrelationID string    `json:"correlationId,omitempty" doc:"The command that began it all."`
	CausationID   string    `json:"causationId,omitempty" doc:"The command that it came from."`
	Traceparent   string    `json:"traceparent,omitempty" doc:"W3C trace context."`
	Data          any       `json:"data" doc:"Its fields, by the schema they were written with."`
	// Unreadable is set where Data is null.
	Unreadable *unreadableBody `json:"unreadable,omitempty" doc:"Why data is null."`
}

type unreadableBody struct {
	Code   string `json:"code" doc:"For programs." example:"undecodable"`
	Detail string `json:"detail" doc:"For people."`
}

// eventsBody is a page of a history.
type eventsBody struct {
	Items    []eventBody `json:"items" nullable:"false"`
	Sequence int64       `json:"sequence" doc:"Of the newest event, on whichever page it is."`
	Next     string      `json:"next,omitempty" doc:"Where the history goes on; none: the end."`
}

type eventsInput struct {
	ID          string `path:"id"`
	After       string `query:"after"`
	Before      string `query:"before"`
	Limit       string `query:"limit"`
	Order       string `query:"order"`
	IfNoneMatch string `header:"If-None-Match"`
	Prefer      string `header:"Prefer"`
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

func (s *Server) eventsOperation(r *Resource) huma.Operation {
	return huma.Operation{
		OperationID: "history-of-" + r.Name, Method: http.MethodGet,
		Path: "/" + r.Plural + "/{id}/events",
		Tags: []string{r.Plural}, Summary: "The events of one " + r.Name + ", page by page",
		Parameters: []*huma.Param{
			s.idParam(r.Name),
			param("query", "after", "Events with a higher sequence. With Prefer: wait, the answer "+
				"waits for one; no event in time is an answer, too.", integerSchema(0, 0), 3),
			param("query", "before", "Events with a lower sequence.", integerSchema(1, 0), nil),
			param("query", "limit", fmt.Sprintf("Events of a page; %d if not given. A page may be "+
				"shorter and still have a next: its bytes are limited, too.", s.defaultPageRows()),
				integerSchema(1, int64(s.limits.PageRows)), nil),
			param("query", "order", "Which events come first; the oldest, if not given.",
				&huma.Schema{Type: huma.TypeString, Enum: []any{oldestFirst, newestFirst}}, nil),
			param("header", "If-None-Match", "The ETag of the page that the client has.",
				&huma.Schema{Type: huma.TypeString}, tagExample),
			s.preferParam(),
		},
		Responses: s.responses(map[string]*huma.Response{
			"200": withPosition(answer("A page. Its ETag is the newest sequence and a digest of the answer.",
				schemaOf[eventsBody](s), nil), "the events"),
			"304": {Description: "The client has it already (If-None-Match)."},
		}, map[int]string{
			http.StatusBadRequest: "A parameter is wrong; errors says which.",
			http.StatusNotFound:   "There is no such " + r.Name + ", or it has no events.",
			http.StatusServiceUnavailable: "Not readable here now (not-ready), or this server keeps " +
				"no histories (no-history).",
		}),
	}
}

// listEvents answers GET /accounts/{id}/events.
func (s *Server) listEvents(ctx context.Context, r *Resource, in *eventsInput) (*eventsOutput, error) {
	query, err := s.readEventsInput(in)
	if err != nil {
		return nil, err
	}
	page, applied, err := s.readEvents(ctx, r, in, query)
	if errors.Is(err, views.ErrNotFound) {
		p := problem(http.StatusNotFound, codeNotFound, "there is no %s %q", r.Name, in.ID)
		if applied != "" {
			p.headers.Set("Preference-Applied", applied)
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
	body := eventsBody{Items: []eventBody{}, Sequence: page.Sequence}
	for i := range page.Events {
		body.Items = append(body.Items, eventAsBody(&page.Events[i]))
	}
	if page.Next > 0 {
		body.Next = nextEvents(r, in, query, page.Next)
		out.Link = "<" + body.Next + `>; rel="next"`
	}
	text := encoded(body)
	tag := tagOf(page.Sequence, text)
	if out.ETag = tag.String(); noneMatch(in.IfNoneMatch, tag) {
		out.Body = text
	} else {
		out.Status = http.StatusNotModified
	}
	return out, nil
}

// readEvents reads a page, waiting for one with events if the client said behind which and prefers
// to wait. One that has none in time is a page all the same.
func (s *Server) readEvents(
	ctx context.Context, r *Resource, in *eventsInput, query views.EventQuery,
) (page views.EventPage, applied string, err error) {
	wait, prefers := preferredWait(in.Prefer, s.limits.Wait)
	if in.After == "" || !prefers {
		page, err = r.Events.Events(ctx, in.ID, query)
		return page, "", err
	}
	ctx, cancel := s.waiting(ctx, wait)
	defer cancel()
	page, err = r.Events.WaitEvents(ctx, in.ID, query)
	if errors.Is(err, views.ErrNotYet) && !errors.Is(err, errStopping) {
		err = nil
		if page.Sequence == 0 {
			err = views.ErrNotFound
		}
	}
	return page, preferenceApplied(wait), err
}

func eventAsBody(e *views.Event) eventBody {
	body := eventBody{
		ID: e.ID, Type: e.Type, Sequence: e.Sequence, Time: e.Time,
		CorrelationID: e.CorrelationID, CausationID: e.CausationID, Traceparent: e.Traceparent,
	}
	if e.Data != nil {
		body.Data = e.Data
	}
	if e.Unreadable != nil {
		body.Unreadable = unreadable(e.Unreadable)
	}
	return body
}

func unreadable(m *codecs.Malformed) *unreadableBody {
	return &unreadableBody{Code: string(m.Reason), Detail: cut(m.Unwrap().Error())}
}

// nextEvents is the path of the page behind the sequence, with the bounds and order of this one.
func nextEvents(r *Resource, in *eventsInput, query views.EventQuery, next int64) string {
	values := url.Values{"limit": {strconv.Itoa(query.Limit)}}
	for name, value := range map[string]string{
		"after": in.After, "before": in.Before, "order": in.Order,
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
	return pathOf(r, in.ID) + "/events?" + values.Encode()
}

func (s *Server) readEventsInput(in *eventsInput) (query views.EventQuery, err error) {
	var mistakes []mistake
	wrong := func(path, allowed, found string) {
		mistakes = append(mistakes, mistake{Path: path, Allowed: allowed, Found: found})
	}
	if in.After != "" {
		var ok bool
		if query.After, ok = queryNumber(in.After); !ok {
			wrong("query.after", "a sequence: a whole number from 0", in.After)
		}
	}
	if in.Before != "" {
		var ok bool
		if query.Before, ok = queryNumber(in.Before); !ok || query.Before == 0 {
			wrong("query.before", "a sequence: a whole number from 1", in.Before)
		}
	}
	var badLimit *mistake
	if query.Limit, badLimit = s.pageLimit(in.Limit); badLimit != nil {
		mistakes = append(mistakes, *badLimit)
	}
	switch in.Order {
	case "", oldestFirst:
	case newestFirst:
		query.NewestFirst = true
	default:
		wrong("query.order", oldestFirst+" or "+newestFirst, in.Order)
	}
	if len(mistakes) > 0 {
		return query, invalid(mistakes...)
	}
	return query, nil
}
