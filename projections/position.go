package projections

import "refold/client/wire"

// Position names a state of an aggregate, as the header X-Refold-Position of an answer to a command does.
type Position = wire.Position

// ParsePosition reads a position: account/alice@7.
func ParsePosition(text string) (Position, error) {
	return wire.ParsePosition(text) //nolint:wrapcheck // it says what is wrong with the text

	aggregate, rest, found := strings.Cut(text, "/")
	at := strings.LastIndexByte(rest, '@')
	if !found || aggregate == "" || at < 1 {
		return Position{}, fmt.Errorf("the position is %.80q; it must be like account/alice@7", text)
	}
	sequence, err := strconv.ParseInt(rest[at+1:], 10, 64)
	if err != nil || sequence < 0 {
		return Position{}, fmt.Errorf("the position %.80q ends in %.40q; it must be a sequence: a whole "+
			"number", text, rest[at+1:])
	}
	return Position{Aggregate: aggregate, Subject: rest[:at], Sequence: sequence}, nil
}
