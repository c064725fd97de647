package report

import (
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const asShipped = "CPU: accounts as shipped ÷ engine"

func TestRatiosAreOfMedians(t *testing.T) {
	r := run("fast",
		map[string]float64{Engine: 5, Accounts: 15},
		map[string]float64{Engine: 4, Accounts: 12},
		map[string]float64{Engine: 400, Accounts: 1}) // a round that somebody disturbed
	want := Baseline{asShipped: 2.4}
	if diff := cmp.Diff(want, BaselineOf(r)); diff != "" {
		t.Error(diff)
	}
}

func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		baseline Baseline
		accounts float64 // CPU, of the engine's 10
		want     string  // empty: no error
	}{
		"as before":               {Baseline{asShipped: 3}, 30, ""},
		"better":                  {Baseline{asShipped: 3}, 1, ""},
		"little worse":            {Baseline{asShipped: 3}, 41.9, ""},
		"much worse":              {Baseline{asShipped: 3}, 42.1, "is 4.21, was 3.00"},
		"a subject was not taken": {Baseline{asShipped: 3}, math.NaN(), "was not measured"},
		"another name":            {Baseline{"CPU: all": 3}, 30, "is no ratio"},
	} {
		figures := map[string]float64{Engine: 10}
		if !math.IsNaN(c.accounts) {
			figures[Accounts] = c.accounts
		}
		err := c.baseline.Check(run("fast", figures))
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (!errors.Is(err, ErrWorse) || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestCheckOfWhatShouldBeMore(t *testing.T) {
	const saturation = "saturation: accounts as shipped ÷ Kafka Streams' equal"
	for perSecond, fails := range map[float64]bool{30: false, 22: false, 21: true} {
		r := run("fast")
		for subject, value := range map[string]float64{Accounts: perSecond, StreamsAccounts: 10} {
			r.Samples = append(r.Samples, Sample{
				Scenario: CPU, Subject: subject, Values: map[string]float64{PerSecond: value},
			})
		}
		if err := (Baseline{saturation: 3}).Check(r); (err != nil) != fails {
			t.Errorf("%g: %v", perSecond, err)
		}
	}
}

func TestBaselineIsReadAsItWasWritten(t *testing.T) {
	name := filepath.Join(t.TempDir(), "baseline.json")
	want := Baseline{asShipped: 3.25}
	if err := want.Write(name); err != nil {
		t.Fatal(err)
	}
	got, err := ReadBaseline(name)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// Names of subjects, scenarios and figures are written by hand in many places.
func TestRatiosAreOfWhatThereIs(t *testing.T) {
	for _, q := range Ratios {
		if place(q.Over) < 0 || place(q.Under) < 0 {
			t.Errorf("%s: no subjects %q and %q", q.Name, q.Over, q.Under)
		}
		found := false
		for _, s := range Scenarios {
			for _, c := range s.Columns {
				found = found || s.Name == q.Scenario && c.Name == q.Column
			}
		}
		if !found {
			t.Errorf("%s: no scenario %q with a figure %q", q.Name, q.Scenario, q.Column)
		}
	}
}
