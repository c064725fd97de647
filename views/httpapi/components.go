package httpapi

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"refold/client/wire"
	"refold/eventsourcing"
	"refold/views/httpapi/endpoint"
)

// component is the name of a schema of an aggregate: Account.Row. See package endpoint.
func component(r *Resource, part string) string { return titled(r.Name) + "." + part }

// resultSchema returns a reference to the schema of a command to the aggregate: the same for all, but for the
// codes with which this one rejects.
func (s *Server) resultSchema(r *Resource) *huma.Schema {
	ref := endpoint.SchemaOf[wire.Command](s.endpoints)
	if len(r.Rejections) == 0 {
		return ref
	}
	name := component(r, "Result")
	if s.endpoints.Schemas().Map()[name] != nil {
		return &huma.Schema{Ref: endpoint.SchemaRef + name}
	}
	schema := *s.endpoints.Schemas().SchemaFromRef(ref.Ref)
	schema.Properties = maps.Clone(schema.Properties)
	code := *schema.Properties["code"]
	code.Description += " One of these; others may come:\n\n" + rejectionTable(r)
	schema.Properties["code"] = &code
	return s.endpoints.Define(name, &schema)
}

// cell writes a text in a table in Markdown.
var cell = strings.NewReplacer("|", `\|`, "\n", " ")

// rejectionTable lists the codes with which the aggregate rejects, in Markdown.
func rejectionTable(r *Resource) string {
	var b strings.Builder
	b.WriteString("| code | meaning |\n|---|---|\n")
	for _, rejection := range append(slices.Clone(r.Rejections), Rejection{
		eventsourcing.CodeSequenceMismatch, "The aggregate was at another sequence than If-Match names.",
	}, Rejection{
		eventsourcing.CodeNotYetWritable, "During a rolling upgrade: the release before could not read " +
			"what comes of it. Send it again after the upgrade, under another Idempotency-Key.",
	}) {
		fmt.Fprintf(&b, "| `%s` | %s |\n", rejection.Code, cell.Replace(rejection.Meaning))
	}
	return b.String()
}

// commandRequest describes the body of a POST: one of the aggregate's commands.
func (s *Server) commandRequest(r *Resource) (*huma.RequestBody, error) {
	media := &huma.MediaType{
		Schema: &huma.Schema{}, Examples: map[string]*huma.Example{},
	}
	for _, name := range r.Commands.Types() {
		data, err := s.describeCommand(r, name)
		if err != nil {
			return nil, err
		}
		command := &huma.Schema{
			Type: huma.TypeObject, Title: name, Required: []string{"type", "data"},
			Properties: map[string]*huma.Schema{
				"type": {Type: huma.TypeString, Enum: []any{name}},
				"data": data,
			},
			AdditionalProperties: false,
		}
		describeRules(command, r.Rules[name])
		media.Schema.OneOf = append(media.Schema.OneOf, command)
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
