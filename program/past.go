package program

import (
	"errors"
	"fmt"
	"net/url"
	"strconv"

	"refold/codecs"
)

// moment is a point of an aggregate's past, as flags say it; the zero value is now.
type moment struct {
	sequence int64
	at       string
}

func (m moment) check(hasSequence bool) error {
	if hasSequence && m.sequence < 1 {
		return errors.New("--sequence can't be less than 1")
	}
	if m.at == "" {
		return nil
	}
	if _, err := codecs.ParseTime(m.at); err != nil {
		return fmt.Errorf("--at %q is no time such as 2026-01-31T23:59:59Z", m.at)
	}
	return nil
}

// query is the moment as the API has it.
func (m moment) query() string {
	switch {
	case m.sequence > 0:
		return "?sequence=" + strconv.FormatInt(m.sequence, 10)
	case m.at != "":
		return "?time=" + url.QueryEscape(m.at)
	}
	return ""
}
