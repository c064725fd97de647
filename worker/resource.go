package worker

import (
	"slices"

	"refold/codecs"
	"refold/processors"
	"refold/views/httpapi"
)

// resource is an aggregate as the API shows it.
func (w *Worker) resource(a *processors.OpenAggregate) httpapi.Resource {
	reader, kept := w.views.Aggregate(a.Name), w.in.Aggregate(a.Name)
	rejections := make([]httpapi.Rejection, len(a.Rejections))
	for i, r := range a.Rejections {
		rejections[i] = httpapi.Rejection(r)
	}
	return httpapi.Resource{
		Name: a.Name, Plural: a.Plural, Rows: reader, Sender: reader, Events: reader, Past: reader,
		Commands: offered{a.Commands, a.Internal}, State: a.State, Example: a.Example,
		CommandExamples: a.CommandExamples, Rejections: rejections,
		Rules: a.Rules, RulesBroken: a.RulesBroken,
		NoResults: !kept.Results, NoHistory: !kept.History, NoTraces: !kept.Traces,
	}
}

// offered are an aggregate's commands without those that only processes send.
type offered struct {
	*codecs.Set
	internal []string
}

// Types returns the commands that clients may send.
func (o offered) Types() []string {
	return slices.DeleteFunc(o.Set.Types(), func(name string) bool {
		return slices.Contains(o.internal, name)
	})
}
