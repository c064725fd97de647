package worker

import (
	"net/http"

	"refold/client"
	"refold/console"
	"refold/console/aggregates"
	"refold/console/flow"
	"refold/console/frame"
	"refold/console/letters"
	"refold/console/live"
	"refold/console/search"
	"refold/console/traces"
	"refold/console/trail"
	"refold/processors"
	"refold/views/httpapi"
)

// openConsole makes the console, which the server of the options has. It asks the server's own API.
func (w *Worker) openConsole(options *httpapi.Options) (err error) {
	c := w.config.Console
	if !c.Enabled {
		return nil
	}
	api, err := client.New([]string{console.ServerURL}, client.Options{HTTP: &http.Client{
		Transport: console.NewTransport(func() http.Handler { return w.server.Handler() }),
	}})
	if err != nil {
		return err //nolint:wrapcheck // it names what is wrong
	}
	allow := make([]frame.Right, len(c.Allow))
	for i, right := range c.Allow {
		allow[i] = frame.Right(right)
	}
	if w.letters, err = w.openDeadLetters(); err != nil {
		return err
	}
	parts, err := w.consoleParts(api)
	if err != nil {
		return err
	}
	w.console, err = console.New(console.Options{
		Access: frame.Configured{Allow: allow, UserHeader: c.UserHeader}, Version: w.in.Version,
		Trail:  w.trail,
		Logger: w.logger, Streams: c.Streams, Parts: parts,
	})
	options.Pages = w.console
	return err
}

// consoleParts are the parts of the console: each adds its own pages.
func (w *Worker) consoleParts(api *client.Client) ([]frame.Part, error) {
	operations, err := w.operationsPart(api)
	if err != nil {
		return nil, err
	}
	program := w.consoleProgram()
	w.figures = newFigures(w, api, program)
	return []frame.Part{
		flow.Part(program, w.figures),
		aggregates.Part(api, w.consoleKinds()),
		traces.Part(api, w.tracedKinds()),
		live.Part(api, w.liveKinds(), live.Options{}),
		letters.Part(w.letters, api, w.letterKinds()),
		search.Part(api, w.letters, w.searchKinds(), w.searchesTexts()),
		operations,
		trail.Part(w.trail),
	}, nil
}

// tracedKinds are the aggregates as pages of traces show them.
func (w *Worker) tracedKinds() []traces.Kind {
	kinds := make([]traces.Kind, len(w.opened.Aggregates))
	for i, a := range w.opened.Aggregates {
		kinds[i] = traces.Kind{Name: a.Name, Plural: a.Plural, Meanings: meanings(a)}
	}
	return kinds
}

// liveKinds are the aggregates as the live page names them.
func (w *Worker) liveKinds() []live.Kind {
	kinds := make([]live.Kind, len(w.opened.Aggregates))
	for i, a := range w.opened.Aggregates {
		kinds[i] = live.Kind{Name: a.Name, Plural: a.Plural, Money: a.Money}
	}
	return kinds
}

// consoleKinds are the aggregates as the console shows them.
func (w *Worker) consoleKinds() []aggregates.Kind {
	kinds := make([]aggregates.Kind, len(w.opened.Aggregates))
	for i, a := range w.opened.Aggregates {
		kinds[i] = aggregates.Kind{
			Name: a.Name, Plural: a.Plural, Money: a.Money, Meanings: meanings(a),
			Commands: commandForms(a),
		}
	}
	return kinds
}

// meanings are the codes that commands are rejected with, and what each means.
func meanings(a *processors.OpenAggregate) map[string]string {
	found := make(map[string]string, len(a.Rejections))
	for _, r := range a.Rejections {
		found[r.Code] = r.Meaning
	}
	return found
}

// commandForms are the commands that clients may send, each with its schema and an example.
func commandForms(a *processors.OpenAggregate) []aggregates.Command {
	commands := offered{a.Commands, a.Internal}
	var found []aggregates.Command
	for _, name := range commands.Types() {
		found = append(found, aggregates.NewCommand(name, a.CommandExamples[name], commands.DescribeJSON))
	}
	return found
}
