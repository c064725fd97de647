package report

import (
	"errors"
	"fmt"
	"strings"
)

// The lines of README.md between which the costs stand.
const (
	costsBegin = "<!-- costs: made by `make bench-report` -->"
	costsEnd   = "<!-- end of costs -->"
)

// ErrNoPlace says that a text has no place for the costs.
var ErrNoPlace = errors.New("no place for the costs")

// Costs renders what the shipped worker costs, beside Kafka Streams with the same work. It is empty if the
// run has no such figures.
func (r *Run) Costs() string {
	if r.Spread(CPU, Accounts, "", CPUPerMillion).Rounds == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| accounts | CPU s per million commands | commands/s | p99 ms at 500/s | MiB, peak |\n" +
		"|---|---|---|---|---|\n")
	for _, name := range []string{Accounts, StreamsAccounts, StreamsLow} {
		figures := []string{
			r.brief(CPU, name, "", CPUPerMillion, 1), r.brief(CPU, name, "", PerSecond, 0),
			r.brief(AtRate, name, "500/s", P99, 0), r.brief(CPU, name, "", PeakMiB, 0),
		}
		if strings.Join(figures, "") == "" {
			continue
		}
		title := map[string]string{
			Accounts:        "Refold, as it ships, with its read side",
			StreamsAccounts: "Kafka Streams, exactly once, the same work",
			StreamsLow:      "… at its best latency (10 ms commits)",
		}[name]
		fmt.Fprintf(&b, "| %s | %s |\n", title, strings.Join(figures, " | "))
	}
	b.WriteString("\nMedians of one run, by turns on one machine: " +
		"[docs/BENCHMARKS.md](docs/BENCHMARKS.md), `make bench`.\n")
	return b.String()
}

// brief is a median; empty if there is none.
func (r *Run) brief(scenario, subject, of, column string, decimals int) string {
	s := r.Spread(scenario, subject, of, column)
	if s.Rounds == 0 {
		return ""
	}
	return Number(s.Median, decimals)
}

// WithCosts returns a text with the run's costs in their place. A run without costs leaves the text as it is.
func (r *Run) WithCosts(text string) (string, error) {
	before, rest, begins := strings.Cut(text, costsBegin)
	_, after, ends := strings.Cut(rest, costsEnd)
	if !begins || !ends {
		return "", fmt.Errorf("%w: there must be a line %s and a line %s", ErrNoPlace, costsBegin, costsEnd)
	}
	costs := r.Costs()
	if costs == "" {
		return text, nil
	}
	return before + costsBegin + "\n\n" + costs + "\n" + costsEnd + after, nil
}
