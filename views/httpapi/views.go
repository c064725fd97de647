package httpapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"refold/codecs/jsonvalue"
	"refold/views"
)

// ViewStates tells where this pod's views stand, and rebuilds them. views.Views does.
type ViewStates interface {
	States() []views.State
	Rebuild(name, by string, partitions ...int32) (views.State, error)
	CancelRebuild(name string) (views.State, error)
}

// HeaderPartitionOffset of rows and histories tells where the copy stands that they were read from:
// <partition>/<offset>, the offset in the table's or the events' topic up to which all is in it.
const HeaderPartitionOffset = "Refold-Partition-Offset"

func withPosition(r *huma.Response, topic string) *huma.Response {
	r.Headers = map[string]*huma.Param{HeaderPartitionOffset: {
		Description: "Where this pod's copy of " + topic + " stands, <partition>/<offset>: all up to " +
			"this offset is in it (-1: nothing yet). Of the same pod it never goes back.",
		Schema: stringSchema(`^[0-9]+/(-1|[0-9]+)$`), Example: "3/1041",
	}}
	return r
}

type viewsBody struct {
	Views []viewBody `json:"views" nullable:"false"`
}

type viewBody struct {
	Name       string              `json:"name"`
	Topic      string              `json:"topic"`
	Version    string              `json:"version" doc:"Of how its stores are filed."`
	Ready      bool                `json:"ready"`
	Missing    string              `json:"missing,omitempty" doc:"What it lacks to be ready."`
	Partitions []viewPartitionBody `json:"partitions" nullable:"false"`
	Rebuild    *viewRebuildBody    `json:"rebuild,omitempty" doc:"This one, or the last one."`
}

type viewPartitionBody struct {
	Partition  int32 `json:"partition"`
	Offset     int64 `json:"offset" doc:"All up to this one is in it; -1: nothing yet."`
	Lag        int64 `json:"lag" doc:"Offsets to the end, markers included; -1: not known."`
	Restoring  bool  `json:"restoring" doc:"It is not read before that is done."`
	Rebuilding bool  `json:"rebuilding" doc:"By a rebuild, beside the copy that is read."`
}

type viewRebuildBody struct {
	Stage      views.RebuildStage `json:"stage" enum:"running,done,failed,cancelled"`
	By         string             `json:"by"`
	Partitions []int32            `json:"partitions" nullable:"false"`
	Done       int                `json:"done" doc:"How many of the partitions are done."`
	Partition  int32              `json:"partition" doc:"The one that is being rebuilt; -1: none."`
	Next       int64              `json:"next" doc:"The offset where that one is."`
	End        int64              `json:"end" doc:"The offset where it ends, as far as is known."`
	Began      time.Time          `json:"began"`
	Ended      time.Time          `json:"ended,omitzero"`
	Reason     string             `json:"reason,omitempty" doc:"Why it failed."`
}

type (
	viewsOutput      struct{ Body viewsBody }
	viewOutput       struct{ Body viewBody }
	rebuildViewInput struct {
		Name    string `path:"name"`
		By      string `header:"X-Asked-By"`
		RawBody []byte
	}
	cancelViewRebuildInput struct {
		Name string `path:"name"`
	}
	viewRebuildRequestBody struct {
		Partitions []partitionNumber `json:"partitions"`
	}
)

// partitionNumber is an int32 as JSON Schema knows integers: 3.0 is one.
type partitionNumber int32

// UnmarshalJSON reads a number.
func (n *partitionNumber) UnmarshalJSON(text []byte) error {
	number, ok := jsonvalue.ParseInteger(string(text), 32)
	if !ok {
		return fmt.Errorf("%s is no partition", text)
	}
	*n = partitionNumber(number)
	return nil
}

func asNumbers(partitions []partitionNumber) []int32 {
	numbers := make([]int32, len(partitions))
	for i, n := range partitions {
		numbers[i] = int32(n)
	}
	return numbers
}

func (s *Server) viewRebuildRequestSchema() *huma.Schema {
	return s.define("ViewRebuildRequestBody", &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{"partitions": {
			Type: huma.TypeArray, Items: wholeSchema("int32", 0, math.MaxInt32),
			Description: "All, if none is named.",
		}},
	})
}

const tagViews = "views"

func (s *Server) registerViews() {
	if s.options.Views == nil {
		return
	}
	name := param("path", "name", "The view's name, as GET /views tells it.", stringSchema(""), nil)
	register(s, huma.Operation{
		OperationID: "list-views", Method: http.MethodGet, Path: "/views",
		Tags: []string{tagViews}, Summary: "Where this pod's views stand",
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("All views of this pod.", schemaOf[viewsBody](s), nil),
		}, nil),
	}, s.listViews)
	register(s, huma.Operation{
		OperationID: "rebuild-view", Method: http.MethodPost, Path: "/admin/views/{name}/rebuilds",
		Tags: []string{tagViews}, Summary: "Rebuild a view of this pod from offset zero",
		Description: "One partition after the other is made anew beside the copy that is read, which goes " +
			"on serving and following, and then takes its place. GET /views tells how far it is.",
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: s.limits.BodyBytes + 1,
		Middlewares: huma.Middlewares{requireJSON},
		RequestBody: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			mediaJSON: {Schema: s.viewRebuildRequestSchema()},
		}},
		Parameters: []*huma.Param{name, whoAsks()},
		Responses: s.responses(map[string]*huma.Response{
			"202": answer("It begins.", schemaOf[viewBody](s), nil),
		}, map[int]string{
			http.StatusBadRequest:           "The request is malformed; errors says where.",
			http.StatusNotFound:             "There is no such view here.",
			http.StatusConflict:             "A rebuild is going on on this pod (rebuild-running).",
			http.StatusUnsupportedMediaType: notPlainJSON,
		}),
	}, s.rebuildView)
	register(s, huma.Operation{
		OperationID: "cancel-view-rebuild", Method: http.MethodPost,
		Path: "/admin/views/{name}/rebuilds/cancel",
		Tags: []string{tagViews}, Summary: "Cancel the rebuild of a view of this pod",
		Description: "Partitions that are done stay so; the one that is being rebuilt stays as it was.",
		Parameters:  []*huma.Param{name},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("It ends in a moment.", schemaOf[viewBody](s), nil),
		}, map[int]string{
			http.StatusNotFound: "There is no such view here.",
			http.StatusConflict: "No rebuild of it is going on (no-rebuild).",
		}),
	}, s.cancelViewRebuild)
}

func (s *Server) listViews(context.Context, *struct{}) (*viewsOutput, error) {
	out := &viewsOutput{Body: viewsBody{Views: []viewBody{}}}
	for _, state := range s.options.Views.States() {
		out.Body.Views = append(out.Body.Views, viewOf(&state))
	}
	return out, nil
}

func (s *Server) rebuildView(_ context.Context, in *rebuildViewInput) (*viewOutput, error) {
	body, err := adminBody[viewRebuildRequestBody](in.RawBody, `{"partitions": [NUMBER, …]}`, "partitions")
	if err != nil {
		return nil, err
	}
	state, err := s.options.Views.Rebuild(in.Name, askedBy(in.By), asNumbers(body.Partitions)...)
	if err != nil {
		return nil, viewRebuildProblem(err)
	}
	return &viewOutput{viewOf(&state)}, nil
}

func (s *Server) cancelViewRebuild(_ context.Context, in *cancelViewRebuildInput) (*viewOutput, error) {
	state, err := s.options.Views.CancelRebuild(in.Name)
	if err != nil {
		return nil, viewRebuildProblem(err)
	}
	return &viewOutput{viewOf(&state)}, nil
}

// viewRebuildProblem is an error of ViewStates as an answer.
func viewRebuildProblem(err error) error {
	switch {
	case errors.Is(err, views.ErrNoView):
		return problem(http.StatusNotFound, codeNotFound, "%v", err)
	case errors.Is(err, views.ErrNoPartition):
		return invalid(mistake{
			Path: "body.partitions", Allowed: "partitions of the view: " + err.Error(),
		})
	case errors.Is(err, views.ErrRebuilding):
		return problem(http.StatusConflict, codeRebuildRunning, "%v", err)
	case errors.Is(err, views.ErrNoRebuild):
		return problem(http.StatusConflict, codeNoRebuild, "%v", err)
	}
	return err
}

func viewOf(v *views.State) viewBody {
	body := viewBody{
		Name: v.Name, Topic: v.Topic, Version: v.Version, Ready: v.Missing == "", Missing: v.Missing,
		Partitions: make([]viewPartitionBody, 0, len(v.Partitions)),
	}
	for _, p := range v.Partitions {
		body.Partitions = append(body.Partitions, viewPartitionBody{
			Partition: p.Partition, Offset: p.Offset, Lag: p.Lag, Restoring: p.Restoring,
			Rebuilding: p.Rebuilding,
		})
	}
	if r := v.Rebuild; r != nil {
		body.Rebuild = &viewRebuildBody{
			Stage: r.Stage, By: r.By, Partitions: r.Partitions, Done: r.Done, Partition: r.Rebuilding,
			Next: r.Next, End: r.Until, Began: r.Began, Ended: r.End, Reason: r.Reason,
		}
	}
	return body
}
