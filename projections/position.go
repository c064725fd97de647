package projections

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"refold/client/wire"
	"refold/processors"
)

// ErrNotTaken says that a projection never shows a point.
var ErrNotTaken = errors.New("the projection takes no such events")

// Point is what a read model can be asked to show: a [Position], or all up to an [Offset].
type Point interface {
	fmt.Stringer

	// in returns an error if the projection never shows it.
	in(p *Projection) error
	// shown reports whether a view of a build shows it.
	shown(ctx context.Context, v View) (bool, error)
}

// ParsePoint reads a position, account/alice@7, or an offset, account-events:3@1234. Only a position has a
// slash.
func ParsePoint(text string) (Point, error) {
	if strings.Contains(text, "/") {
		return ParsePosition(text)
	}
	return parseOffset(text)
}

// Position names a state of an aggregate, as the header X-Refold-Position of an answer to a command does.
type Position wire.Position

// ParsePosition reads a position: account/alice@7.
func ParsePosition(text string) (Position, error) {
	p, err := wire.ParsePosition(text)
	return Position(p), err //nolint:wrapcheck // it says what is wrong with the text
}

// String returns the position as text: account/alice@7.
func (at Position) String() string { return wire.Position(at).String() }

func (at Position) in(p *Projection) error {
	if !slices.Contains(p.aggregates(), at.Aggregate) {
		return fmt.Errorf("%w: %s is of the aggregate %q, and %s takes those of %s", ErrNotTaken, at,
			at.Aggregate, p.Name, strings.Join(p.aggregates(), ", "))
	}
	return nil
}

func (at Position) shown(ctx context.Context, v View) (bool, error) {
	state, err := v.State(ctx, at.Aggregate, at.Subject)
	return state != nil && state.Sequence >= at.Sequence, err //nolint:wrapcheck // it says of which build
}

// Offset names a record of an events topic. A read model shows it when it has taken all records of the
// partition up to this one, but for those that it has set aside.
type Offset struct {
	Partition

	Offset int64
}

var offsetForm = regexp.MustCompile(`^([A-Za-z0-9._-]+):(\d+)@(\d+)$`)

func parseOffset(text string) (at Offset, err error) {
	parts := offsetForm.FindStringSubmatch(text)
	if parts == nil {
		return at, fmt.Errorf("the position is %.80q; it must be like account/alice@7, or, up to an offset, "+
			"account-events:3@1234", text)
	}
	number, err1 := strconv.ParseInt(parts[2], 10, 32)
	offset, err2 := strconv.ParseInt(parts[3], 10, 64)
	if err1 != nil || err2 != nil {
		return at, fmt.Errorf("the position %.80q has a number that is too large", text)
	}
	return Offset{Partition{parts[1], int32(number)}, offset}, nil
}

// String returns the offset as text: account-events:3@1234.
func (at Offset) String() string {
	return fmt.Sprintf("%s:%d@%d", at.Topic, at.Partition.Partition, at.Offset)
}

// in knows topics without their prefix only.
func (at Offset) in(p *Projection) error {
	names := p.aggregates()
	for i, name := range names {
		names[i] = processors.NewTopics("", name, "").Events
		if strings.HasSuffix(at.Topic, names[i]) {
			return nil
		}
	}
	return fmt.Errorf("%w: %s is of the topic %s, and %s takes those of %s", ErrNotTaken, at, at.Topic,
		p.Name, strings.Join(names, ", "))
}

func (at Offset) shown(ctx context.Context, v View) (bool, error) {
	progress, err := v.Progress(ctx)
	return slices.ContainsFunc(progress, func(p Progress) bool {
		return p.Partition == at.Partition && p.Next > at.Offset
	}), err //nolint:wrapcheck // it says of which build
}

// aggregates returns the names of those whose events the projection takes.
func (p *Projection) aggregates() []string {
	reads := p.Reads()
	names := make([]string, len(reads))
	for i, a := range reads {
		names[i] = a.Named().Name
	}
	return names
}
