//go:build system

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"refold/bench/report"
)

// figures are what a measurement returns, by the names of its scenario's columns.
type figures = map[string]float64

// measurement is what is measured once in each round.
type measurement struct {
	scenario, of string
	subject      *subject
	take         func(context.Context, *lab, *subject) (figures, error)
}

// scenarios plan the measurements of each scenario.
var scenarios = map[string]func(options) []measurement{
	report.CPU:        planCPU,
	report.AtRate:     planRates,
	report.HTTP:       planPosts,
	report.Restore:    planRestore,
	report.TakeOver:   planTakeOver,
	report.Rolling:    planRolling,
	report.KeysGrow:   planKeys,
	report.Partitions: planPartitions,
	report.Values:     planValues,
	report.Pods:       planPods,
	report.ReadModels: planReadModels,
	report.Fill:       planFill,
	report.Beside:     planBeside,
}

// errUnknown says that a name is none.
var errUnknown = errors.New("unknown")

// plan returns the measurements that are asked for, in the order of the report.
func (o options) plan() ([]measurement, error) {
	scenario := func(s report.Scenario) string { return s.Name }
	only, err := chosen("scenario", o.only, scenario, report.Scenarios)
	if err != nil {
		return nil, err
	}
	among, err := chosen("subject", o.subjects, func(s *subject) string { return s.name }, subjects)
	if err != nil {
		return nil, err
	}
	var all []measurement
	for _, name := range only {
		for _, m := range scenarios[name](o) {
			if slices.Contains(among, m.subject.name) {
				all = append(all, m)
			}
		}
	}
	return all, nil
}

// chosen returns the names that a list has, in the order of all; all names if the list is empty.
func chosen[T any](kind, list string, name func(T) string, all []T) ([]string, error) {
	known := make([]string, len(all))
	for i, one := range all {
		known[i] = name(one)
	}
	if list == "" {
		return known, nil
	}
	asked := strings.Split(list, ",")
	for _, one := range asked {
		if !slices.Contains(known, one) {
			return nil, fmt.Errorf("%w %s %q: there are %s", errUnknown, kind, one, strings.Join(known, ", "))
		}
	}
	return slices.DeleteFunc(known, func(one string) bool { return !slices.Contains(asked, one) }), nil
}

// turn returns the order of a round: every second one is backwards, so that no subject always comes first.
func turn(plan []measurement, round int) []measurement {
	order := slices.Clone(plan)
	if round%2 == 1 {
		slices.Reverse(order)
	}
	return order
}

// scaled is the part of a full run that is asked for, 1 at least.
func (o options) scaled(n int) int { return max(1, int(o.scale*float64(n))) }

// each plans a measurement for some subjects.
func each(
	scenario, of string, take func(context.Context, *lab, *subject) (figures, error), names ...string,
) []measurement {
	var all []measurement
	for _, s := range subjects {
		if slices.Contains(names, s.name) {
			all = append(all, measurement{scenario, of, s, take})
		}
	}
	return all
}
