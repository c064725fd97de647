package rebuild

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Aggregate is one whose table can be refolded.
type Aggregate struct {
	Name, Plural string // "account", "accounts": people may say either
	Group        string
	// FoldVersion is this program's.
	FoldVersion int
}

// Desk is where people ask for refolds, and about them.
type Desk struct {
	Topic      *Topic
	Aggregates []Aggregate
	// Partitions returns how many a table has. Its error says why that is not known yet.
	Partitions func() (int32, error)
}

var (
	// ErrNoAggregate says that there is no aggregate of a name.
	ErrNoAggregate = errors.New("there is no such aggregate")
	// ErrNotReady says that a refold can't be asked for here yet; later it can.
	ErrNotReady = errors.New("the tables are not known yet")
)

// Overview is what is known of an aggregate's table.
type Overview struct {
	Aggregate string // in the plural
	// Tables are its partitions, as far as workers have taken them over.
	Tables []Table
	// Refolds are the newest first.
	Refolds []Refold
}

func (d *Desk) find(called string) (Aggregate, error) {
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

// Ask asks for a refold, as Topic.Ask does. The error is ErrNotReady, with the reason, until the number
// of the table's partitions is known: nothing is written then.
func (d *Desk) Ask(ctx context.Context, called string, dryRun bool, by string) (Refold, error) {
	a, err := d.find(called)
	if err != nil {
		return Refold{}, err
	}
	partitions, err := d.Partitions()
	if err != nil {
		return Refold{}, fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	r, err := d.Topic.Ask(ctx, a.Group, partitions, dryRun, by)
	if err != nil {
		return Refold{}, err
	}
	refold, _ := d.Topic.Refold(r.ID)
	return refold, nil
}

// Cancel withdraws a refold, as Topic.Cancel does.
func (d *Desk) Cancel(ctx context.Context, id, by string) (Refold, error) {
	return d.Topic.Cancel(ctx, id, by)
}

// Refold returns a refold by its ID.
func (d *Desk) Refold(id string) (Refold, error) {
	r, known := d.Topic.Refold(id)
	if !known {
		return r, fmt.Errorf("%w: %s", ErrNoRefold, id)
	}
	return r, nil
}

// Called returns the aggregate of a group, in the plural.
func (d *Desk) Called(group string) string {
	for _, a := range d.Aggregates {
		if a.Group == group {
			return a.Plural
		}
	}
	return group
}

// Overview returns what is known of an aggregate's table, or of all when the name is empty.
func (d *Desk) Overview(called string) ([]Overview, error) {
	aggregates := d.Aggregates
	if called != "" {
		a, err := d.find(called)
		if err != nil {
			return nil, err
		}
		aggregates = []Aggregate{a}
	}
	all := make([]Overview, len(aggregates))
	d.Topic.Look(func(b *Board) {
		for i, a := range aggregates {
			all[i] = Overview{
				Aggregate: a.Plural, Tables: b.Tables(a.Group), Refolds: b.Refolds(a.Group),
			}
		}
	})
	return all, nil
}
