package httpapi

import (
	"fmt"
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

func (s *Server) healthOperation() huma.Operation {
	return huma.Operation{
		OperationID: "get-health", Method: http.MethodGet, Path: "/healthz",
		Tags: []string{tagOperation}, Summary: "Whether the process is alive",
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("It is.", schemaOf[healthBody](s), nil),
		}, nil),
	}
}

func (s *Server) readyOperation() huma.Operation {
	return huma.Operation{
		OperationID: "get-readiness", Method: http.MethodGet, Path: "/readyz",
		Tags: []string{tagOperation}, Summary: "Whether requests should come here",
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("All checks are ready.", schemaOf[readyBody](s), nil),
		}, map[int]string{
			http.StatusServiceUnavailable: "Not all are; the member checks says what is missing.",
		}),
	}
}

func (s *Server) indexOperation() huma.Operation {
	return huma.Operation{
		OperationID: "get-index", Method: http.MethodGet, Path: "/",
		Tags: []string{tagOperation}, Summary: "This list of endpoints",
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("The endpoints.", schemaOf[indexBody](s), nil),
		}, nil),
	}
}

// rowSchema defines the aggregate's schema in the description.
func (s *Server) rowSchema(r *Resource) *huma.Schema {
	return s.define(component(r, "Row"), &huma.Schema{
		Type: huma.TypeObject, Required: []string{"id", "sequence", "state"},
		Properties: map[string]*huma.Schema{
			"id":       {Type: huma.TypeString},
			"sequence": integerSchema(0, 0),
			"state":    {AnyOf: []*huma.Schema{s.stateSchema(r), {Type: "null"}}},
			"unreadable": {
				Ref: schemaOf[unreadableBody](s).Ref,
				Description: "Why state is null: it can't be shown. Sequence is 0 if it isn't known " +
					"either.",
			},
			"time": {
				Type: huma.TypeString, Format: formatTime,
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
	return rowBody{ID: r.Name + "-1", Sequence: 3, State: r.Example}
}

func (s *Server) getRowOperation(r *Resource) huma.Operation {
	operation := huma.Operation{
		OperationID: "get-" + r.Name, Method: http.MethodGet, Path: "/" + r.Plural + "/{id}",
		Tags: []string{r.Plural}, Summary: "The state of one " + r.Name,
		Parameters: []*huma.Param{
			s.idParam(r.Name),
			param("query", "atLeast", "A sequence that the state must have reached. With Prefer: "+
				"wait, the answer waits for it."+notBesideMoment(r), integerSchema(0, 0), 3),
			param("header", "If-None-Match", "The ETag of the state that the client has.",
				&huma.Schema{Type: huma.TypeString}, tagExample),
			s.preferParam(),
		},
		Responses: s.responses(map[string]*huma.Response{
			"200": withPosition(answer("The state. Its ETag is its sequence and a digest of the answer.",
				s.rowSchema(r), rowExample(r)), "the table"),
			"304": {Description: "The client has it already (If-None-Match)."},
		}, map[int]string{
			http.StatusBadRequest: "A parameter is wrong; errors says which.",
			http.StatusNotFound:   "There is no such " + r.Name + ".",
			http.StatusServiceUnavailable: "The state is older than atLeast (not-yet), or not " +
				"readable here now (not-ready).",
		}),
	}
	if r.Past != nil {
		operation.Parameters = append(operation.Parameters, pastParams()...)
	}
	return operation
}

func (s *Server) listOperation(r *Resource) huma.Operation {
	page := &huma.Schema{
		Type: huma.TypeObject, Required: []string{"items"},
		Properties: map[string]*huma.Schema{
			"items": {Type: huma.TypeArray, Items: &huma.Schema{Ref: schemaRef + component(r, "Row")}},
			"next":  {Type: huma.TypeString, Description: "Where the list goes on; none: the end."},
		},
	}
	return huma.Operation{
		OperationID: "list-" + r.Plural, Method: http.MethodGet, Path: "/" + r.Plural,
		Tags: []string{r.Plural}, Summary: "All " + r.Plural + ", ordered by ID, page by page",
		Parameters: []*huma.Param{
			param("query", "after", "Start behind this ID.", &huma.Schema{Type: huma.TypeString}, nil),
			param("query", "limit", fmt.Sprintf("Rows of a page; %d if not given. A page may be "+
				"shorter and still have a next.", s.defaultPageRows()),
				integerSchema(1, int64(s.limits.PageRows)), nil),
		},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("A page.", s.define(component(r, "Page"), page), nil),
		}, map[int]string{http.StatusBadRequest: "A parameter is wrong; errors says which."}),
	}
}

func (s *Server) sendOperation(r *Resource) (huma.Operation, error) {
	body, err := s.commandRequest(r)
	if err != nil {
		return huma.Operation{}, err
	}
	command := schemaOf[commandBody](s)
	return huma.Operation{
		OperationID: "send-" + r.Name + "-command", Method: http.MethodPost,
		Path: "/" + r.Plural + "/{id}/commands",
		Tags: []string{r.Plural}, Summary: "Send a command to one " + r.Name,
		DefaultStatus: http.StatusAccepted, MaxBodyBytes: s.limits.BodyBytes + 1,
		RequestBody: body, Middlewares: huma.Middlewares{requireJSON},
		Parameters: []*huma.Param{
			param("path", "id", "The ID of the "+r.Name+".", stringSchema(idPattern), nil),
			param("header", "Idempotency-Key", "The command's ID, as an ID is, or that in double quotes; "+
				"one is made up and returned without. The same again to the same "+r.Name+" is the same "+
				"command, and has its outcome; with another type or other data it is refused "+
				"(idempotency-key-reused).",
				stringSchema(keyPattern), nil), // one example would be every command's
			param("header", "If-Match", "The sequence at which the aggregate must be, in quotes; 0: new. "+
				"Or its ETag: then its state must be the one that was read, too. Of several one must fit; "+
				"* is any, if it is there.", stringSchema(ifMatchPattern), `"3"`),
			s.preferParam(),
			param("header", "Traceparent", "W3C trace context, passed on.", stringSchema(""), nil),
		},
		Responses: s.responses(map[string]*huma.Response{
			"200": answer("Accepted, with Prefer: wait.", command, nil),
			"202": answer("Sent; Location tells its result later.", command, nil),
		}, map[int]string{
			http.StatusBadRequest: "The request is malformed; errors says where.",
			http.StatusPreconditionFailed: "Rejected: another sequence than If-Match (sequence-mismatch). " +
				"Or not sent: another state (precondition-failed).",
			http.StatusUnsupportedMediaType: "The body isn't plain JSON by its Content-Type and " +
				"Content-Encoding.",
			http.StatusUnprocessableEntity: "Rejected; code says why. Or the key was used before.",
			http.StatusServiceUnavailable:  "Not sent; nothing has happened (busy, not-ready).",
			http.StatusGatewayTimeout:      "Perhaps sent; send again under the same key.",
		}),
	}, nil
}
