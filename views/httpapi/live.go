package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
	"refold/views/livefeed"
)

func init() { ofServer = append(ofServer, registerLive) }

// Listener listens to the live feed. livefeed.Listener is one.
type Listener interface {
	Next(ctx context.Context, patience time.Duration) ([]livefeed.Item, error)
	Position() string
	Close()
}

// Live begins to listen, as livefeed.Feed.Listen does.
type Live func(ctx context.Context, filter livefeed.Filter, after string) (Listener, error)

const livePath = "/events/live"

// liveRetry is how long clients wait before they come again; they are told.
const liveRetry = 2 * time.Second

// headerLastID is the header by which a client goes on where it was.
const headerLastID = "Last-Event-ID"

// registerLive adds the stream beside huma, which knows answers with an end only.
func registerLive(s *Server) error {
	if s.options.Live == nil {
		return nil
	}
	s.endpoints.Describe(s.liveOperation())
	s.endpoints.HandleFunc("GET "+livePath, s.live)
	return nil
}

// live answers GET /events/live.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	filter, mistakes := s.liveFilter(r.URL.RawQuery)
	if len(mistakes) > 0 {
		problem.Write(w, problem.Invalid(mistakes...))
		return
	}
	out, end := s.newStream(w, r)
	defer end()
	after := strings.TrimSpace(r.Header.Get(headerLastID))
	opening, cancel := context.WithTimeout(out.ctx, s.limits.RequestTimeout)
	defer cancel()
	listener, err := s.options.Live(opening, filter, after)
	if err != nil {
		problem.Write(w, s.liveProblem(r.Context(), after, err))
		return
	}
	defer listener.Close()
	w.Header().Set("Content-Type", mediaEvents)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Accel-Buffering", "no") // nginx would hold messages back
	if rec, is := w.(*recorder); is {
		rec.stream = true
	}
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return
	}
	err = s.deliver(out, listener)
	s.logger.DebugContext(r.Context(), "listener left", "remote", r.RemoteAddr, "error", err)
}

// deliver writes what the listener gets, until the client is gone or doesn't read, or the server
// stops.
func (s *Server) deliver(out *stream, listener Listener) error {
	position := listener.Position()
	if err := out.begin(liveRetry, position); err != nil {
		return err
	}
	for {
		items, err := listener.Next(out.ctx, s.limits.Heartbeat)
		if err != nil {
			return err
		}
		switch last := listener.Position(); {
		case len(items) > 0:
			position = items[len(items)-1].Position
			err = out.items(items)
		case last != position:
			// What the filter has left out is passed, too: a client that resumes need not read it again.
			position = last
			err = out.heartbeat(last)
		default:
			err = out.heartbeat("")
		}
		if err != nil {
			return err
		}
	}
}

// liveProblem is why listening could not begin.
func (s *Server) liveProblem(ctx context.Context, after string, err error) *problem.Problem {
	switch {
	case errors.Is(err, livefeed.ErrPosition):
		return problem.Invalid(wire.Mistake{
			Path: "header.Last-Event-ID", Found: after,
			Allowed: "the id of a message of this installation, listened to with the same filter; " +
				"or no such header, to begin now",
		}).Because(err)
	case errors.Is(err, livefeed.ErrTooMany):
		return problem.New(http.StatusServiceUnavailable, wire.CodeTooManyListeners,
			"as many as may listen here do already; ask another server, or later").Retry()
	case context.Cause(s.stopping) != nil:
		return problem.Of(problem.ErrStopping)
	case errors.Is(err, livefeed.ErrUnavailable),
		ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		s.logger.WarnContext(ctx, "the live feed can't be read", "error", err)
		return problem.New(http.StatusServiceUnavailable, wire.CodeNotReady,
			"this server can't read its topics now; its /readyz says what is missing").
			Retry().Because(err)
	}
	return s.endpoints.Problem(ctx, "live", err)
}

// liveList is a filter: a parameter of the query, with several values.
type liveList struct {
	name, description string
	known             []string // what a value may be; nil: anything
	add               func(f *livefeed.Filter, value string)
}

func (s *Server) liveLists() []liveList {
	aggregates := []string{}
	for _, r := range s.options.Resources {
		aggregates = append(aggregates, r.Name)
	}
	kinds := []string{}
	for _, kind := range livefeed.Kinds() {
		kinds = append(kinds, string(kind))
	}
	return []liveList{
		{"aggregate", "Of these aggregates.", aggregates, func(f *livefeed.Filter, value string) {
			f.Aggregates = append(f.Aggregates, value)
		}},
		{"id", "Of the aggregates with these IDs.", nil, func(f *livefeed.Filter, value string) {
			f.IDs = append(f.IDs, value)
		}},
		{"type", "Of these types; a result's is Result.", nil, func(f *livefeed.Filter, value string) {
			f.Types = append(f.Types, value)
		}},
		{
			"correlationId", "Of these chains: the ID of the command that began it.", nil,
			func(f *livefeed.Filter, value string) { f.CorrelationIDs = append(f.CorrelationIDs, value) },
		},
		{"kind", "Of these kinds.", kinds, func(f *livefeed.Filter, value string) {
			f.Kinds = append(f.Kinds, livefeed.Kind(value))
		}},
	}
}

// describe returns the description of the parameter.
func (l *liveList) describe() *huma.Param {
	explode, least := false, 1
	one := &huma.Schema{Type: huma.TypeString}
	for _, value := range l.known {
		one.Enum = append(one.Enum, value)
	}
	if len(one.Enum) == 0 {
		one.Pattern = listedPattern
	}
	p := endpoint.Param(l.description,
		&huma.Schema{Type: huma.TypeArray, Items: one, MinItems: &least}, nil)
	p.Name, p.In, p.Style, p.Explode = l.name, "query", "form", &explode
	return p
}

// read reads the values of the parameter.
func (l *liveList) read(values []string, f *livefeed.Filter) (mistakes []wire.Mistake) {
	wrong := func(allowed, found string) {
		mistakes = append(mistakes, wire.Mistake{Path: "query." + l.name, Allowed: allowed, Found: found})
	}
	for _, value := range values {
		value = strings.Trim(value, " \t\n\f\r")
		if l.known != nil && !slices.Contains(l.known, value) {
			wrong("any of "+strings.Join(l.known, ", "), value)
		} else if value == "" {
			wrong("values with commas between them", "an empty one")
		}
		l.add(f, value)
	}
	return mistakes
}

// liveFilter reads the query: lists, of values with commas between them or parameters that come
// several times. A comma that is escaped is part of a value: IDs may have some.
func (s *Server) liveFilter(raw string) (livefeed.Filter, []wire.Mistake) {
	var f livefeed.Filter
	query, err := parseLists(raw)
	if err != nil {
		return f, []wire.Mistake{{Path: "query", Allowed: "name=value&…, percent-encoded", Found: raw}}
	}
	var mistakes []wire.Mistake
	for _, list := range s.liveLists() {
		mistakes = append(mistakes, list.read(query[list.name], &f)...)
		delete(query, list.name)
	}
	for name, values := range query {
		mistakes = append(mistakes, wire.Mistake{
			Path:    "query." + name,
			Allowed: "no other parameters than aggregate, correlationId, id, kind and type",
			Found:   strings.Join(values, ","),
		})
	}
	slices.SortFunc(mistakes, func(a, b wire.Mistake) int { return strings.Compare(a.Path, b.Path) })
	return f, mistakes
}

// parseLists is url.ParseQuery of values with commas between them.
func parseLists(raw string) (url.Values, error) {
	if _, err := url.ParseQuery(raw); err != nil {
		return nil, err //nolint:wrapcheck // the client is told what is right
	}
	lists := make(url.Values)
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		escaped, list, _ := strings.Cut(pair, "=")
		name, _ := url.QueryUnescape(escaped) // ParseQuery could
		for part := range strings.SplitSeq(list, ",") {
			value, _ := url.QueryUnescape(part)
			lists.Add(name, value)
		}
	}
	return lists, nil
}

func (s *Server) liveOperation() *huma.Operation {
	message := endpoint.SchemaOf[wire.Message](s.endpoints)
	missed := endpoint.SchemaOf[wire.Missed](s.endpoints)
	operation := &huma.Operation{
		OperationID: "listen-live", Method: http.MethodGet, Path: livePath,
		Tags: []string{"live"}, Summary: "What happens now, as server-sent events",
		Description: liveDescription,
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": {
				Description: "A stream of messages without an end; data is one of these, by event.",
				Content: map[string]*huma.MediaType{
					mediaEvents: {Schema: &huma.Schema{OneOf: []*huma.Schema{message, missed}}},
				},
			},
		}, map[int]string{
			http.StatusBadRequest: "A parameter is wrong, or Last-Event-ID is none of these topics; " +
				"errors says which.",
			http.StatusServiceUnavailable: "Too many listen already (too-many-listeners), or Kafka " +
				"can't be read now (not-ready).",
		}),
	}
	for _, list := range s.liveLists() {
		operation.Parameters = append(operation.Parameters, list.describe())
	}
	after := endpoint.Param("The id of the last message that the client has: what came after it comes "+
		"first. "+"With the same filter, at any server.", endpoint.StringSchema(""), nil)
	after.Name, after.In = headerLastID, "header"
	operation.Parameters = append(operation.Parameters, after)
	return operation
}

// listedPattern is a value of a list with commas between them: without any, and without blanks around it.
const listedPattern = `^[^,\s]([^,]*[^,\s])?$`

const liveDescription = `Commands, events, results and dead letters of all aggregates, from now on.

The field event is the kind of message: command, event, result, dead-letter; or missed, when the
client was too far behind and was moved to the end, or retention was faster than it. Of each
partition messages come in order, between partitions in the order of arrival. Comments are
heartbeats. A stream without one for a minute is dead: come again, with Last-Event-ID.`
