package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/codecs"
	"refold/codecs/jsonvalue"
	"refold/views"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func init() { ofAggregates = append(ofAggregates, registerRow) }

type getRowInput struct {
	ID          aggregateID     `path:"id"`
	AtLeast     atLeast         `query:"atLeast"`
	IfNoneMatch ifNoneMatch     `header:"If-None-Match"`
	Prefer      endpoint.Prefer `header:"Prefer"`
	Sequence    pastSequence    `query:"sequence" hidden:"true"`
	Time        pastTime        `query:"time" hidden:"true"`
}

// atLeast is the sequence that a state must have reached; 0: any.
type atLeast struct{ endpoint.Number }

// Describe returns its description.
func (atLeast) Describe(c endpoint.Context) *huma.Param {
	description := "A sequence that the state must have reached. With Prefer: wait, the answer waits for it."
	if c.Past { // OpenAPI has no other word for it
		description += " Not beside sequence or time: the past does not change. That is a 400."
	}
	return endpoint.Param(description, endpoint.IntegerSchema(0, 0), 3)
}

// UnmarshalText reads it.
func (p *atLeast) UnmarshalText(text []byte) error {
	return p.Read(text, 0, "a sequence: a whole number from 0")
}

type getRowOutput struct {
	Status            int
	ETag              string `header:"ETag"`
	PartitionOffset   string `header:"Refold-Partition-Offset"`
	CacheControl      string `header:"Cache-Control"`
	PreferenceApplied string `header:"Preference-Applied"`
	Body              any
}

// ifNoneMatch is the header If-None-Match of a state; one that can't be read is none.
type ifNoneMatch string

// Describe returns its description.
func (ifNoneMatch) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The ETag of the state that the client has.",
		&huma.Schema{Type: huma.TypeString}, tagExample)
}

// HeaderPartitionOffset of rows and histories tells where the copy stands that they were read from:
// <partition>/<offset>, the offset in the table's or the events' topic up to which all is in it.
const HeaderPartitionOffset = "Refold-Partition-Offset"

func withPosition(r *huma.Response, topic string) *huma.Response {
	r.Headers = map[string]*huma.Param{HeaderPartitionOffset: {
		Description: "Where this pod's copy of " + topic + " stands, <partition>/<offset>: all up to " +
			"this offset is in it (-1: nothing yet). Of the same pod it never goes back.",
		Schema: endpoint.StringSchema(`^[0-9]+/(-1|[0-9]+)$`), Example: "3/1041",
	}}
	return r
}

// revalidate lets a cache keep an answer, but not use it unasked.
const revalidate = "no-cache"

func registerRow(s *Server, r *Resource) error {
	register(s, r, huma.Operation{
		OperationID: "get-" + r.Name, Method: http.MethodGet, Path: "/" + r.Plural + "/{id}",
		Tags: []string{r.Plural}, Summary: "The state of one " + r.Name,
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": withPosition(endpoint.Answer(
				"The state. Its ETag is its sequence and a digest of the answer.",
				s.rowSchema(r), rowExample(r)), "the table"),
			"304": {Description: "The client has it already (If-None-Match)."},
		}, map[int]string{
			http.StatusBadRequest: "A parameter is wrong; errors says which.",
			http.StatusNotFound:   "There is no such " + r.Name + ".",
			http.StatusServiceUnavailable: "The state is older than atLeast (not-yet), or not " +
				"readable here now (not-ready).",
		}),
	}, s.getRow)
	return nil
}

// rowSchema defines the aggregate's schema in the description.
func (s *Server) rowSchema(r *Resource) *huma.Schema {
	return s.endpoints.Define(component(r, "Row"), &huma.Schema{
		Type: huma.TypeObject, Required: []string{"id", "sequence", "state"},
		Properties: map[string]*huma.Schema{
			"id":       {Type: huma.TypeString},
			"sequence": endpoint.IntegerSchema(0, 0),
			"state":    {AnyOf: []*huma.Schema{s.endpoints.StateSchema(r.State), {Type: "null"}}},
			"unreadable": {
				Ref: endpoint.SchemaOf[wire.Unreadable](s.endpoints).Ref,
				Description: "Why state is null: it can't be shown. Sequence is 0 if it isn't known " +
					"either.",
			},
			"time": {
				Type: huma.TypeString, Format: endpoint.FormatTime,
				Description: "When the last event was; of states of the past only.",
			},
			"links": {
				Type: huma.TypeObject, Description: "In lists only.",
				Properties: map[string]*huma.Schema{
					"self": {Type: huma.TypeString, Description: "Its address, the ID escaped."},
				},
			},
		},
	})
}

// rowExample returns an aggregate for the description, or nothing.
func rowExample(r *Resource) any {
	if r.Example == nil {
		return nil
	}
	state, err := jsonvalue.Marshal(r.Example, maxStateBytes)
	if err != nil {
		return nil
	}
	return wire.Row{ID: r.Name + "-1", Sequence: 3, State: state}
}

const (
	// maxStateBytes limits the JSON of one state, maxPageBytes roughly that of a page: eight times the
	// default limit of a record, as codecs has it, and what our own client reads of an answer.
	maxStateBytes = 8 << 20
	maxPageBytes  = 16 << 20
)

// codeNoJSON is why a state can be read, but not be shown.
const codeNoJSON = "no-json"

// rowOf shows a row. A state that has no JSON, or too much of it, and a row that can't be decoded are marked
// as unreadable: neither hides the other rows of a page.
func rowOf(r views.Row) wire.Row {
	body := wire.Row{ID: r.ID, Sequence: r.Sequence}
	if r.Unreadable != nil {
		body.Unreadable = unreadable(r.Unreadable)
		return body
	}
	text, err := jsonvalue.Marshal(r.State, maxStateBytes)
	switch {
	case err == nil:
		body.State = text
	case errors.Is(err, jsonvalue.ErrTooLarge):
		body.Unreadable = &wire.Unreadable{
			Code: string(codecs.ReasonTooLarge), Detail: problem.Cut(err.Error()),
		}
	default:
		body.Unreadable = &wire.Unreadable{Code: codeNoJSON, Detail: problem.Cut(err.Error())}
	}
	return body
}

// getRow answers GET /accounts/{id}.
func (s *Server) getRow(ctx context.Context, r *Resource, in *getRowInput) (*getRowOutput, error) {
	if in.ofPast() {
		return s.getPast(ctx, r, in)
	}
	atLeast := in.AtLeast.N
	row, applied, err := s.readRow(ctx, r, in, atLeast)
	switch {
	case errors.Is(err, views.ErrNotFound):
		return nil, problem.New(http.StatusNotFound, wire.CodeNotFound, "there is no %s %q",
			r.Name, string(in.ID))
	case err != nil:
		return nil, err
	case row.Sequence < atLeast:
		return nil, notYet(r, string(in.ID), row.Sequence, atLeast, applied)
	}
	out := showRow(row, rowOf(row), in.IfNoneMatch)
	out.PreferenceApplied = applied
	return out, nil
}

// showRow answers with a row's body, unless the client has it.
func showRow(row views.Row, body wire.Row, has ifNoneMatch) *getRowOutput {
	text := encoded(body)
	tag := tagOf(row.Sequence, text)
	out := &getRowOutput{
		Status: http.StatusOK, ETag: tag.String(), CacheControl: revalidate, Body: text,
		PartitionOffset: row.Position.String(),
	}
	if !noneMatch(string(has), tag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out
}

// readRow reads the row, waiting for it (G10) if the client named a sequence and prefers to wait.
// A row that didn't come in time is returned as it is; none at all is at sequence 0 then.
func (s *Server) readRow(ctx context.Context, r *Resource, in *getRowInput, atLeast int64) (
	row views.Row, applied string, err error,
) {
	wait, prefers := in.Prefer.Wait(s.limits.Wait)
	if atLeast == 0 || !prefers {
		row, err = r.Rows.Get(string(in.ID))
	} else {
		var cancel context.CancelFunc
		ctx, cancel = s.endpoints.Waiting(ctx, wait)
		defer cancel()
		applied = endpoint.Applied(wait)
		row, err = r.Rows.WaitFor(ctx, string(in.ID), atLeast)
	}
	late := errors.Is(err, views.ErrNotYet) && !errors.Is(err, problem.ErrStopping)
	if late || errors.Is(err, views.ErrNotFound) && atLeast > 0 {
		err = nil // the caller sees by the sequence that it is too old
	}
	return row, applied, err
}

// notYet says that the state is older than the client needs (G10). It is no 412: that would say
// that the request can't succeed as it is, while this one will in a moment.
func notYet(r *Resource, id string, sequence, atLeast int64, applied string) *problem.Problem {
	is := "is at sequence " + formatSequence(sequence) + " here"
	if sequence == 0 {
		is = "is not here yet"
	}
	advice := "; try again, or wait with Prefer: wait=5"
	if applied != "" {
		advice = " and has not come within " + strings.TrimPrefix(applied, "wait=") +
			" s; try again, if there is such a sequence"
	}
	p := problem.New(http.StatusServiceUnavailable, wire.CodeNotYet,
		"the %s %q %s, sequence %d is asked for%s", r.Name, id, is, atLeast, advice).Retry()
	if applied != "" {
		p.Set("Preference-Applied", applied)
	}
	return p
}
