//go:build system

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"refold/bench/report"
)

// measure takes the measurements of a plan by turns, round for round.
func (l *lab) measure(ctx context.Context, plan []measurement) error {
	from := l.taken
	for ; l.taken < from+l.rounds; l.taken++ {
		for _, m := range turn(plan, l.taken) {
			l.sample(ctx, m)
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("measuring: %w", err)
			}
			if err := l.save(); err != nil {
				return err
			}
		}
	}
	return nil
}

// sample takes one measurement, and notes its figures, or its error.
func (l *lab) sample(ctx context.Context, m measurement) {
	bounded, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	begin := time.Now()
	values, err := m.take(bounded, l, m.subject)
	if ctx.Err() != nil {
		return // what ends with the program has no figures
	}
	sample := report.Sample{
		Scenario: m.scenario, Subject: m.subject.name, Case: m.of, Round: l.taken + 1, Values: values,
	}
	outcome := figuresText(values)
	if err != nil {
		sample.Values, sample.Error = nil, err.Error()
		outcome, l.keep = "failed: "+err.Error(), true
	}
	l.results.Samples = append(l.results.Samples, sample)
	fmt.Printf("%s, round %d: %s (%.0f s)\n", strings.TrimSpace(m.scenario+" "+m.of+" "+m.subject.name),
		sample.Round, outcome, time.Since(begin).Seconds())
}

func figuresText(values figures) string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all = append(all, name+" "+report.Number(values[name], 1))
	}
	return strings.Join(all, ", ")
}

// save writes what there is, beside the scenarios that the file has already and this run has not.
func (l *lab) save() error {
	if l.out == "" {
		return nil
	}
	all := l.results
	switch older, err := report.Read(l.out); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err //nolint:wrapcheck // it names the file
	default:
		if all, err = report.Merge(older, l.results); err != nil {
			return fmt.Errorf("%s: %w; move it away", l.out, err)
		}
	}
	return all.Write(l.out) //nolint:wrapcheck // it says what it was doing
}

const (
	benchmarksFile = "docs/BENCHMARKS.md"
	readmeFile     = "README.md"
)

// render makes docs/BENCHMARKS.md, and the costs in README.md, of the results.
func render(name string) error {
	run, err := report.Read(name)
	if err != nil {
		return err //nolint:wrapcheck // it names the file
	}
	readme, err := os.ReadFile(readmeFile)
	if err != nil {
		return fmt.Errorf("reading the README: %w", err)
	}
	text, err := run.WithCosts(string(readme))
	if err != nil {
		return fmt.Errorf("%s: %w", readmeFile, err)
	}
	for file, text := range map[string]string{benchmarksFile: run.Markdown(), readmeFile: text} {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil { //nolint:gosec // everybody reads it
			return fmt.Errorf("writing %s: %w", file, err)
		}
		fmt.Println("wrote", file)
	}
	return nil
}
