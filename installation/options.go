package installation

import (
	"strconv"
	"time"

	"refold/config"
	"refold/processors"
)

// Options returns the options of a program with these definitions.
func Options(d processors.Definitions) *config.Options {
	all := make([]config.AggregateDefaults, len(d.Aggregates))
	for i, a := range d.Aggregates {
		all[i] = config.AggregateDefaults{Name: a.Named().Name, Defaults: defaultsOf(a.Settings())}
	}
	return config.NewOptions(all...)
}

// defaultsOf returns an aggregate's own defaults as the configuration has them.
func defaultsOf(s processors.Settings) map[string]string {
	defaults := map[string]string{}
	switch {
	case s.RecentCommands < 0:
		defaults["recent-commands"] = "0"
	case s.RecentCommands > 0:
		defaults["recent-commands"] = strconv.Itoa(s.RecentCommands)
	}
	switch {
	case s.Remember < 0:
		defaults["remember"] = "0s"
	case s.Remember > 0:
		defaults["remember"] = s.Remember.String()
	}
	for key, d := range map[string]time.Duration{
		"commands-retention": s.CommandsRetention, "events-retention": s.EventsRetention,
		"results-retention": s.ResultsRetention,
	} {
		if d > 0 {
			defaults[key] = d.String()
		}
	}
	for key, off := range map[string]bool{
		"results": s.NoResults, "history": s.NoHistory, "traces": s.NoTraces,
	} {
		if off {
			defaults[key] = "false"
		}
	}
	return defaults
}
