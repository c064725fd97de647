package admin

import (
	"context"
	"errors"
	"net/http"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/snapshots/rebuild"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func init() { endpoints = append(endpoints, registerRebuilds) }

// Rebuilds is where rebuilds are asked for, and about. rebuild.Requests is one.
type Rebuilds interface {
	Overview(aggregate string) ([]rebuild.Overview, error)
	Rebuild(id string) (rebuild.Rebuild, error)
	Ask(ctx context.Context, aggregate string, dryRun bool, by string) (rebuild.Rebuild, error)
	Cancel(ctx context.Context, id, by string) (rebuild.Rebuild, error)
	// AggregateOf returns the aggregate of a group, in the plural.
	AggregateOf(group string) string
}

type (
	listRebuildsInput struct {
		Aggregate ofAggregate `query:"aggregate"`
	}
	listRebuildsOutput struct{ Body wire.Rebuilds }
	rebuildInput       struct {
		ID rebuildID `path:"id"`
	}
	rebuildOutput   struct{ Body wire.Rebuild }
	askRebuildInput struct {
		By      askedBy `header:"X-Asked-By"`
		RawBody []byte
	}
	askRebuildOutput struct {
		Location string `header:"Location"`
		Body     wire.Rebuild
	}
	cancelRebuildInput struct {
		ID rebuildID `path:"id"`
		By askedBy   `header:"X-Asked-By"`
	}
)

// rebuildID is the path parameter that names a rebuild.
type rebuildID string

// Describe returns its description.
func (rebuildID) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The rebuild's ID.", endpoint.StringSchema(""), nil)
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

const tagRebuilds = "rebuilds"

// rebuildsAPI answers requests about rebuilds.
type rebuildsAPI struct {
	rebuilds Rebuilds
	options  *Options
}

func registerRebuilds(s *endpoint.Set, o *Options) {
	if o.Rebuilds == nil {
		return
	}
	api, of := &rebuildsAPI{o.Rebuilds, o}, s.Of()
	of.Names = o.Aggregates
	endpoint.Register(s, of, huma.Operation{
		OperationID: "list-rebuilds", Method: http.MethodGet, Path: "/rebuilds",
		Tags: []string{tagRebuilds}, Summary: "Tables, their fold versions, and rebuilds of them",
		Responses: s.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("All that is known here.", endpoint.SchemaOf[wire.Rebuilds](s), nil),
		}, map[int]string{http.StatusNotFound: "There is no such aggregate."}),
	}, api.list)
	endpoint.Register(s, of, huma.Operation{
		OperationID: "get-rebuild", Method: http.MethodGet, Path: "/rebuilds/{id}",
		Tags: []string{tagRebuilds}, Summary: "How far a rebuild is, partition by partition",
		Responses: s.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("As far as this pod knows.", endpoint.SchemaOf[wire.Rebuild](s), nil),
		}, map[int]string{http.StatusNotFound: "There is no such rebuild."}),
	}, api.get)
	endpoint.Register(s, of, askRebuild(s, o), api.ask)
	endpoint.Register(s, of, huma.Operation{
		OperationID: "cancel-rebuild", Method: http.MethodPost, Path: "/admin/rebuilds/{id}/cancel",
		Tags: []string{tagRebuilds}, Summary: "Cancel a rebuild",
		Description: "Partitions that have ended stay as they are; the others are left as they were.",
		Responses: s.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("Cancelled.", endpoint.SchemaOf[wire.Rebuild](s), nil),
		}, map[int]string{
			http.StatusNotFound: "There is no such rebuild.",
			http.StatusConflict: "It has ended (rebuild-ended).",
		}),
	}, api.cancel)
}

func askRebuild(s *endpoint.Set, o *Options) huma.Operation {
	return huma.Operation{
		OperationID: "ask-rebuild", Method: http.MethodPost, Path: "/admin/rebuilds",
		Tags: []string{tagRebuilds}, Summary: "Ask for a rebuild of a table",
		Description: "The workers fold the table again from offset zero of its events, in the " +
			"background, and write the rows that differ.",
		DefaultStatus: http.StatusAccepted,
		RequestBody: endpoint.JSONBody(&huma.MediaType{Schema: s.Define("RebuildRequestBody", &huma.Schema{
			Type: huma.TypeObject, Required: []string{"aggregate"}, AdditionalProperties: false,
			Properties: map[string]*huma.Schema{
				"aggregate": aggregateSchema(o.Aggregates),
				"dryRun":    {Type: huma.TypeBoolean, Description: "Compare only."},
			},
		})}),
		Responses: s.Responses(map[string]*huma.Response{
			"202": endpoint.Answer("Asked for; Location tells how far it is.",
				endpoint.SchemaOf[wire.Rebuild](s), nil),
		}, map[int]string{
			http.StatusBadRequest: "The request is malformed; errors says where.",
			http.StatusNotFound:   "There is no such aggregate.",
			http.StatusConflict:   "A rebuild of it has not ended (rebuild-open).",
			http.StatusServiceUnavailable: "This worker does not know the table yet (not-ready), or " +
				"Kafka does not answer (outcome-unknown).",
			http.StatusUnsupportedMediaType: endpoint.NotPlainJSON,
		}),
	}
}

func (a *rebuildsAPI) list(_ context.Context, in *listRebuildsInput) (*listRebuildsOutput, error) {
	all, err := a.rebuilds.Overview(string(in.Aggregate))
	if err != nil {
		return nil, rebuildProblem(err)
	}
	out := &listRebuildsOutput{Body: wire.Rebuilds{Aggregates: make([]wire.RebuildTable, 0, len(all))}}
	for _, o := range all {
		table := wire.RebuildTable{
			Aggregate: o.Aggregate, Partitions: make([]wire.PartitionVersions, 0, len(o.Partitions)),
			Rebuilds: make([]wire.Rebuild, 0, len(o.Rebuilds)),
		}
		for _, t := range o.Partitions {
			table.Due = table.Due || t.FoldVersion < t.WorkersFoldVersion
			table.Partitions = append(table.Partitions, wire.PartitionVersions(t))
		}
		for i := range o.Rebuilds {
			body := a.body(&o.Rebuilds[i])
			body.Partitions = nil
			table.Rebuilds = append(table.Rebuilds, body)
		}
		out.Body.Aggregates = append(out.Body.Aggregates, table)
	}
	return out, nil
}

func (a *rebuildsAPI) get(_ context.Context, in *rebuildInput) (*rebuildOutput, error) {
	r, err := a.rebuilds.Rebuild(string(in.ID))
	if err != nil {
		return nil, rebuildProblem(err)
	}
	return &rebuildOutput{a.body(&r)}, nil
}

func (a *rebuildsAPI) ask(ctx context.Context, in *askRebuildInput) (*askRebuildOutput, error) {
	const allowed = `{"aggregate": NAME, "dryRun": BOOLEAN}`
	body, err := readBody[wire.RebuildRequest](in.RawBody, allowed, "aggregate", "dryRun")
	if err != nil {
		return nil, err
	}
	if body.Aggregate == "" {
		return nil, problem.Invalid(wire.Mistake{Path: "body", Allowed: allowed, Found: string(in.RawBody)})
	}
	var r rebuild.Rebuild
	by, parameters := in.By.kept(), map[string]string{"dryRun": strconv.FormatBool(body.DryRun)}
	err = a.options.recorded(ctx, by, "rebuild", body.Aggregate, parameters, func() (err error) {
		r, err = a.rebuilds.Ask(ctx, body.Aggregate, body.DryRun, by)
		return err //nolint:wrapcheck // it becomes a problem
	})
	if err != nil {
		return nil, rebuildProblem(err)
	}
	return &askRebuildOutput{Location: "/rebuilds/" + r.ID, Body: a.body(&r)}, nil
}

func (a *rebuildsAPI) cancel(ctx context.Context, in *cancelRebuildInput) (*rebuildOutput, error) {
	var r rebuild.Rebuild
	by := in.By.kept()
	err := a.options.recorded(ctx, by, "rebuild/cancel", string(in.ID), nil, func() (err error) {
		r, err = a.rebuilds.Cancel(ctx, string(in.ID), by)
		return err //nolint:wrapcheck // it becomes a problem
	})
	if err != nil {
		return nil, rebuildProblem(err)
	}
	return &rebuildOutput{a.body(&r)}, nil
}

// rebuildProblem is an error of Rebuilds as an answer.
func rebuildProblem(err error) error {
	var open *rebuild.OpenError
	switch {
	case errors.As(err, &open):
		return problem.New(http.StatusConflict, wire.CodeRebuildOpen, "%v", err)
	case errors.Is(err, rebuild.ErrEnded):
		return problem.New(http.StatusConflict, wire.CodeRebuildEnded, "%v", err)
	case errors.Is(err, rebuild.ErrUnknown):
		return problem.New(http.StatusServiceUnavailable, wire.CodeOutcomeUnknown,
			"%v; see GET /rebuilds before you ask again", err).Retry()
	case errors.Is(err, rebuild.ErrNotReady):
		return problem.New(http.StatusServiceUnavailable, wire.CodeNotReady, "%v", err).Retry()
	case errors.Is(err, rebuild.ErrNoRebuild), errors.Is(err, rebuild.ErrNoAggregate):
		return problem.New(http.StatusNotFound, wire.CodeNotFound, "%v", err)
	}
	return err
}

func (a *rebuildsAPI) body(r *rebuild.Rebuild) wire.Rebuild {
	body := wire.Rebuild{
		ID: r.ID, Aggregate: a.rebuilds.AggregateOf(r.Group), Stage: string(r.Stage()), DryRun: r.DryRun,
		By: r.By, Time: r.Time, Totals: totalsBody(r.Totals()),
		Partitions: make([]wire.RebuildPartition, len(r.Progress)),
	}
	for i, p := range r.Progress {
		body.Partitions[i] = wire.RebuildPartition{
			Partition: i, Stage: string(p.Stage), Reason: p.Reason, Worker: p.Worker,
			FoldVersion: p.FoldVersion, RebuildTotals: totalsBody(p), Samples: p.Samples,
			Updated: p.Updated,
		}
	}
	return body
}

func totalsBody(p rebuild.PartitionProgress) wire.RebuildTotals {
	return wire.RebuildTotals{
		EventsRead: p.EventsRead, EventsTotal: p.EventsTotal, Rate: p.Rate,
		SecondsLeft: p.SecondsLeft, Differing: p.Differing, Equal: p.Equal, Changed: p.Changed,
		Added: p.Added, Removed: p.Removed, Steps: p.Steps, LongestStep: p.LongestStep,
	}
}
