package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// Run is a comparison on one machine. Its scenarios may have been measured one by one.
type Run struct {
	// Machine and Versions are names and what they are: "CPU", "Kafka".
	Machine  map[string]string `json:"machine"`
	Versions map[string]string `json:"versions"`
	// Parts say when and how each scenario was measured, by its name.
	Parts   map[string]Part `json:"parts"`
	Samples []Sample        `json:"samples"`
}

// Part says when and how a scenario was measured. All its samples come from one run, by turns.
type Part struct {
	// Date is the day on which it began, as 2006-01-02; Commit is what was measured, as git describes it.
	Date   string `json:"date"`
	Commit string `json:"commit"`
	// Command repeats it.
	Command string `json:"command"`
	// Note says what a reader has to know, such as that others used the machine, too. May be empty.
	Note string `json:"note,omitempty"`
}

// Sample is one measurement of one subject.
type Sample struct {
	Scenario string `json:"scenario"`
	Subject  string `json:"subject"`
	// Case is what the scenario varies, such as "500/s"; may be empty.
	Case  string `json:"case,omitempty"`
	Round int    `json:"round"`
	// Values are the figures by the names of the scenario's columns.
	Values map[string]float64 `json:"values,omitempty"`
	// Error says why there are none.
	Error string `json:"error,omitempty"`
}

// Write writes the run to a file, all or nothing.
func (r *Run) Write(name string) error {
	text, err := json.MarshalIndent(r, "", " ")
	if err != nil {
		return fmt.Errorf("encode the results: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o750); err != nil {
		return fmt.Errorf("make the folder of results: %w", err)
	}
	if err := os.WriteFile(name+".new", append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		return fmt.Errorf("write the results: %w", err)
	}
	return nil
}

// Read reads a run. The error of a file that doesn't exist wraps [fs.ErrNotExist].
func Read(name string) (*Run, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read results: %w", err)
	}
	var r Run
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("read results of %s: %w", name, err)
	}
	return &r, nil
}

// ErrOtherMachine says that runs can't be one: figures of two machines don't compare.
var ErrOtherMachine = errors.New("the runs are of different machines")

// Merge returns one run with the scenarios of both. A scenario that both have is the newer's alone: samples
// that were not taken by turns don't compare.
func Merge(older, newer *Run) (*Run, error) {
	if was, is := older.Machine["CPU"], newer.Machine["CPU"]; was != is {
		return nil, fmt.Errorf("%w: %s and %s", ErrOtherMachine, was, is)
	}
	merged := &Run{
		Machine: newer.Machine, Versions: maps.Clone(older.Versions), Parts: maps.Clone(older.Parts),
	}
	maps.Copy(merged.Versions, newer.Versions) // not all runs need all
	maps.Copy(merged.Parts, newer.Parts)
	for _, s := range older.Samples {
		if _, again := newer.Parts[s.Scenario]; !again {
			merged.Samples = append(merged.Samples, s)
		}
	}
	merged.Samples = append(merged.Samples, newer.Samples...)
	return merged, nil
}

// Spread are the median and the ends of the figures of several rounds.
type Spread struct {
	Median, Least, Most float64
	Rounds              int
}

// Spread returns that of a figure; no rounds if there is none.
func (r *Run) Spread(scenario, subject, of, column string) Spread {
	var all []float64
	for _, s := range r.Samples {
		if s.Scenario == scenario && s.Subject == subject && s.Case == of {
			if v, has := s.Values[column]; has {
				all = append(all, v)
			}
		}
	}
	if len(all) == 0 {
		return Spread{}
	}
	slices.Sort(all)
	middle := (all[(len(all)-1)/2] + all[len(all)/2]) / 2
	return Spread{middle, all[0], all[len(all)-1], len(all)}
}

// cell is a row of a scenario's table.
type cell struct{ of, subject string }

// cells returns the rows of a scenario: cases in the order in which they were measured, in each the
// subjects in the order of Subjects.
func (r *Run) cells(scenario string) []cell {
	var all []cell
	cases := make(map[string]int)
	for _, s := range r.Samples {
		if s.Scenario != scenario {
			continue
		}
		if _, known := cases[s.Case]; !known {
			cases[s.Case] = len(cases)
		}
		if c := (cell{s.Case, s.Subject}); !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	slices.SortStableFunc(all, func(a, b cell) int {
		return cmp.Or(cmp.Compare(cases[a.of], cases[b.of]), cmp.Compare(place(a.subject), place(b.subject)))
	})
	return all
}

// place is a subject's in the order of Subjects.
func place(name string) int {
	return slices.IndexFunc(Subjects, func(s Subject) bool { return s.Name == name })
}
