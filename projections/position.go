package projections

import (
	"fmt"
	"strconv"
	"strings"
)

// Position names a state of an aggregate: that after an event. Whoever has written it can ask a read model to
// show at least that.
type Position struct {
	Aggregate string // its name in the singular
	Subject   string // the ID
	Sequence  int64
}

// String returns the position as the header X-Refold-Position has it: account/alice@7.
func (p Position) String() string {
	return p.Aggregate + "/" + p.Subject + "@" + strconv.FormatInt(p.Sequence, 10)
}

// ParsePosition reads what String has written. The ID may have any characters.
func ParsePosition(text string) (Position, error) {
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
