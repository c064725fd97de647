package verify

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/snapshots/rebuild/refold"
)

// Selected is a fold that passes over the events of keys that are not selected, without decoding them.
// With nil it is the fold itself.
func Selected(fold refold.Fold, selects func(key []byte) bool) refold.Fold {
	if selects == nil {
		return fold
	}
	return selected{fold, selects}
}

type selected struct {
	refold.Fold

	selects func(key []byte) bool
}

// passed is an event of a key that is not selected, and its state.
type passed struct{}

func (s selected) Decode(event *kgo.Record) (any, error) {
	if !s.selects(event.Key) {
		return passed{}, nil
	}
	return s.Fold.Decode(event) //nolint:wrapcheck // it says what it was doing
}

func (s selected) Apply(state, event any) (any, error) {
	if _, is := event.(passed); is {
		return passed{}, nil
	}
	return s.Fold.Apply(state, event) //nolint:wrapcheck // it says what it was doing
}

func (s selected) EncodeState(state any) ([]byte, error) {
	if _, is := state.(passed); is {
		return []byte{}, nil
	}
	return s.Fold.EncodeState(state) //nolint:wrapcheck // it says what it was doing
}

func (s selected) DecodeState(b []byte) (any, error) {
	if len(b) == 0 {
		return passed{}, nil
	}
	return s.Fold.DecodeState(b) //nolint:wrapcheck // it says what it was doing
}
