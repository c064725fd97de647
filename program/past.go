package program

import (
	"errors"
	"fmt"

	"refold/client"
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

// asked is the moment as a worker is asked for it. check has found that its time is one.
func (m moment) asked() client.Get {
	at, _ := codecs.ParseTime(m.at)
	return client.Get{Sequence: m.sequence, Time: at}
}
