//go:build system

package main

import (
	"errors"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"refold/bench/report"
)

func planned(t *testing.T, o options) []string {
	t.Helper()
	plan, err := o.plan()
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, m := range plan {
		all = append(all, m.scenario+"/"+m.of+"/"+m.subject.name)
	}
	return all
}

// The plan measures all scenarios and subjects of the report, and has the subjects in its order.
func TestPlanHasAllOfTheReport(t *testing.T) {
	measured := make(map[string]bool)
	plan, err := options{scale: 1}.plan()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range plan {
		measured[m.scenario], measured[m.subject.name] = true, true
	}
	for _, s := range report.Scenarios {
		if !measured[s.Name] {
			t.Errorf("no measurement of %s", s.Name)
		}
	}
	for i, s := range report.Subjects {
		if !measured[s.Name] {
			t.Errorf("no measurement of %s", s.Name)
		}
		if subjects[i].name != s.Name {
			t.Errorf("subject %d is %s, in the report %s", i, subjects[i].name, s.Name)
		}
	}
	if len(subjects) != len(report.Subjects) {
		t.Errorf("%d subjects, %d in the report", len(subjects), len(report.Subjects))
	}
}

func TestPlanOfSome(t *testing.T) {
	o := options{scale: 1, only: "pods,cpu", subjects: "accounts,engine"}
	want := []string{
		"cpu//engine", "cpu//accounts",
		"pods/1 pod/accounts", "pods/2 pods/accounts", "pods/4 pods/accounts", "pods/8 pods/accounts",
	}
	if diff := cmp.Diff(want, planned(t, o)); diff != "" {
		t.Error(diff)
	}
}

func TestPlanOfTheUnknown(t *testing.T) {
	for _, o := range []options{{only: "cpu,nonsense"}, {subjects: "nonsense"}} {
		if _, err := o.plan(); !errors.Is(err, errUnknown) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

func TestEverySecondRoundIsBackwards(t *testing.T) {
	plan, err := options{scale: 1, only: "cpu"}.plan()
	if err != nil {
		t.Fatal(err)
	}
	there, back := turn(plan, 0), turn(plan, 1)
	slices.Reverse(back)
	for i, m := range plan {
		if there[i].subject != m.subject || back[i].subject != m.subject {
			t.Errorf("%d: %s, then %s, and back %s", i, m.subject.name, there[i].subject.name,
				back[i].subject.name)
		}
	}
}

// The baseline of CI has ratios of what a quick run measures, and of nothing else.
func TestQuickMeasuresTheBaseline(t *testing.T) {
	plan, err := options{}.forQuick().plan()
	if err != nil {
		t.Fatal(err)
	}
	r := &report.Run{}
	for _, m := range plan {
		r.Samples = append(r.Samples, report.Sample{
			Scenario: m.scenario, Subject: m.subject.name,
			Values: map[string]float64{report.CPUPerMillion: 1},
		})
	}
	baseline, err := report.ReadBaseline("../../bench/baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	for name := range report.BaselineOf(r) {
		if baseline[name] == 0 {
			t.Errorf("the baseline has no %q: make bench-baseline", name)
		}
	}
	if len(baseline) != len(report.BaselineOf(r)) {
		t.Errorf("the baseline has %v", baseline)
	}
}

func TestCommandRepeatsTheRun(t *testing.T) {
	for want, o := range map[string]options{
		"make bench ROUNDS=5": {rounds: 5, scale: 1},
		"make bench ONLY=cpu SUBJECTS=engine ROUNDS=3 SCALE=0.1": {
			only: "cpu", subjects: "engine", rounds: 3, scale: .1,
		},
	} {
		if got := o.command(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
