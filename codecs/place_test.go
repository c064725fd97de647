package codecs_test

import (
	"errors"
	"testing"

	"refold/codecs"
	"refold/codecs/avrotype"
)

func TestPlaceOf(t *testing.T) {
	of := func(reason codecs.Reason, b []byte, err error) error {
		return &codecs.Malformed{Reason: reason, Bytes: b, Err: err}
	}
	split := func(b []byte) error {
		_, _, err := codecs.SplitWire(b)
		return err
	}
	data := []byte{0, 0, 0, 0, 7, 2, 4, 6}
	for name, test := range map[string]struct {
		err      error
		from, to int
	}{
		"another first byte":  {split([]byte(`{"a":1}`)), 0, 1},
		"cut in the frame":    {split([]byte{0, 0, 0}), 3, 3},
		"nothing":             {split([]byte{}), 0, 0},
		"an impossible ID":    {split([]byte{0, 0x80, 0, 0, 0}), 1, 5},
		"an unknown schema":   {of(codecs.ReasonUnknownSchema, data, nil), 1, 5},
		"within the data":     {of(codecs.ReasonUndecodable, data, &avrotype.DataError{Offset: 1}), 6, 7},
		"at the data's end":   {of(codecs.ReasonUndecodable, data, &avrotype.DataError{Offset: 3}), 8, 8},
		"the format says not": {of(codecs.ReasonUndecodable, data, errors.New("no place")), -1, -1},
		"no poison":           {errors.New("away"), -1, -1},
	} {
		from, to, known := codecs.PlaceOf(test.err)
		if !known {
			from, to = -1, -1
		}
		if from != test.from || to != test.to {
			t.Errorf("%s: %d to %d, want %d to %d", name, from, to, test.from, test.to)
		}
	}
}
