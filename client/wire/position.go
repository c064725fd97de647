package wire

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
)

// HeaderPosition is the header of an answer to a command that was accepted: the [Position] of its last event.
const HeaderPosition = "X-Refold-Position"

// Position names a state of an aggregate: that after an event. Whoever has led to it can ask a read model to
// show at least that.
type Position struct {
	Aggregate string // its name in the singular
	Subject   string // the ID
	Sequence  int64
}

// String returns the position as text, the ID escaped as in the path of a URL: account/alice@7.
func (p Position) String() string {
	return p.Aggregate + "/" + url.PathEscape(p.Subject) + "@" + strconv.FormatInt(p.Sequence, 10)
}

// ParsePosition reads what String has written.
func ParsePosition(text string) (Position, error) {
	aggregate, rest, found := strings.Cut(text, "/")
	at := strings.LastIndexByte(rest, '@')
	if !found || aggregate == "" || at < 1 {
		return Position{}, fmt.Errorf("the position is %.80q; it must be like account/alice@7", text)
	}
	subject, err := url.PathUnescape(rest[:at])
	if err != nil {
		return Position{}, fmt.Errorf("the ID in the position %.80q: %w; a %% is written %%25", text, err)
	}
	sequence, err := strconv.ParseInt(rest[at+1:], 10, 64)
	if err != nil || sequence < 0 {
		return Position{}, fmt.Errorf("the position %.80q ends in %.40q; it must be a sequence: a whole "+
			"number", text, rest[at+1:])
	}
	return Position{Aggregate: aggregate, Subject: subject, Sequence: sequence}, nil
}

// Position returns that of the last event of a command that was accepted; "" of any other one, and of one
// that led to no event of an aggregate without any.
func (c *Command) Position() string {
	if c.Status != StatusAccepted || c.LastSequence < 1 {
		return ""
	}
	return Position{c.Aggregate, c.Subject, c.LastSequence}.String()
}
