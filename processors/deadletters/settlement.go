package deadletters

import (
	"encoding/json"
	"fmt"
	"time"
)

// Disposition is what became of a dead letter.
type Disposition string

// The dispositions.
const (
	// Replayed: it was put back.
	Replayed Disposition = "replayed"
	// Discarded: a person has looked at it, and it is not to be put back.
	Discarded Disposition = "discarded"
	// Unknown: there is a marker that can't be read. The record may have been put back.
	Unknown Disposition = "unknown"
)

// Settlement is the marker of a dead letter that is settled: the value in the compacted topic, as
// JSON, under the letter's Ref.
type Settlement struct {
	Disposition Disposition `json:"outcome"`
	Time        time.Time   `json:"time"`
	// By is who did it: user@host.
	By string `json:"by"`
	// Note is why it was done, if a reason was given.
	Note string `json:"note,omitempty"`
	// Topic is where it was put back to.
	Topic string `json:"topic,omitempty"`
	// Letter is when the dead letter was set aside: in a topic that was deleted and made again,
	// another one has the same place.
	Letter time.Time `json:"letter"`
}

// of reports whether the marker is about this dead letter.
func (s *Settlement) of(l *Letter) bool {
	return s != nil && (s.Disposition == Unknown || s.Letter.Equal(l.Time))
}

func (s *Settlement) encode() ([]byte, error) {
	b, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("encode a marker: %w", err)
	}
	return b, nil
}

// decodeSettlement never fails: a marker that can't be read counts all the same, because to put a
// record back twice is worse than to ask a person.
func decodeSettlement(value []byte) *Settlement {
	var s Settlement
	if err := json.Unmarshal(value, &s); err != nil ||
		s.Disposition != Replayed && s.Disposition != Discarded {
		return &Settlement{Disposition: Unknown}
	}
	return &s
}
