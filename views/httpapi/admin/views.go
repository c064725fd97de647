package admin

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/codecs/jsonvalue"
	"refold/views"
	"refold/views/httpapi/endpoint"
	"refold/views/httpapi/problem"
)

func init() { endpoints = append(endpoints, registerViews) }

// ViewStates tells where this pod's views stand, and rebuilds them. views.Views does.
type ViewStates interface {
	States() []views.State
	Rebuild(name, by string, partitions ...int32) (views.State, error)
	CancelRebuild(name string) (views.State, error)
}

type (
	viewsOutput      struct{ Body wire.Views }
	viewOutput       struct{ Body wire.View }
	rebuildViewInput struct {
		Name    viewName `path:"name"`
		By      askedBy  `header:"X-Asked-By"`
		RawBody []byte
	}
	cancelViewRebuildInput struct {
		Name viewName `path:"name"`
	}
	viewRebuildRequestBody struct {
		Partitions []partitionNumber `json:"partitions"`
	}
)

// viewName is the path parameter that names a view.
type viewName string

// Describe returns its description.
func (viewName) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("The view's name, as GET /views tells it.", endpoint.StringSchema(""), nil)
}

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

const tagViews = "views"

// viewsAPI answers requests about views.
type viewsAPI struct {
	views   ViewStates
	options *Options
}

func registerViews(s *endpoint.Set, o *Options) {
	if o.Views == nil {
		return
	}
	api := &viewsAPI{o.Views, o}
	endpoint.Register(s, s.Of(), huma.Operation{
		OperationID: "list-views", Method: http.MethodGet, Path: "/views",
		Tags: []string{tagViews}, Summary: "Where this pod's views stand",
		Responses: s.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("All views of this pod.", endpoint.SchemaOf[wire.Views](s), nil),
		}, nil),
	}, api.list)
	endpoint.Register(s, s.Of(), huma.Operation{
		OperationID: "rebuild-view", Method: http.MethodPost, Path: "/admin/views/{name}/rebuilds",
		Tags: []string{tagViews}, Summary: "Rebuild a view of this pod from offset zero",
		Description: "One partition after the other is made anew beside the copy that is read, which goes " +
			"on serving and following, and then takes its place. GET /views tells how far it is.",
		DefaultStatus: http.StatusAccepted,
		RequestBody:   endpoint.JSONBody(&huma.MediaType{Schema: requestSchema(s)}),
		Responses: s.Responses(map[string]*huma.Response{
			"202": endpoint.Answer("It begins.", endpoint.SchemaOf[wire.View](s), nil),
		}, map[int]string{
			http.StatusBadRequest:           "The request is malformed; errors says where.",
			http.StatusNotFound:             "There is no such view here.",
			http.StatusConflict:             "A rebuild is going on on this pod (rebuild-running).",
			http.StatusUnsupportedMediaType: endpoint.NotPlainJSON,
		}),
	}, api.rebuild)
	endpoint.Register(s, s.Of(), huma.Operation{
		OperationID: "cancel-view-rebuild", Method: http.MethodPost,
		Path: "/admin/views/{name}/rebuilds/cancel",
		Tags: []string{tagViews}, Summary: "Cancel the rebuild of a view of this pod",
		Description: "Partitions that are done stay so; the one that is being rebuilt stays as it was.",
		Responses: s.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("It ends in a moment.", endpoint.SchemaOf[wire.View](s), nil),
		}, map[int]string{
			http.StatusNotFound: "There is no such view here.",
			http.StatusConflict: "No rebuild of it is going on (no-rebuild).",
		}),
	}, api.cancel)
}

func requestSchema(s *endpoint.Set) *huma.Schema {
	return s.Define("ViewRebuildRequestBody", &huma.Schema{
		Type: huma.TypeObject, AdditionalProperties: false,
		Properties: map[string]*huma.Schema{"partitions": {
			Type: huma.TypeArray, Items: endpoint.WholeSchema("int32", 0, math.MaxInt32),
			Description: "All, if none is named.",
		}},
	})
}

func (a *viewsAPI) list(context.Context, *struct{}) (*viewsOutput, error) {
	out := &viewsOutput{Body: wire.Views{Views: []wire.View{}}}
	for _, state := range a.views.States() {
		out.Body.Views = append(out.Body.Views, viewOf(&state))
	}
	return out, nil
}

func (a *viewsAPI) rebuild(ctx context.Context, in *rebuildViewInput) (*viewOutput, error) {
	body, err := readBody[viewRebuildRequestBody](in.RawBody, `{"partitions": [NUMBER, …]}`, "partitions")
	if err != nil {
		return nil, err
	}
	var state views.State
	by, parameters := in.By.kept(), map[string]string{}
	if len(body.Partitions) > 0 {
		parameters["partitions"] = fmt.Sprint(body.Partitions)
	}
	err = a.options.recorded(ctx, by, "views/rebuild", string(in.Name), parameters, func() (err error) {
		state, err = a.views.Rebuild(string(in.Name), by, asNumbers(body.Partitions)...)
		return err //nolint:wrapcheck // it becomes a problem
	})
	if err != nil {
		return nil, viewRebuildProblem(err)
	}
	return &viewOutput{viewOf(&state)}, nil
}

func (a *viewsAPI) cancel(ctx context.Context, in *cancelViewRebuildInput) (*viewOutput, error) {
	var state views.State
	by := askedBy("").kept()
	err := a.options.recorded(ctx, by, "views/cancel", string(in.Name), nil, func() (err error) {
		state, err = a.views.CancelRebuild(string(in.Name))
		return err //nolint:wrapcheck // it becomes a problem
	})
	if err != nil {
		return nil, viewRebuildProblem(err)
	}
	return &viewOutput{viewOf(&state)}, nil
}

// viewRebuildProblem is an error of ViewStates as an answer.
func viewRebuildProblem(err error) error {
	switch {
	case errors.Is(err, views.ErrNoView):
		return problem.New(http.StatusNotFound, wire.CodeNotFound, "%v", err)
	case errors.Is(err, views.ErrNoPartition):
		return problem.Invalid(wire.Mistake{
			Path: "body.partitions", Allowed: "partitions of the view: " + err.Error(),
		})
	case errors.Is(err, views.ErrRebuilding):
		return problem.New(http.StatusConflict, wire.CodeRebuildRunning, "%v", err)
	case errors.Is(err, views.ErrNoRebuild):
		return problem.New(http.StatusConflict, wire.CodeNoRebuild, "%v", err)
	}
	return err
}

func viewOf(v *views.State) wire.View {
	body := wire.View{
		Name: v.Name, Topic: v.Topic, Version: v.Version, Ready: v.Missing == "", Missing: v.Missing,
		Partitions: make([]wire.ViewPartition, 0, len(v.Partitions)),
	}
	for _, p := range v.Partitions {
		body.Partitions = append(body.Partitions, wire.ViewPartition{
			Partition: p.Partition, Offset: p.Offset, Lag: p.Lag, Restoring: p.Restoring,
			Rebuilding: p.Rebuilding,
		})
	}
	if r := v.Rebuild; r != nil {
		body.Rebuild = &wire.ViewRebuild{
			Stage: string(r.Stage), By: r.By, Partitions: r.Partitions, Done: r.Done, Partition: r.Rebuilding,
			Next: r.Next, End: r.Until, Began: r.Began, Ended: r.End, Reason: r.Reason,
		}
	}
	return body
}
