package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/views/httpapi/endpoint"
)

func init() { ofServer = append(ofServer, registerOwners) }

type ownersOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         wire.Owners
}

func registerOwners(s *Server) error {
	if s.peers == nil {
		return nil
	}
	register(s, nil, huma.Operation{
		OperationID: "list-owners", Method: http.MethodGet, Path: "/owners",
		Tags: []string{endpoint.TagOperation}, Summary: "Which pod answers for which partition",
		Description: "As far as this pod knows: another one may have heard of a move before it. Any pod " +
			"takes any request and forwards it to the owner, so clients have no need of this.",
		Responses: s.endpoints.Responses(map[string]*huma.Response{
			"200": endpoint.Answer("All partitions of all aggregates.",
				endpoint.SchemaOf[wire.Owners](s.endpoints), nil),
		}, map[int]string{
			http.StatusServiceUnavailable: "The number of partitions is not known yet (not-ready).",
		}),
	}, s.listOwners)
	return nil
}

// listOwners answers GET /owners.
func (s *Server) listOwners(context.Context, *Resource, *struct{}) (*ownersOutput, error) {
	body := wire.Owners{Instance: s.options.Instance, Aggregates: []wire.OwnersAggregate{}}
	for _, aggregate := range s.names() {
		n := s.options.Placement.Partitions(aggregate)
		if n <= 0 {
			return nil, notCounted(aggregate)
		}
		of := wire.OwnersAggregate{Aggregate: aggregate, Partitions: make([]wire.Owner, n)}
		for partition := range n {
			place, _ := s.options.Placement.Owner(aggregate, partition)
			of.Partitions[partition] = wire.Owner{
				Partition: partition, Instance: place.Instance, Address: place.Address, Since: place.Since,
				Here: place.Here,
			}
		}
		body.Aggregates = append(body.Aggregates, of)
	}
	return &ownersOutput{CacheControl: "no-store", Body: body}, nil
}
