package admin

import (
	"context"
	"errors"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/refolds"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func init() { endpoints = append(endpoints, registerRefolds) }

// Refolds is where refolds are asked for, and about. refolds.Desk is one.
type Refolds interface {
	Overview(aggregate string) ([]refolds.Overview, error)
	Refold(id string) (refolds.Refold, error)
	Ask(ctx context.Context, aggregate string, dryRun bool, by string) (refolds.Refold, error)
	Cancel(ctx context.Context, id, by string) (refolds.Refold, error)
	// Called returns the aggregate of a group, in the plural.
	Called(group string) string
}

type (
	listRefoldsInput struct {
		Aggregate ofAggregate `query:"aggregate"`
	}
	listRefoldsOutput struct{ Body wire.Refolds }
	refoldInput       struct {
		ID refoldID `path:"id"`
	}
	refoldOutput   struct{ Body wire.Refold }
	askRefoldInput struct {
		By      askedBy `header:"X-Asked-By"`
		RawBody []byte
	}
	askRefoldOutput struct {
		Location string `header:"Location"`
		Body     wire.Refold
	}
	cancelRefoldInput struct {
		ID refoldID `path:"id"`
		By askedBy  `header:"X-Asked-By"`
	}
)

// refoldID is the path parameter that names a refold.
type refoldID string

// Describe returns its description.
func (refoldID) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The refold's ID.", endpoint.StringSchema(""), nil)
}

// ofAggregate is the query parameter that names one aggregate: in the plural, or in the singular.
type ofAggregate string

// Describe returns its description.
func (ofAggregate) Describe(c endpoint.Context) *huma.Param {
	return endpoint.Param("Of this one only.", aggregateSchema(c.Names), nil)
}

func aggregateSchema(names []any) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Enum: names}
}

const tagRefolds = "refolds"

// refoldsAPI answers requests about refolds.
type refoldsAPI struct{ refolds Refolds }

func registerRefolds(s *endpoint.Set, o *Options) {
	if o.Refolds == nil {
		return
	}
	api, of := &refoldsAPI{o.Refolds}, s.Of()
	of.Names = o.Aggregates
	endpoint.Register(s, of, huma.Operation{
		OperationID: "list-refolds", Method: http.MethodGet, Path: "/refolds",
		Tags: []string{tagRefolds}, Summary: "Tables, their fold versions, and refolds of them",
		Responses: s.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("All that is known here.", endpoint.SchemaOf[wire.Refolds](s), nil),
		}, map[int]string{http.StatusNotFound: "There is no such aggregate."}),
	}, api.list)
	endpoint.Register(s, of, huma.Operation{
		OperationID: "get-refold", Method: http.MethodGet, Path: "/refolds/{id}",
		Tags: []string{tagRefolds}, Summary: "How far a refold is, partition by partition",
		Responses: s.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("As far as this pod knows.", endpoint.SchemaOf[wire.Refold](s), nil),
		}, map[int]string{http.StatusNotFound: "There is no such refold."}),
	}, api.get)
	endpoint.Register(s, of, askRefold(s, o), api.ask)
	endpoint.Register(s, of, huma.Operation{
		OperationID: "cancel-refold", Method: http.MethodPost, Path: "/admin/refolds/{id}/cancel",
		Tags: []string{tagRefolds}, Summary: "Cancel a refold",
		Description: "Partitions that have ended stay as they are; the others are left as they were.",
		Responses: s.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("Cancelled.", endpoint.SchemaOf[wire.Refold](s), nil),
		}, map[int]string{
			http.StatusNotFound: "There is no such refold.",
			http.StatusConflict: "It has ended (refold-ended).",
		}),
	}, api.cancel)
}

func askRefold(s *endpoint.Set, o *Options) huma.Operation {
	return huma.Operation{
		OperationID: "ask-refold", Method: http.MethodPost, Path: "/admin/refolds",
		Tags: []string{tagRefolds}, Summary: "Ask for a refold of a table",
		Description: "The workers fold the table again from offset zero of its events, in the " +
			"background, and write the rows that differ.",
		DefaultStatus: http.StatusAccepted,
		RequestBody: endpoint.JSONBody(&huma.MediaType{Schema: s.Define("RefoldRequestBody", &huma.Schema{
			Type: huma.TypeObject, Required: []string{"aggregate"}, AdditionalProperties: false,
			Properties: map[string]*huma.Schema{
				"aggregate": aggregateSchema(o.Aggregates),
				"dryRun":    {Type: huma.TypeBoolean, Description: "Compare only."},
			},
		})}),
		Responses: s.Responses(map[string]*huma.Response{
			"202": endpoint.Answer("Asked for; Location tells how far it is.",
				endpoint.SchemaOf[wire.Refold](s), nil),
		}, map[int]string{
			http.StatusBadRequest: "The request is malformed; errors says where.",
			http.StatusNotFound:   "There is no such aggregate.",
			http.StatusConflict:   "A refold of it has not ended (refold-open).",
			http.StatusServiceUnavailable: "This worker does not know the table yet (not-ready), or " +
				"Kafka does not answer (outcome-unknown).",
			http.StatusUnsupportedMediaType: endpoint.NotPlainJSON,
		}),
	}
}

func (a *refoldsAPI) list(_ context.Context, in *listRefoldsInput) (*listRefoldsOutput, error) {
	all, err := a.refolds.Overview(string(in.Aggregate))
	if err != nil {
		return nil, refoldProblem(err)
	}
	out := &listRefoldsOutput{Body: wire.Refolds{Aggregates: make([]wire.RefoldTable, 0, len(all))}}
	for _, o := range all {
		table := wire.RefoldTable{
			Aggregate: o.Aggregate, Partitions: make([]wire.Table, 0, len(o.Tables)),
			Refolds: make([]wire.Refold, 0, len(o.Refolds)),
		}
		for _, t := range o.Tables {
			table.Due = table.Due || t.FoldVersion < t.WorkersFoldVersion
			table.Partitions = append(table.Partitions, wire.Table(t))
		}
		for i := range o.Refolds {
			body := a.body(&o.Refolds[i])
			body.Partitions = nil
			table.Refolds = append(table.Refolds, body)
		}
		out.Body.Aggregates = append(out.Body.Aggregates, table)
	}
	return out, nil
}

func (a *refoldsAPI) get(_ context.Context, in *refoldInput) (*refoldOutput, error) {
	r, err := a.refolds.Refold(string(in.ID))
	if err != nil {
		return nil, refoldProblem(err)
	}
	return &refoldOutput{a.body(&r)}, nil
}

func (a *refoldsAPI) ask(ctx context.Context, in *askRefoldInput) (*askRefoldOutput, error) {
	const allowed = `{"aggregate": NAME, "dryRun": BOOLEAN}`
	body, err := readBody[wire.RefoldRequest](in.RawBody, allowed, "aggregate", "dryRun")
	if err != nil {
		return nil, err
	}
	if body.Aggregate == "" {
		return nil, problem.Invalid(wire.Mistake{Path: "body", Allowed: allowed, Found: string(in.RawBody)})
	}
	r, err := a.refolds.Ask(ctx, body.Aggregate, body.DryRun, in.By.kept())
	if err != nil {
		return nil, refoldProblem(err)
	}
	return &askRefoldOutput{Location: "/refolds/" + r.ID, Body: a.body(&r)}, nil
}

func (a *refoldsAPI) cancel(ctx context.Context, in *cancelRefoldInput) (*refoldOutput, error) {
	r, err := a.refolds.Cancel(ctx, string(in.ID), in.By.kept())
	if err != nil {
		return nil, refoldProblem(err)
	}
	return &refoldOutput{a.body(&r)}, nil
}

// refoldProblem is an error of Refolds as an answer.
func refoldProblem(err error) error {
	var open *refolds.OpenError
	switch {
	case errors.As(err, &open):
		return problem.New(http.StatusConflict, wire.CodeRefoldOpen, "%v", err)
	case errors.Is(err, refolds.ErrEnded):
		return problem.New(http.StatusConflict, wire.CodeRefoldEnded, "%v", err)
	case errors.Is(err, refolds.ErrUnknown):
		return problem.New(http.StatusServiceUnavailable, wire.CodeOutcomeUnknown,
			"%v; see GET /refolds before you ask again", err).Retry()
	case errors.Is(err, refolds.ErrNotReady):
		return problem.New(http.StatusServiceUnavailable, wire.CodeNotReady, "%v", err).Retry()
	case errors.Is(err, refolds.ErrNoRefold), errors.Is(err, refolds.ErrNoAggregate):
		return problem.New(http.StatusNotFound, wire.CodeNotFound, "%v", err)
	}
	return err
}

func (a *refoldsAPI) body(r *refolds.Refold) wire.Refold {
	body := wire.Refold{
		ID: r.ID, Aggregate: a.refolds.Called(r.Group), Stage: string(r.Stage()), DryRun: r.DryRun,
		By: r.By, Time: r.Time, Totals: totalsBody(r.Totals()),
		Partitions: make([]wire.RefoldPartition, len(r.Progress)),
	}
	for i, p := range r.Progress {
		body.Partitions[i] = wire.RefoldPartition{
			Partition: i, Stage: string(p.Stage), Reason: p.Reason, Worker: p.Worker,
			FoldVersion: p.FoldVersion, RefoldTotals: totalsBody(p), Samples: p.Samples,
			Updated: p.Updated,
		}
	}
	return body
}

func totalsBody(p refolds.Progress) wire.RefoldTotals {
	return wire.RefoldTotals{
		EventsRead: p.EventsRead, EventsTotal: p.EventsTotal, Rate: p.Rate,
		SecondsLeft: p.SecondsLeft, Differing: p.Differing, Equal: p.Equal, Changed: p.Changed,
		Added: p.Added, Removed: p.Removed, Steps: p.Steps, LongestStep: p.LongestStep,
	}
}
