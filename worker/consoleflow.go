package worker

import (
	"slices"

	"refold/config"
	"refold/console/flow"
	"refold/processors"
	"refold/projections"
)

// consoleProgram is the program as the console draws it.
func (w *Worker) consoleProgram() flow.Program {
	program := flow.Program{DeadLetters: processors.DeadLetters(w.in.Prefix())}
	for _, a := range w.opened.Aggregates {
		topics := w.in.Topics(a.AggregateName)
		one := flow.Aggregate{
			Name: a.Name, Plural: a.Plural, Commands: topics.Commands, Events: topics.Events,
			Table: topics.Table, Sendable: len(a.Internal) < len(a.Commands.Types()),
		}
		if w.in.Aggregate(a.Name).Results {
			one.Results = topics.Results
		}
		program.Aggregates = append(program.Aggregates, one)
	}
	for _, p := range w.opened.Processes {
		program.Processes = append(program.Processes, flow.Process{
			Name: p.Name, Of: p.Of.Name, Commands: singular(p.Commands), Results: singular(p.Results),
		})
	}
	for _, m := range w.in.Definitions.ReadModels {
		program.Projections = drawn(program.Projections, w.consoleProjection(m))
	}
	for _, r := range w.in.Definitions.Reactions {
		program.Reactions = append(program.Reactions, flow.Reaction{
			Name: r.ReactionName(), Of: r.ReactsTo().Named().Name,
		})
	}
	return program
}

func (w *Worker) consoleProjection(m processors.ReadModel) flow.Projection {
	one := flow.Projection{Name: m.ReadModelName()}
	for _, a := range m.Reads() {
		one.Of = append(one.Of, a.Named().Name)
	}
	if p, is := m.(projections.Projection); is {
		if name, store := w.readStores.Of(&p); store != nil {
			one.Store = storeNames[name]
		}
	}
	return one
}

// storeNames are what people call the stores.
var storeNames = map[string]string{
	config.StorePostgres: "Postgres", config.StoreSQLite: "SQLite",
	config.StoreOpenSearch: "OpenSearch", config.StoreRedis: "Redis",
}

// drawn adds a projection. Versions of one are one box.
func drawn(all []flow.Projection, one flow.Projection) []flow.Projection {
	for i := range all {
		if all[i].Name == one.Name {
			for _, name := range one.Of {
				if !slices.Contains(all[i].Of, name) {
					all[i].Of = append(all[i].Of, name)
				}
			}
			return all
		}
	}
	return append(all, one)
}

func singular(all []processors.AggregateName) []string {
	names := make([]string, len(all))
	for i, a := range all {
		names[i] = a.Name
	}
	return names
}
