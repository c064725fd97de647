package report

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Markdown renders the run as docs/BENCHMARKS.md.
func (r *Run) Markdown() string {
	var b strings.Builder
	b.WriteString(head)
	b.WriteString("| machine, versions | |\n|---|---|\n")
	for _, about := range []map[string]string{r.Machine, r.Versions} {
		for _, name := range slices.Sorted(maps.Keys(about)) {
			fmt.Fprintf(&b, "| %s | %s |\n", name, about[name])
		}
	}
	b.WriteString(repeat)
	r.ratios(&b)
	for _, s := range Scenarios {
		r.scenario(&b, s)
	}
	b.WriteString("\n## Settings\n\n| | |\n|---|---|\n")
	for _, s := range Subjects {
		fmt.Fprintf(&b, "| %s | %s |\n", s.Title, strings.TrimSpace(s.Settings))
	}
	b.WriteString(limits)
	return b.String()
}

const head = `# Benchmarks

` + "`make bench`" + ` makes this page from [its results](../bench/results/latest.json); don't edit it.

All subjects do the same work on the same real Kafka, on the same machine, by turns, in several rounds.
Figures are medians, with the least and the most of all rounds in brackets. Worker, broker and reader share
the cores, so commands/s depend on all three; CPU seconds are the worker's alone. Compare figures of one
scenario, and not of two machines.

`

const repeat = `
To repeat it on Linux, with a JDK of 21 or newer and Maven:

` + "```sh" + `
make bench                              # all of it, for hours
make bench ONLY=cpu,latency ROUNDS=3    # some scenarios, some rounds; they replace those that are here
make bench-quick                        # the main ratios in under five minutes, as CI does
` + "```" + `

`

const limits = `
## What is not compared

- One broker, on the same machine: replication and a network add the same to all, and make ratios smaller.
- Kafka Streams with the Processor API, as an expert writes it for this work; the DSL costs more.
- The peer's Avro serdes are its own (Confluent's are not on Maven Central), and do less than those.
- Accounts serve more reads than the peer: histories, past states, traces and outcomes by command ID, beside
  current rows. ` + "`views.enabled: false`" + ` is the worker without any read.
- The peer remembers an account's last 16 commands, in its row. [Idempotency](idempotency.md) says what the
  worker remembers.
`

// ratios writes those that the run has.
func (r *Run) ratios(b *strings.Builder) {
	all := RatiosOf(r)
	if len(all) == 0 {
		return
	}
	b.WriteString("## Ratios\n\n| | |\n|---|---|\n")
	for _, q := range Ratios {
		if ratio, has := all[q.Name]; has {
			fmt.Fprintf(b, "| %s | %.2f |\n", q.Name, ratio)
		}
	}
}

// scenario writes a scenario, if the run has it.
func (r *Run) scenario(b *strings.Builder, s Scenario) {
	cells := r.cells(s.Name)
	if len(cells) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n%s\n\n| | |", s.Title, strings.TrimSpace(s.Method), r.Parts[s.Name])
	for _, c := range s.Columns {
		fmt.Fprintf(b, " %s |", c.Title)
	}
	b.WriteString("\n|---|---|" + strings.Repeat("---|", len(s.Columns)) + "\n")
	var failed []string
	for _, c := range cells {
		row, some := r.row(s, c)
		if some {
			b.WriteString(row)
		}
	}
	for _, sample := range r.Samples {
		if sample.Scenario == s.Name && sample.Error != "" {
			failed = append(failed, fmt.Sprintf("- %s %s, round %d: %s", Title(sample.Subject), sample.Case,
				sample.Round, firstLine(sample.Error)))
		}
	}
	if len(failed) > 0 {
		b.WriteString("\nNot measured:\n\n" + strings.Join(failed, "\n") + "\n")
	}
}

// row returns a row of a scenario's table, and whether there is any figure in it.
func (r *Run) row(s Scenario, c cell) (text string, some bool) {
	text = fmt.Sprintf("| %s | %s |", Title(c.subject), c.of)
	for _, column := range s.Columns {
		spread := r.Spread(s.Name, c.subject, c.of, column.Name)
		if spread.Rounds == 0 {
			text += " |"
			continue
		}
		some = true
		text += " " + spread.text(column.Decimals) + " |"
	}
	return text + "\n", some
}

// String says when and how the part was measured.
func (p Part) String() string {
	text := fmt.Sprintf("Measured on %s at commit `%s` by `%s`.", p.Date, p.Commit, p.Command)
	if p.Note != "" {
		text += " **" + p.Note + "**"
	}
	return text
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(text, "\n")
	return line
}

func (s Spread) text(decimals int) string {
	median := Number(s.Median, decimals)
	if s.Rounds < 2 {
		return median
	}
	return fmt.Sprintf("%s (%s–%s)", median, Number(s.Least, decimals), Number(s.Most, decimals))
}

// Number renders a figure with so many decimals, and groups the digits of great ones.
func Number(f float64, decimals int) string {
	text := strconv.FormatFloat(f, 'f', decimals, 64)
	whole, fraction, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}
