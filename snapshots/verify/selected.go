package verify

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/fold"
)

// Selected is a fold that passes over the events of keys that are not selected, without decoding them.
// With nil it is the fold itself.
func Selected(of fold.StateFold, selects func(key []byte) bool) fold.StateFold {
	if selects == nil {
		return of
	}
	return selected{of, selects}
}

type selected struct {
	fold.StateFold

	selects func(key []byte) bool
}

// passed is an event of a key that is not selected, and its state.
type passed struct{}

func (s selected) Decode(event *kgo.Record) (any, error) {
	if !s.selects(event.Key) {
		return passed{}, nil
	}
	return s.StateFold.Decode(event) //nolint:wrapcheck // it says what it was doing
}

func (s selected) Apply(state, event any) (any, error) {
	if _, is := event.(passed); is {
		return passed{}, nil
	}
	return s.StateFold.Apply(state, event) //nolint:wrapcheck // it says what it was doing
}

func (s selected) EncodeState(state any) ([]byte, error) {
	if _, is := state.(passed); is {
		return []byte{}, nil
	}
	return s.StateFold.EncodeState(state) //nolint:wrapcheck // it says what it was doing
}

func (s selected) DecodeState(b []byte) (any, error) {
	if len(b) == 0 {
		return passed{}, nil
	}
	return s.StateFold.DecodeState(b) //nolint:wrapcheck // it says what it was doing
}
