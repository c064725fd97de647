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

	"refold/views/livefeed"
)

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

// registerLive adds the stream beside huma, which knows answers with an end only.
func (s *Server) registerLive() {
	if s.options.Live == nil {
		return
	}
	operation := s.liveOperation()
	s.api.OpenAPI().AddOperation(&operation)
	s.mux.HandleFunc("GET "+livePath, s.live)
}

// live answers GET /events/live.
func (s *Server) live(w http.ResponseWriter, r *http.Request) {
	filter, mistakes := s.liveFilter(r.URL.RawQuery)
	if len(mistakes) > 0 {
		writeProblem(w, invalid(mistakes...))
		return
	}
	out, end := s.newStream(w, r)
	defer end()
	after := strings.TrimSpace(r.Header.Get("Last-Event-ID"))
	opening, cancel := context.WithTimeout(out.ctx, s.limits.RequestTimeout)
	defer cancel()
	listener, err := s.options.Live(opening, filter, after)
	if err != nil {
		writeProblem(w, s.liveProblem(r.Context(), after, err))
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
	err = s.forward(out, listener)
	s.logger.DebugContext(r.Context(), "listener left", "remote", r.RemoteAddr, "error", err)
}

// forward writes what the listener gets, until the client is gone or doesn't read, or the server
// stops.
func (s *Server) forward(out *stream, listener Listener) error {
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
			// What the filter has left out is passed, too: who resumes need not read it again.
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
func (s *Server) liveProblem(ctx context.Context, after string, err error) *Problem {
	switch {
	case errors.Is(err, livefeed.ErrPosition):
		return invalid(mistake{
			Path: "header.Last-Event-ID", Found: after,
			Allowed: "the id of a message of this installation, listened to with the same filter; " +
				"or no such header, to begin now",
		}).because(err)
	case errors.Is(err, livefeed.ErrTooMany):
		return problem(http.StatusServiceUnavailable, codeTooManyListeners,
			"as many as may listen here do already; ask another server, or later").retry()
	case context.Cause(s.stopping) != nil:
		return asProblem(errStopping)
	case errors.Is(err, livefeed.ErrUnavailable),
		ctx.Err() == nil && errors.Is(err, context.DeadlineExceeded):
		s.logger.WarnContext(ctx, "nobody can listen live", "error", err)
		return problem(http.StatusServiceUnavailable, codeNotReady,
			"this server can't read its topics now; its /readyz says what is missing").
			retry().because(err)
	}
	return s.asProblem(ctx, "live", err)
}

// liveFilter reads the query: lists, of values with commas between them or parameters that come
// several times. A comma that is escaped is part of a value: IDs may have some.
func (s *Server) liveFilter(raw string) (livefeed.Filter, []mistake) {
	var f livefeed.Filter
	query, err := parseLists(raw)
	if err != nil {
		return f, []mistake{{Path: "query", Allowed: "name=value&…, percent-encoded", Found: raw}}
	}
	var kinds []string
	lists := map[string]*[]string{
		"aggregate": &f.Aggregates, "id": &f.IDs, "type": &f.Types,
		"correlationId": &f.CorrelationIDs, "kind": &kinds,
	}
	allowed := map[string][]string{"kind": kindNames()}
	for _, r := range s.options.Resources {
		allowed["aggregate"] = append(allowed["aggregate"], r.Name)
	}
	var mistakes []mistake
	for name, values := range query {
		list := lists[name]
		if list == nil {
			mistakes = append(mistakes, mistake{
				Path:    "query." + name,
				Allowed: "no other parameters than aggregate, correlationId, id, kind and type",
				Found:   strings.Join(values, ","),
			})
			continue
		}
		for _, value := range values {
			value = strings.Trim(value, " \t\n\f\r")
			if known := allowed[name]; known != nil && !slices.Contains(known, value) {
				mistakes = append(mistakes, mistake{
					Path: "query." + name, Allowed: "any of " + strings.Join(known, ", "), Found: value,
				})
			} else if value == "" {
				mistakes = append(mistakes, mistake{
					Path: "query." + name, Allowed: "values with commas between them", Found: "an empty one",
				})
			}
			*list = append(*list, value)
		}
	}
	slices.SortFunc(mistakes, func(a, b mistake) int { return strings.Compare(a.Path, b.Path) })
	for _, kind := range kinds {
		f.Kinds = append(f.Kinds, livefeed.Kind(kind))
	}
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

func kindNames() []string {
	var names []string
	for _, kind := range livefeed.Kinds() {
		names = append(names, string(kind))
	}
	return names
}

func (s *Server) liveOperation() huma.Operation {
	list := func(name, description string, enum ...any) *huma.Param {
		explode := false
		one, least := &huma.Schema{Type: huma.TypeString, Enum: enum}, 1
		if len(enum) == 0 {
			one.Pattern = listedPattern
		}
		several := &huma.Schema{Type: huma.TypeArray, Items: one, MinItems: &least}
		p := param("query", name, description, several, nil)
		p.Style, p.Explode = "form", &explode
		return p
	}
	var aggregates, kinds []any
	for _, r := range s.options.Resources {
		aggregates = append(aggregates, r.Name)
	}
	for _, kind := range kindNames() {
		kinds = append(kinds, kind)
	}
	message, missed := schemaOf[livefeed.Message](s), schemaOf[livefeed.Missed](s)
	return huma.Operation{
		OperationID: "listen-live", Method: http.MethodGet, Path: livePath,
		Tags: []string{"live"}, Summary: "What happens now, as server-sent events",
		Description: liveDescription,
		Parameters: []*huma.Param{
			list("aggregate", "Of these aggregates.", aggregates...),
			list("id", "Of the aggregates with these IDs."),
			list("type", "Of these types; a result's is Result."),
			list("correlationId", "Of these chains: the ID of the command that began it."),
			list("kind", "Of these kinds.", kinds...),
			param("header", "Last-Event-ID", "The id of the last message that the client has: what came "+
				"after it comes first. With the same filter, at any server.", stringSchema(""), nil),
		},
		Responses: s.responses(map[string]*huma.Response{
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
}

// listedPattern is a value of a list with commas between them: without any, and without blanks around it.
const listedPattern = `^[^,\s]([^,]*[^,\s])?$`

const liveDescription = `Commands, events, results and dead letters of all aggregates, from now on.

The field event is the kind of message: command, event, result, dead-letter; or missed, when the
client was too far behind and was moved to the end, or retention was faster than it. Of each
partition messages come in order, between partitions in the order of arrival. Comments are
heartbeats. A stream without one for a minute is dead: come again, with Last-Event-ID.`
