package projections

import "fmt"

// PoisonCode says why a projection can't take an event. Codes of the fold (processors.FoldCode) may come
// beside these.
type PoisonCode string

// The codes of this package.
const (
	// PoisonPanic: the projection's function panicked.
	PoisonPanic PoisonCode = "projection-panic"
	// PoisonTable: a change is of a table that the projection does not have.
	PoisonTable PoisonCode = "projection-table"
	// PoisonSum: a sum is more than its column holds.
	PoisonSum PoisonCode = "projection-sum"
	// PoisonLookup: the event refers to a state that is not there, and never will be.
	PoisonLookup PoisonCode = "projection-lookup"
	// PoisonRefused: the store refuses the row, such as a text with a NUL in Postgres.
	PoisonRefused PoisonCode = "projection-refused"
)

// Poison is an error about one event: the same event fails again, however often it is tried.
type Poison struct {
	Reason PoisonCode
	Err    error
}

// Error returns the reason and the details.
func (p *Poison) Error() string { return string(p.Reason) + ": " + p.Err.Error() }

// Unwrap returns the details.
func (p *Poison) Unwrap() error { return p.Err }

// Code returns the reason: see fold.CodeOf.
func (p *Poison) Code() string { return string(p.Reason) }

func poison(reason PoisonCode, format string, args ...any) error {
	return &Poison{Reason: reason, Err: fmt.Errorf(format, args...)}
}
