package httpapi

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/views/httpapi/endpoint"
)

// component is the name of a schema of an aggregate: Account.Row. See package endpoint.
func component(r *Resource, part string) string { return titled(r.Name) + "." + part }

// commandRequest describes the body of a POST: one of the aggregate's commands.
func (s *Server) commandRequest(r *Resource) (*huma.RequestBody, error) {
	media := &huma.MediaType{
		Schema: &huma.Schema{}, Examples: map[string]*huma.Example{},
	}
	for _, name := range r.Commands.Types() {
		data, err := s.describeCommand(component(r, "Command."+name), r.Commands.SchemaText(name))
		if err != nil {
			return nil, fmt.Errorf("httpapi: %s: command %s: %w", r.Name, name, err)
		}
		media.Schema.OneOf = append(media.Schema.OneOf, &huma.Schema{
			Type: huma.TypeObject, Title: name, Required: []string{"type", "data"},
			Properties: map[string]*huma.Schema{
				"type": {Type: huma.TypeString, Enum: []any{name}},
				"data": data,
			},
			AdditionalProperties: false,
		})
		if example, has := r.CommandExamples[name]; has {
			media.Examples[name] = &huma.Example{Value: map[string]json.RawMessage{
				"type": json.RawMessage(`"` + name + `"`), "data": example,
			}}
		}
	}
	return endpoint.JSONBody(media), nil
}

// titled returns the name of an aggregate in the description: order-book, OrderBook. No two names have
// the same.
func titled(name string) string {
	var b strings.Builder
	for part := range strings.SplitSeq(name, "-") {
		if part != "" {
			b.WriteString(strings.ToUpper(part[:1]) + part[1:])
		}
	}
	return b.String()
}
