package projections

import "refold/client/wire"

// Position names a state of an aggregate, as the header X-Refold-Position of an answer to a command does.
type Position = wire.Position

// ParsePosition reads a position: account/alice@7.
func ParsePosition(text string) (Position, error) {
	return wire.ParsePosition(text) //nolint:wrapcheck // it says what is wrong with the text
}
