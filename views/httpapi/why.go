package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/codecs/jsondiff"
	"refold/views"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func init() { ofAggregates = append(ofAggregates, registerWhy) }

type whyInput struct {
	ID       aggregateID `path:"id"`
	Field    fieldPaths  `query:"field"`
	Sequence whySequence `query:"sequence"`
}

// maxWhyFields limits the fields of a request: more than a person reads at once.
const maxWhyFields = 64

// fieldPaths are paths of fields, with commas between them.
type fieldPaths struct {
	endpoint.Text

	paths []jsondiff.Path
}

const (
	onePath = `([^.,\[\]"]+|\["[^"\\\n]*"\]|\[[0-9]{1,9}\])(\.[^.,\[\]"]+|\["[^"\\\n]*"\]|\[[0-9]{1,9}\])*`
	// pathsPattern is a list of paths, or nothing.
	pathsPattern = `^(` + onePath + `(,` + onePath + `){0,15})?$`
)

// Describe returns its description.
func (fieldPaths) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The paths of fields, with commas between them: balance,charges[0].refundable. "+
		"A name with a dot, a comma, a bracket or a quote in it is quoted: [\"a.b\"]. Without this, all "+
		"fields of the state, each as a whole.", endpoint.StringSchema(pathsPattern), nil)
}

// UnmarshalText reads them.
func (f *fieldPaths) UnmarshalText(text []byte) error {
	f.Sent = string(text)
	for _, one := range splitPaths(f.Sent) {
		path, err := jsondiff.ParsePath(one)
		if err != nil || len(path) == 0 {
			f.Refuse("paths like charges[0].refundable, with commas between them")
			return nil //nolint:nilerr // it is refused with what else is wrong
		}
		f.paths = append(f.paths, path)
	}
	if len(f.paths) > maxWhyFields {
		f.Refuse(fmt.Sprintf("at most %d paths", maxWhyFields))
	}
	return nil
}

// splitPaths splits a list at the commas that are not within quotes.
func splitPaths(text string) (paths []string) {
	begin, quoted, escaped := 0, false, false
	for i := range len(text) {
		switch {
		case escaped:
			escaped = false
		case quoted && text[i] == '\\':
			escaped = true
		case text[i] == '"':
			quoted = !quoted
		case text[i] == ',' && !quoted:
			paths, begin = append(paths, text[begin:i]), i+1
		}
	}
	return append(paths, text[begin:])
}

// whySequence is the sequence of the state that is explained.
type whySequence struct{ endpoint.Number }

// Describe returns its description.
func (whySequence) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Explain the state after the event of this sequence; without, the newest one.",
		endpoint.IntegerSchema(1, 0), nil)
}

// UnmarshalText reads it.
func (p *whySequence) UnmarshalText(text []byte) error {
	return p.Read(text, 1, "a sequence: a whole number from 1")
}

type whyOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         wire.Why
}

func registerWhy(s *Server, r *Resource) error {
	if r.Past == nil && !r.NoHistory {
		return nil
	}
	register(s, r, huma.Operation{
		OperationID: "why-" + r.Name, Method: http.MethodGet, Path: "/" + r.Plural + "/{id}/why",
		Tags: []string{r.Plural}, Summary: "Which events last set the fields of one " + r.Name,
		Description: fmt.Sprintf("Of each field: the event that last changed it, the value before, the "+
			"command that the event came from and who sent it. An item of a list is known by its place: an "+
			"event that removes the first one sets the others. It looks back through up to %d events, for "+
			"about %v; a field that none of them has set says from where on it has looked (from): ask again "+
			"with the sequence before that.", maxWhyEvents, whyTime),
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("The fields, in the order in which they were asked for.",
				endpoint.SchemaOf[wire.Why](s.endpoints), nil),
		}, map[int]string{
			http.StatusBadRequest: "A parameter is wrong; errors says which.",
			http.StatusNotFound: "There is no such " + r.Name + ", or its state has never had such a field " +
				"(no-such-field); errors says which there are.",
			http.StatusServiceUnavailable: "There is no such event yet (not-yet), it is not readable here " +
				"now (not-ready), or this server keeps no histories (no-history).",
		}),
	}, s.getWhy)
	return nil
}

// ever is later than any event.
var ever = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)

// getWhy answers GET /accounts/{id}/why.
func (s *Server) getWhy(ctx context.Context, r *Resource, in *whyInput) (*whyOutput, error) {
	if r.NoHistory {
		return nil, noHistory(r)
	}
	id, moment := string(in.ID), views.Moment{Sequence: in.Sequence.N}
	if moment.Sequence == 0 {
		moment.Time = ever
	}
	row, err := r.Past.At(ctx, id, moment)
	if err != nil {
		return nil, pastProblem(r, id, moment, row, err)
	}
	body := rowOf(row.Row)
	if body.Unreadable != nil {
		return nil, problem.New(http.StatusInternalServerError, wire.CodeUnreadable,
			"the state can't be shown (%s): %s", body.Unreadable.Code, body.Unreadable.Detail)
	}
	state, err := jsondiff.Parse(body.State)
	if err != nil {
		return nil, fmt.Errorf("read the state of %s %q: %w", r.Name, id, err)
	}
	search, wrong := newSearch(state, in.Field.paths)
	if len(wrong) > 0 {
		return nil, noField(r, id, wrong)
	}
	from, err := search.back(ctx, row.Sequence, func(first, last int64, fn func(views.PastRow) error) error {
		return r.Past.Each(ctx, id, first, last, fn)
	})
	if err != nil {
		return nil, err
	}
	out := &whyOutput{CacheControl: revalidate, Body: wire.Why{
		ID: body.ID, Sequence: row.Sequence, Time: row.Time, Fields: []wire.Reason{},
	}}
	for i := range search.fields {
		f := &search.fields[i]
		if f.event == 0 && from == 1 {
			return nil, noField(r, id, []wire.Mistake{unknownField(state, f.path)})
		}
		reason, err := s.reason(ctx, r, id, f, from)
		if err != nil {
			return nil, err
		}
		out.Body.Fields = append(out.Body.Fields, reason)
	}
	return out, nil
}

// reason adds to a field the event that set it, and who sent its command.
func (s *Server) reason(
	ctx context.Context, r *Resource, id string, f *soughtField, from int64,
) (wire.Reason, error) {
	out := wire.Reason{Field: f.path.String(), Value: []byte("null")}
	if f.value != nil {
		out.Value = []byte(f.value.String())
	}
	if f.event == 0 {
		out.From = from
		return out, nil
	}
	if f.before != nil {
		out.Before = []byte(f.before.String())
	}
	out.Event = &wire.Event{Sequence: f.event, Data: []byte("null")}
	if r.Events == nil {
		return out, nil
	}
	page, err := r.Events.Events(ctx, id, views.EventQuery{After: f.event - 1, Before: f.event + 1, Limit: 1})
	if err != nil || len(page.Events) == 0 {
		return out, err //nolint:wrapcheck // it says what was looked for
	}
	event := eventAsBody(&page.Events[0])
	out.Event = &event
	key := views.CommandKey{Aggregate: r.Name, Subject: id, ID: event.CausationID}
	command, err := s.options.Commands.Command(ctx, key)
	switch {
	case err == nil:
		out.CommandType, out.Source = command.Type, command.Source
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return out, err //nolint:wrapcheck // the request's own
	}
	return out, nil // commands are forgotten some day; events are not
}

// noField is the problem of fields that a state has never had.
func noField(r *Resource, id string, mistakes []wire.Mistake) *problem.Problem {
	p := problem.New(http.StatusNotFound, wire.CodeNoField, "the %s %q has no field %s", r.Name, id,
		strings.Join(foundOf(mistakes), ", "))
	p.Errors = mistakes
	return p
}

func foundOf(mistakes []wire.Mistake) []string {
	found := make([]string, len(mistakes))
	for i, m := range mistakes {
		found[i] = m.Found
	}
	return found
}
