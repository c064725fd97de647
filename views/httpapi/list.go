package httpapi

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/views/httpapi/endpoint"
)

func init() { ofAggregates = append(ofAggregates, registerList) }

type listInput struct {
	After afterRow `query:"after"`
	Limit rowLimit `query:"limit"`
}

// afterRow is the ID behind which a page of rows begins.
type afterRow string

// Describe returns its description.
func (afterRow) Describe(endpoint.Context) *huma.Param {
	return endpoint.Param("Start behind this ID.", &huma.Schema{Type: huma.TypeString}, nil)
}

// rowLimit is how many rows a page may have.
type rowLimit struct{ endpoint.Limit }

// Describe returns its description.
func (rowLimit) Describe(c endpoint.Context) *huma.Param {
	return endpoint.Param(fmt.Sprintf("Rows of a page; %d if not given. A page may be shorter and still "+
		"have "+"a next.", c.DefaultRows()), endpoint.IntegerSchema(1, int64(c.PageRows)), nil)
}

type listOutput struct {
	Link         string `header:"Link"`
	CacheControl string `header:"Cache-Control"`
	Body         any
}

func registerList(s *Server, r *Resource) error {
	page := &huma.Schema{
		Type: huma.TypeObject, Required: []string{"items"},
		Properties: map[string]*huma.Schema{
			"items": {
				Type: huma.TypeArray, Items: &huma.Schema{Ref: endpoint.SchemaRef + component(r, "Row")},
			},
			"next": {Type: huma.TypeString, Description: "Where the list goes on; none: the end."},
		},
	}
	register(s, r, huma.Operation{
		OperationID: "list-" + r.Plural, Method: http.MethodGet, Path: "/" + r.Plural,
		Tags: []string{r.Plural}, Summary: "All " + r.Plural + ", ordered by ID, page by page",
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("A page.", s.endpoints.Define(component(r, "Page"), page), nil),
		}, map[int]string{http.StatusBadRequest: "A parameter is wrong; errors says which."}),
	}, s.list)
	return nil
}

// list answers GET /accounts.
func (s *Server) list(ctx context.Context, r *Resource, in *listInput) (*listOutput, error) {
	limit := int(in.Limit.N)
	page, err := s.readPage(ctx, r, string(in.After), limit)
	if err != nil {
		return nil, err
	}
	body := wire.Rows{Items: make([]wire.Row, len(page.rows))}
	for i, row := range page.rows {
		row.Row.ID = string(row.Key) // of which JSON between pods may have spelled a part in another way
		row.Row.Links = &wire.Links{Self: pathOf(r, string(row.Key))}
		body.Items[i] = row.Row
	}
	out := &listOutput{CacheControl: revalidate}
	if page.more {
		query := url.Values{"after": {page.next}, "limit": {strconv.Itoa(limit)}}
		body.Next = "/" + r.Plural + "?" + query.Encode()
		out.Link = "<" + body.Next + `>; rel="next"`
	}
	out.Body = body
	return out, nil
}
