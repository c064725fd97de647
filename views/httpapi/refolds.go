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

// Refolds is where refolds are asked for, and about. rebuild.Desk is one.
type Refolds interface {
	Overview(aggregate string) ([]rebuild.Overview, error)
	Refold(id string) (rebuild.Refold, error)
	Ask(ctx context.Context, aggregate string, dryRun bool, by string) (rebuild.Refold, error)
	Cancel(ctx context.Context, id, by string) (rebuild.Refold, error)
	// Called returns the aggregate of a group, in the plural.
	Called(group string) string
}

// refoldBody is a refold as JSON.
type refoldBody struct {
	ID        string           `json:"id"`
	Aggregate string           `json:"aggregate" doc:"In the plural."`
	Stage     rebuild.Stage    `json:"stage" enum:"waiting,folding,comparing,closing,done,failed,cancelled"`
	DryRun    bool             `json:"dryRun" doc:"It compares only."`
	By        string           `json:"by"`
	Time      time.Time        `json:"time" doc:"When it was asked for."`
	Totals    refoldTotalsBody `json:"totals"`
	// Partitions are left out of lists.
	Partitions []refoldPartitionBody `json:"partitions,omitempty" nullable:"false"`
}

type refoldTotalsBody struct {
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

type refoldPartitionBody struct {
	Partition   int           `json:"partition"`
	Stage       rebuild.Stage `json:"stage" enum:"waiting,folding,comparing,closing,done,failed,cancelled"`
	Reason      string        `json:"reason,omitempty" doc:"Why it waits, or has failed."`
	Worker      string        `json:"worker,omitempty" doc:"Which has told this last."`
	FoldVersion int           `json:"foldVersion,omitempty" doc:"That worker's."`
	refoldTotalsBody
	Samples json.RawMessage `json:"samples,omitempty" doc:"Of a dry run: some rows that differ."`
	Updated time.Time       `json:"updated,omitzero"`
}

// refoldsBody is what GET /refolds answers.
type refoldsBody struct {
	Aggregates []refoldTableBody `json:"aggregates" nullable:"false"`
}

type refoldTableBody struct {
	Aggregate string `json:"aggregate" doc:"In the plural."`
	Due       bool   `json:"due" doc:"Rows are of an older fold version than their worker: refold them."`
	// Partitions are those that a worker has taken over at any time.
	Partitions []rebuild.Table `json:"partitions" nullable:"false"`
	Refolds    []refoldBody    `json:"refolds" nullable:"false" doc:"The newest first."`
}

type refoldRequestBody struct {
	Aggregate string `json:"aggregate"`
	DryRun    bool   `json:"dryRun"`
}

type (
	listRefoldsInput struct {
		Aggregate string `query:"aggregate"`
	}
	listRefoldsOutput struct{ Body refoldsBody }
	refoldInput       struct {
		ID string `path:"id"`
	}
	refoldOutput   struct{ Body refoldBody }
	askRefoldInput struct {
		By      string `header:"X-Asked-By"`
		RawBody []byte
	}
	askRefoldOutput struct {
		Location string `header:"Location"`
		Body     refoldBody
	}
)

func (s *Server) registerRefolds() {
	if s.options.Refolds == nil {
		return
	}
	register(s, huma.Operation{
		OperationID: "list-refolds", Method: http.MethodGet, Path: "/refolds",
		Tags: []string{tagRefolds}, Summary: "Tables, their fold versions, and refolds of them",
		Parameters: []*huma.Param{param("query", "aggregate", "Of this one only.", s.aggregateSchema(), nil)},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("All that is known here.", schemaOf[refoldsBody](s), nil),
		}, map[int]string{http.StatusNotFound: "There is no such aggregate."}),
	}, s.listRefolds)
	register(s, huma.Operation{
		OperationID: "get-refold", Method: http.MethodGet, Path: "/refolds/{id}",
		Tags: []string{tagRefolds}, Summary: "How far a refold is, partition by partition",
		Parameters: []*huma.Param{refoldID()},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("As far as this pod knows.", schemaOf[refoldBody](s), nil),
		}, map[int]string{http.StatusNotFound: "There is no such refold."}),
	}, s.getRefold)
	register(s, huma.Operation{
		OperationID: "ask-refold", Method: http.MethodPost, Path: "/admin/refolds",
		Tags: []string{tagRefolds}, Summary: "Ask for a refold of a table",
		Description: "The workers fold the table again from offset zero of its events, in the " +
			"background, and write the rows that differ.",
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: s.limits.BodyBytes + 1,
		Middlewares: huma.Middlewares{requireJSON},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			mediaJSON: {Schema: s.refoldRequestSchema()},
		}},
		Parameters: []*huma.Param{whoAsks()},
		Responses: s.responses(map[string]*huma.Response{
			"202": answer("Asked for; Location tells how far it is.", schemaOf[refoldBody](s), nil),
		}, map[int]string{
			http.StatusBadRequest: "The request is malformed; errors says where.",
			http.StatusNotFound:   "There is no such aggregate.",
			http.StatusConflict:   "A refold of it has not ended (refold-open).",
			http.StatusServiceUnavailable: "This worker does not know the table yet (not-ready), or " +
				"Kafka does not answer (outcome-unknown).",
			http.StatusUnsupportedMediaType: notPlainJSON,
		}),
	}, s.askRefold)
	register(s, huma.Operation{
		OperationID: "cancel-refold", Method: http.MethodPost, Path: "/admin/refolds/{id}/cancel",
		Tags: []string{tagRefolds}, Summary: "Cancel a refold",
		Description: "Partitions that have ended stay as they are; the others are left as they were.",
		Parameters:  []*huma.Param{refoldID(), whoAsks()},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("Cancelled.", schemaOf[refoldBody](s), nil),
		}, map[int]string{
			http.StatusNotFound: "There is no such refold.",
			http.StatusConflict: "It has ended (refold-ended).",
		}),
	}, s.cancelRefold)
}

const tagRefolds = "refolds"

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

func (s *Server) refoldRequestSchema() *huma.Schema {
	return s.define("RefoldRequestBody", &huma.Schema{
		Type: huma.TypeObject, Required: []string{"aggregate"}, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{
			"aggregate": s.aggregateSchema(),
			"dryRun":    {Type: huma.TypeBoolean, Description: "Compare only."},
		},
	})
}

func refoldID() *huma.Param { return param("path", "id", "The refold's ID.", stringSchema(""), nil) }

func (s *Server) listRefolds(_ context.Context, in *listRefoldsInput) (*listRefoldsOutput, error) {
	all, err := s.options.Refolds.Overview(in.Aggregate)
	if err != nil {
		return nil, refoldProblem(err)
	}
	out := &listRefoldsOutput{Body: refoldsBody{Aggregates: make([]refoldTableBody, 0, len(all))}}
	for _, o := range all {
		table := refoldTableBody{
			Aggregate: o.Aggregate, Partitions: append([]rebuild.Table{}, o.Tables...),
			Refolds: make([]refoldBody, 0, len(o.Refolds)),
		}
		for _, t := range o.Tables {
			table.Due = table.Due || t.FoldVersion < t.WorkersFoldVersion
		}
		for i := range o.Refolds {
			body := s.refoldBody(&o.Refolds[i])
			body.Partitions = nil
			table.Refolds = append(table.Refolds, body)
		}
		out.Body.Aggregates = append(out.Body.Aggregates, table)
	}
	return out, nil
}

func (s *Server) getRefold(_ context.Context, in *refoldInput) (*refoldOutput, error) {
	r, err := s.options.Refolds.Refold(in.ID)
	if err != nil {
		return nil, refoldProblem(err)
	}
	return &refoldOutput{s.refoldBody(&r)}, nil
}

func (s *Server) askRefold(ctx context.Context, in *askRefoldInput) (*askRefoldOutput, error) {
	const allowed = `{"aggregate": NAME, "dryRun": BOOLEAN}`
	body, err := adminBody[refoldRequestBody](in.RawBody, allowed, "aggregate", "dryRun")
	if err != nil {
		return nil, err
	}
	if body.Aggregate == "" {
		return nil, invalid(mistake{Path: "body", Allowed: allowed, Found: string(in.RawBody)})
	}
	r, err := s.options.Refolds.Ask(ctx, body.Aggregate, body.DryRun, askedBy(in.By))
	if err != nil {
		return nil, refoldProblem(err)
	}
	return &askRefoldOutput{Location: "/refolds/" + r.ID, Body: s.refoldBody(&r)}, nil
}

type cancelRefoldInput struct {
	ID string `path:"id"`
	By string `header:"X-Asked-By"`
}

func (s *Server) cancelRefold(ctx context.Context, in *cancelRefoldInput) (*refoldOutput, error) {
	r, err := s.options.Refolds.Cancel(ctx, in.ID, askedBy(in.By))
	if err != nil {
		return nil, refoldProblem(err)
	}
	return &refoldOutput{s.refoldBody(&r)}, nil
}

// refoldProblem is an error of Refolds as an answer.
func refoldProblem(err error) error {
	var open *rebuild.OpenError
	switch {
	case errors.As(err, &open):
		return problem(http.StatusConflict, codeRefoldOpen, "%v", err)
	case errors.Is(err, rebuild.ErrEnded):
		return problem(http.StatusConflict, codeRefoldEnded, "%v", err)
	case errors.Is(err, rebuild.ErrUnknown):
		return problem(http.StatusServiceUnavailable, codeOutcomeUnknown,
			"%v; see GET /refolds before you ask again", err).retry()
	case errors.Is(err, rebuild.ErrNotReady):
		return problem(http.StatusServiceUnavailable, codeNotReady, "%v", err).retry()
	case errors.Is(err, rebuild.ErrNoRefold), errors.Is(err, rebuild.ErrNoAggregate):
		return problem(http.StatusNotFound, codeNotFound, "%v", err)
	}
	return err
}

func (s *Server) refoldBody(r *rebuild.Refold) refoldBody {
	body := refoldBody{
		ID: r.ID, Aggregate: s.options.Refolds.Called(r.Group), Stage: r.Stage(), DryRun: r.DryRun,
		By: r.By, Time: r.Time, Totals: totalsBody(r.Totals()),
		Partitions: make([]refoldPartitionBody, len(r.Progress)),
	}
	for i, p := range r.Progress {
		body.Partitions[i] = refoldPartitionBody{
			Partition: i, Stage: p.Stage, Reason: p.Reason, Worker: p.Worker,
			FoldVersion: p.FoldVersion, refoldTotalsBody: totalsBody(p), Samples: p.Samples,
			Updated: p.Updated,
		}
	}
	return body
}

func totalsBody(p rebuild.Progress) refoldTotalsBody {
	return refoldTotalsBody{
		EventsRead: p.EventsRead, EventsTotal: p.EventsTotal, Rate: p.Rate,
		SecondsLeft: p.SecondsLeft, Differing: p.Differing, Equal: p.Equal, Changed: p.Changed,
		Added: p.Added, Removed: p.Removed, Steps: p.Steps, LongestStep: p.LongestStep,
	}
}
