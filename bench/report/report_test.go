package report

import (
	"errors"
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// run is a run on a machine, with one figure for each subject: CPU seconds per million in a round.
func run(cpu string, rounds ...map[string]float64) *Run {
	r := &Run{
		Machine: map[string]string{"CPU": cpu}, Versions: map[string]string{"Kafka": "4"},
		Parts: map[string]Part{CPU: {Date: "2026-01-31", Commit: "abc", Command: "make bench"}},
	}
	for i, figures := range rounds {
		for _, s := range Subjects {
			if f, has := figures[s.Name]; has {
				r.Samples = append(r.Samples, Sample{
					Scenario: CPU, Subject: s.Name, Round: i + 1,
					Values: map[string]float64{CPUPerMillion: f},
				})
			}
		}
	}
	return r
}

// one is a run with the sample of another scenario.
func one(scenario string, value float64) *Run {
	r := run("2 × fast")
	r.Parts = map[string]Part{scenario: {Date: "2026-02-01"}}
	r.Samples = []Sample{{
		Scenario: scenario, Subject: Accounts, Round: 1, Values: map[string]float64{Seconds: value},
	}}
	return r
}

func TestSpread(t *testing.T) {
	for name, c := range map[string]struct {
		rounds []float64
		want   Spread
	}{
		"nothing":   {nil, Spread{}},
		"one round": {[]float64{3}, Spread{3, 3, 3, 1}},
		"odd":       {[]float64{9, 1, 5}, Spread{5, 1, 9, 3}},
		"even":      {[]float64{9, 1, 5, 7}, Spread{6, 1, 9, 4}},
	} {
		r := run("fast")
		for _, f := range c.rounds {
			r.Samples = append(r.Samples, run("", map[string]float64{Engine: f}).Samples...)
		}
		if got := r.Spread(CPU, Engine, "", CPUPerMillion); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestSamplesWithoutTheFigureDontCount(t *testing.T) {
	r := run("fast", map[string]float64{Engine: 3})
	r.Samples = append(r.Samples, Sample{Scenario: CPU, Subject: Engine, Round: 2, Error: "it ended"})
	if got := r.Spread(CPU, Engine, "", CPUPerMillion); got.Rounds != 1 {
		t.Errorf("%+v", got)
	}
}

func TestMerge(t *testing.T) {
	older := run("2 × fast", map[string]float64{Engine: 4})
	restored, again := one(Restore, 2), one(Restore, 1)
	merged, err := Merge(older, restored)
	if err != nil {
		t.Fatal(err)
	}
	if len(merged.Samples) != 2 || len(merged.Parts) != 2 {
		t.Errorf("of two scenarios: %+v", merged)
	}
	if len(older.Parts) != 1 {
		t.Error("the older run is changed")
	}
	if merged, err = Merge(merged, again); err != nil {
		t.Fatal(err)
	}
	got := merged.Spread(Restore, Accounts, "", Seconds)
	if want := (Spread{1, 1, 1, 1}); got != want {
		t.Errorf("a scenario that was measured again: %+v, want %+v", got, want)
	}
}

func TestMergeRefusesAnotherMachine(t *testing.T) {
	if _, err := Merge(run("slow"), run("fast")); !errors.Is(err, ErrOtherMachine) {
		t.Errorf("error %v", err)
	}
}

func TestRunIsReadAsItWasWritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "results", "latest.json")
	if _, err := Read(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("before: %v", err)
	}
	want := run("fast", map[string]float64{Engine: 4, Accounts: 12})
	if err := want.Write(name); err != nil {
		t.Fatal(err)
	}
	got, err := Read(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
