package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
)

// Ratio is a figure of one subject over that of another in the same run.
type Ratio struct {
	Name string
	// Over and Under are the subjects; the rest names the figure of both.
	Over, Under, Scenario, Case, Column string
	// More says that a greater ratio is the better one.
	More bool
}

// Ratios are those by which Refold is judged.
var Ratios = []Ratio{
	{"CPU: engine ÷ bare franz-go", Engine, Franz, CPU, "", CPUPerMillion, false},
	{"CPU: engine ÷ Kafka Streams", Engine, StreamsCount, CPU, "", CPUPerMillion, false},
	{"CPU: accounts without reads ÷ engine", Commanded, Engine, CPU, "", CPUPerMillion, false},
	{"CPU: accounts as shipped ÷ engine", Accounts, Engine, CPU, "", CPUPerMillion, false},
	{
		"CPU: accounts as shipped ÷ Kafka Streams' equal",
		Accounts, StreamsAccounts, CPU, "", CPUPerMillion, false,
	},
	{
		"saturation: accounts as shipped ÷ Kafka Streams' equal",
		Accounts, StreamsAccounts, CPU, "", PerSecond, true,
	},
	{
		"p99 at 500/s: accounts as shipped ÷ Kafka Streams' best",
		Accounts, StreamsLow, AtRate, "500/s", P99, false,
	},
	{
		"p99 at 5,000/s: accounts as shipped ÷ Kafka Streams' best",
		Accounts, StreamsLow, AtRate, "5,000/s", P99, false,
	},
	{
		"p99 at 20,000/s: accounts as shipped ÷ Kafka Streams' best",
		Accounts, StreamsLow, AtRate, "20,000/s", P99, false,
	},
	{"restore, time: Refold ÷ Kafka Streams", Accounts, StreamsAccounts, Restore, "", Seconds, false},
	{"restore, CPU: Refold ÷ Kafka Streams", Accounts, StreamsAccounts, Restore, "", CPUSeconds, false},
	{
		"read models in PostgreSQL, events/s: Refold ÷ JDBC sink",
		Project, Sink, ReadModels, "account_statement, PostgreSQL", PerSecond, true,
	},
	{
		"read models in PostgreSQL, events/s: Refold ÷ COPY",
		Project, Copy, ReadModels, "account_statement, PostgreSQL", PerSecond, true,
	},
}

// Of returns the ratio of the medians, if the run has both.
func (q Ratio) Of(r *Run) (ratio float64, has bool) {
	over := r.Spread(q.Scenario, q.Over, q.Case, q.Column)
	under := r.Spread(q.Scenario, q.Under, q.Case, q.Column)
	if over.Rounds == 0 || under.Median == 0 {
		return 0, false
	}
	return over.Median / under.Median, true
}

// RatiosOf returns the ratios of a run by their names.
func RatiosOf(r *Run) map[string]float64 {
	all := make(map[string]float64)
	for _, q := range Ratios {
		if ratio, has := q.Of(r); has {
			all[q.Name] = ratio
		}
	}
	return all
}

// Baseline are ratios of CPU that a run should not be much worse than, by their names. It has no others: on
// a machine that is shared, times change with its load, and CPU does little.
type Baseline map[string]float64

// BaselineOf returns that of a run.
func BaselineOf(r *Run) Baseline {
	b := make(Baseline)
	for _, q := range Ratios {
		if ratio, has := q.Of(r); has && q.Column == CPUPerMillion {
			b[q.Name] = math.Round(ratio*100) / 100
		}
	}
	return b
}

// ReadBaseline reads one.
func ReadBaseline(name string) (Baseline, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("read the baseline: %w", err)
	}
	var b Baseline
	if err := json.Unmarshal(text, &b); err != nil {
		return nil, fmt.Errorf("read the baseline %s: %w", name, err)
	}
	return b, nil
}

// Write writes the baseline.
func (b Baseline) Write(name string) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the baseline: %w", err)
	}
	if err := os.WriteFile(name, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("write the baseline: %w", err)
	}
	return nil
}

// tolerated is how much worse a ratio may be. Machines of CI differ, and are shared.
const tolerated = 1.4

// ErrWorse says that a ratio is worse than the baseline's by more than 40 %, or could not be compared.
var ErrWorse = errors.New("worse than the baseline")

// Check compares the ratios of a run with the baseline's. It returns an error for each that is worse by more
// than 40 %, that the run lacks, or that has no such name; they wrap [ErrWorse].
func (b Baseline) Check(r *Run) error {
	var worse []error
	for _, name := range slices.Sorted(maps.Keys(b)) {
		i := slices.IndexFunc(Ratios, func(q Ratio) bool { return q.Name == name })
		if i < 0 {
			worse = append(worse, fmt.Errorf("%w: %q is no ratio", ErrWorse, name))
			continue
		}
		now, has := Ratios[i].Of(r)
		switch was := b[name]; {
		case !has:
			worse = append(worse, fmt.Errorf("%w: %s was not measured", ErrWorse, name))
		case Ratios[i].More && now*tolerated < was, !Ratios[i].More && now > was*tolerated:
			worse = append(worse, fmt.Errorf("%w: %s is %.2f, was %.2f", ErrWorse, name, now, was))
		}
	}
	return errors.Join(worse...)
}
