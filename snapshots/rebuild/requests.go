package rebuild

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Aggregate is an aggregate whose table can be rebuilt.
type Aggregate struct {
	Name, Plural string // "account", "accounts": a caller may use either
	Group        string
}

// Requests takes requests for rebuilds, and answers questions about them, by the names of aggregates.
type Requests struct {
	Topic      *Topic
	Aggregates []Aggregate
	// Partitions returns how many partitions a table has. Its error says why that is not known yet.
	Partitions func() (int32, error)
}

var (
	// ErrNoAggregate says that there is no aggregate of a name.
	ErrNoAggregate = errors.New("there is no such aggregate")
	// ErrNotReady says that this process can't take requests yet.
	ErrNotReady = errors.New("the tables are not known yet")
)

// Overview is an aggregate's table: its partitions, and its rebuilds.
type Overview struct {
	Aggregate string // in the plural
	// Partitions are its partitions, as far as workers have taken them over.
	Partitions []PartitionVersions
	// Rebuilds are the newest first.
	Rebuilds []Rebuild
}

func (d *Requests) find(called string) (Aggregate, error) {
	known := make([]string, len(d.Aggregates))
	for i, a := range d.Aggregates {
		if called == a.Name || called == a.Plural {
			return a, nil
		}
		known[i] = a.Plural
	}
	return Aggregate{}, fmt.Errorf("%w: %q; there is %s", ErrNoAggregate, called,
		strings.Join(known, ", "))
}

// Ask requests a rebuild, as Topic.Ask does. Until the number of the table's partitions is known, the error
// is ErrNotReady with the reason, and nothing is written.
func (d *Requests) Ask(ctx context.Context, called string, dryRun bool, by string) (Rebuild, error) {
	a, err := d.find(called)
	if err != nil {
		return Rebuild{}, err
	}
	partitions, err := d.Partitions()
	if err != nil {
		return Rebuild{}, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	r, err := d.Topic.Ask(ctx, a.Group, partitions, dryRun, by)
	if err != nil {
		return Rebuild{}, err
	}
	asked, _ := d.Topic.Rebuild(r.ID)
	return asked, nil
}

// Cancel withdraws a rebuild, as Topic.Cancel does.
func (d *Requests) Cancel(ctx context.Context, id, by string) (Rebuild, error) {
	return d.Topic.Cancel(ctx, id, by)
}

// Rebuild returns a rebuild by its ID.
func (d *Requests) Rebuild(id string) (Rebuild, error) {
	r, known := d.Topic.Rebuild(id)
	if !known {
		return r, fmt.Errorf("%w: %s", ErrNoRebuild, id)
	}
	return r, nil
}

// AggregateOf returns the name of a group's aggregate, in the plural.
func (d *Requests) AggregateOf(group string) string {
	for _, a := range d.Aggregates {
		if a.Group == group {
			return a.Plural
		}
	}
	return group
}

// Overview returns the overview of an aggregate's table, or of all tables if the name is empty.
func (d *Requests) Overview(called string) ([]Overview, error) {
	aggregates := d.Aggregates
	if called != "" {
		a, err := d.find(called)
		if err != nil {
			return nil, err
		}
		aggregates = []Aggregate{a}
	}
	all := make([]Overview, len(aggregates))
	d.Topic.Look(func(s *State) {
		for i, a := range aggregates {
			all[i] = Overview{
				Aggregate: a.Plural, Partitions: s.Partitions(a.Group), Rebuilds: s.Rebuilds(a.Group),
			}
		}
	})
	return all, nil
}
