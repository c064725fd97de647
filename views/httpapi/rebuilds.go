package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/snapshots/rebuild"
)

// Rebuilds is where rebuilds are asked for, and about. rebuild.Requests is one.
type Rebuilds interface {
	Overview(aggregate string) ([]rebuild.Overview, error)
	Rebuild(id string) (rebuild.Rebuild, error)
	Ask(ctx context.Context, aggregate string, dryRun bool, by string) (rebuild.Rebuild, error)
	Cancel(ctx context.Context, id, by string) (rebuild.Rebuild, error)
	// AggregateOf returns the aggregate of a group, in the plural.
	AggregateOf(group string) string
}

// rebuildBody is a rebuild as JSON.
type rebuildBody struct {
	ID        string            `json:"id"`
	Aggregate string            `json:"aggregate" doc:"In the plural."`
	Stage     rebuild.Stage     `json:"stage" enum:"waiting,folding,comparing,closing,done,failed,cancelled"`
	DryRun    bool              `json:"dryRun" doc:"It compares only."`
	By        string            `json:"by"`
	Time      time.Time         `json:"time" doc:"When it was asked for."`
	Totals    rebuildTotalsBody `json:"totals"`
	// Partitions are left out of lists.
	Partitions []rebuildPartitionBody `json:"partitions,omitempty" nullable:"false"`
}

type rebuildTotalsBody struct {
	EventsRead  int64   `json:"eventsRead"`
	EventsTotal int64   `json:"eventsTotal"`
	Rate        float64 `json:"eventsPerSecond"`
	SecondsLeft float64 `json:"secondsLeft" doc:"Of the slowest partition, as it goes now."`
	Differing   int64   `json:"differing" doc:"Rows known to differ so far."`
	Equal       int64   `json:"equal" doc:"Rows that were as their events make them."`
	Changed     int64   `json:"changed"`
	Added       int64   `json:"added"`
	Removed     int64   `json:"removed"`
	Steps       int     `json:"steps,omitempty" doc:"How many times commands were held up to put rows right."`
	LongestStep float64 `json:"longestStepSeconds,omitempty" doc:"For how long at most."`
}

type rebuildPartitionBody struct {
	Partition   int           `json:"partition"`
	Stage       rebuild.Stage `json:"stage" enum:"waiting,folding,comparing,closing,done,failed,cancelled"`
	Reason      string        `json:"reason,omitempty" doc:"Why it waits, or has failed."`
	Worker      string        `json:"worker,omitempty" doc:"Which has told this last."`
	FoldVersion int           `json:"foldVersion,omitempty" doc:"That worker's."`
	rebuildTotalsBody
	Samples json.RawMessage `json:"samples,omitempty" doc:"Of a dry run: some rows that differ."`
	Updated time.Time       `json:"updated,omitzero"`
}

// rebuildsBody is what GET /rebuilds answers.
type rebuildsBody struct {
	Aggregates []rebuildTableBody `json:"aggregates" nullable:"false"`
}

type rebuildTableBody struct {
	Aggregate string `json:"aggregate" doc:"In the plural."`
	Due       bool   `json:"due" doc:"Rows are of an older fold version than their worker: rebuild it."`
	// Partitions are those that a worker has taken over at any time.
	Partitions []rebuild.PartitionVersions `json:"partitions" nullable:"false"`
	Rebuilds   []rebuildBody               `json:"rebuilds" nullable:"false" doc:"The newest first."`
}

type rebuildRequestBody struct {
	Aggregate string `json:"aggregate"`
	DryRun    bool   `json:"dryRun"`
}

type (
	listRebuildsInput struct {
		Aggregate string `query:"aggregate"`
	}
	listRebuildsOutput struct{ Body rebuildsBody }
	rebuildInput       struct {
		ID string `path:"id"`
	}
	rebuildOutput   struct{ Body rebuildBody }
	askRebuildInput struct {
		By      string `header:"X-Asked-By"`
		RawBody []byte
	}
	askRebuildOutput struct {
		Location string `header:"Location"`
		Body     rebuildBody
	}
)

func (s *Server) registerRebuilds() {
	if s.options.Rebuilds == nil {
		return
	}
	register(s, huma.Operation{
		OperationID: "list-rebuilds", Method: http.MethodGet, Path: "/rebuilds",
		Tags: []string{tagRebuilds}, Summary: "Tables, their fold versions, and rebuilds of them",
		Parameters: []*huma.Param{param("query", "aggregate", "Of this one only.", s.aggregateSchema(), nil)},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("All that is known here.", schemaOf[rebuildsBody](s), nil),
		}, map[int]string{http.StatusNotFound: "There is no such aggregate."}),
	}, s.listRebuilds)
	register(s, huma.Operation{
		OperationID: "get-rebuild", Method: http.MethodGet, Path: "/rebuilds/{id}",
		Tags: []string{tagRebuilds}, Summary: "How far a rebuild is, partition by partition",
		Parameters: []*huma.Param{rebuildID()},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("As far as this pod knows.", schemaOf[rebuildBody](s), nil),
		}, map[int]string{http.StatusNotFound: "There is no such rebuild."}),
	}, s.getRebuild)
	register(s, huma.Operation{
		OperationID: "ask-rebuild", Method: http.MethodPost, Path: "/admin/rebuilds",
		Tags: []string{tagRebuilds}, Summary: "Ask for a rebuild of a table",
		Description: "The workers fold the table again from offset zero of its events, in the " +
			"background, and write the rows that differ.",
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: s.limits.BodyBytes + 1,
		Middlewares: huma.Middlewares{requireJSON},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			mediaJSON: {Schema: s.rebuildRequestSchema()},
		}},
		Parameters: []*huma.Param{whoAsks()},
		Responses: s.responses(map[string]*huma.Response{
			"202": answer("Asked for; Location tells how far it is.", schemaOf[rebuildBody](s), nil),
		}, map[int]string{
			http.StatusBadRequest: "The request is malformed; errors says where.",
			http.StatusNotFound:   "There is no such aggregate.",
			http.StatusConflict:   "A rebuild of it has not ended (rebuild-open).",
			http.StatusServiceUnavailable: "This worker does not know the table yet (not-ready), or " +
				"Kafka does not answer (outcome-unknown).",
			http.StatusUnsupportedMediaType: notPlainJSON,
		}),
	}, s.askRebuild)
	register(s, huma.Operation{
		OperationID: "cancel-rebuild", Method: http.MethodPost, Path: "/admin/rebuilds/{id}/cancel",
		Tags: []string{tagRebuilds}, Summary: "Cancel a rebuild",
		Description: "Partitions that have ended stay as they are; the others are left as they were.",
		Parameters:  []*huma.Param{rebuildID(), whoAsks()},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("Cancelled.", schemaOf[rebuildBody](s), nil),
		}, map[int]string{
			http.StatusNotFound: "There is no such rebuild.",
			http.StatusConflict: "It has ended (rebuild-ended).",
		}),
	}, s.cancelRebuild)
}

const tagRebuilds = "rebuilds"

// aggregateSchema describes how an aggregate is called: in the plural, or in the singular.
func (s *Server) aggregateSchema() *huma.Schema {
	schema := &huma.Schema{Type: huma.TypeString}
	for _, r := range s.options.Resources {
		schema.Enum = append(schema.Enum, r.Plural)
		if r.Name != r.Plural {
			schema.Enum = append(schema.Enum, r.Name)
		}
	}
	return schema
}

func (s *Server) rebuildRequestSchema() *huma.Schema {
	return s.define("RebuildRequestBody", &huma.Schema{
		Type: huma.TypeObject, Required: []string{"aggregate"}, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{
			"aggregate": s.aggregateSchema(),
			"dryRun":    {Type: huma.TypeBoolean, Description: "Compare only."},
		},
	})
}

func rebuildID() *huma.Param { return param("path", "id", "The rebuild's ID.", stringSchema(""), nil) }

func (s *Server) listRebuilds(_ context.Context, in *listRebuildsInput) (*listRebuildsOutput, error) {
	all, err := s.options.Rebuilds.Overview(in.Aggregate)
	if err != nil {
		return nil, rebuildProblem(err)
	}
	out := &listRebuildsOutput{Body: rebuildsBody{Aggregates: make([]rebuildTableBody, 0, len(all))}}
	for _, o := range all {
		table := rebuildTableBody{
			Aggregate: o.Aggregate, Partitions: append([]rebuild.PartitionVersions{}, o.Partitions...),
			Rebuilds: make([]rebuildBody, 0, len(o.Rebuilds)),
		}
		for _, t := range o.Partitions {
			table.Due = table.Due || t.FoldVersion < t.WorkersFoldVersion
		}
		for i := range o.Rebuilds {
			body := s.rebuildBody(&o.Rebuilds[i])
			body.Partitions = nil
			table.Rebuilds = append(table.Rebuilds, body)
		}
		out.Body.Aggregates = append(out.Body.Aggregates, table)
	}
	return out, nil
}

func (s *Server) getRebuild(_ context.Context, in *rebuildInput) (*rebuildOutput, error) {
	r, err := s.options.Rebuilds.Rebuild(in.ID)
	if err != nil {
		return nil, rebuildProblem(err)
	}
	return &rebuildOutput{s.rebuildBody(&r)}, nil
}

func (s *Server) askRebuild(ctx context.Context, in *askRebuildInput) (*askRebuildOutput, error) {
	const allowed = `{"aggregate": NAME, "dryRun": BOOLEAN}`
	body, err := adminBody[rebuildRequestBody](in.RawBody, allowed, "aggregate", "dryRun")
	if err != nil {
		return nil, err
	}
	if body.Aggregate == "" {
		return nil, invalid(mistake{Path: "body", Allowed: allowed, Found: string(in.RawBody)})
	}
	r, err := s.options.Rebuilds.Ask(ctx, body.Aggregate, body.DryRun, askedBy(in.By))
	if err != nil {
		return nil, rebuildProblem(err)
	}
	return &askRebuildOutput{Location: "/rebuilds/" + r.ID, Body: s.rebuildBody(&r)}, nil
}

type cancelRebuildInput struct {
	ID string `path:"id"`
	By string `header:"X-Asked-By"`
}

func (s *Server) cancelRebuild(ctx context.Context, in *cancelRebuildInput) (*rebuildOutput, error) {
	r, err := s.options.Rebuilds.Cancel(ctx, in.ID, askedBy(in.By))
	if err != nil {
		return nil, rebuildProblem(err)
	}
	return &rebuildOutput{s.rebuildBody(&r)}, nil
}

// rebuildProblem is an error of Rebuilds as an answer.
func rebuildProblem(err error) error {
	var open *rebuild.OpenError
	switch {
	case errors.As(err, &open):
		return problem(http.StatusConflict, codeRebuildOpen, "%v", err)
	case errors.Is(err, rebuild.ErrEnded):
		return problem(http.StatusConflict, codeRebuildEnded, "%v", err)
	case errors.Is(err, rebuild.ErrUnknown):
		return problem(http.StatusServiceUnavailable, codeOutcomeUnknown,
			"%v; see GET /rebuilds before you ask again", err).retry()
	case errors.Is(err, rebuild.ErrNotReady):
		return problem(http.StatusServiceUnavailable, codeNotReady, "%v", err).retry()
	case errors.Is(err, rebuild.ErrNoRebuild), errors.Is(err, rebuild.ErrNoAggregate):
		return problem(http.StatusNotFound, codeNotFound, "%v", err)
	}
	return err
}

func (s *Server) rebuildBody(r *rebuild.Rebuild) rebuildBody {
	body := rebuildBody{
		ID: r.ID, Aggregate: s.options.Rebuilds.AggregateOf(r.Group), Stage: r.Stage(), DryRun: r.DryRun,
		By: r.By, Time: r.Time, Totals: totalsBody(r.Totals()),
		Partitions: make([]rebuildPartitionBody, len(r.Progress)),
	}
	for i, p := range r.Progress {
		body.Partitions[i] = rebuildPartitionBody{
			Partition: i, Stage: p.Stage, Reason: p.Reason, Worker: p.Worker,
			FoldVersion: p.FoldVersion, rebuildTotalsBody: totalsBody(p), Samples: p.Samples,
			Updated: p.Updated,
		}
	}
	return body
}

func totalsBody(p rebuild.PartitionProgress) rebuildTotalsBody {
	return rebuildTotalsBody{
		EventsRead: p.EventsRead, EventsTotal: p.EventsTotal, Rate: p.Rate,
		SecondsLeft: p.SecondsLeft, Differing: p.Differing, Equal: p.Equal, Changed: p.Changed,
		Added: p.Added, Removed: p.Removed, Steps: p.Steps, LongestStep: p.LongestStep,
	}
}
