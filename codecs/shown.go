package codecs

import (
	"context"
	"encoding/json"
	"errors"
)

// Shown is a record as JSON.
type Shown struct {
	// Type and Data are what [Set.ToJSON] returns: the record as it was written.
	Type string
	Data json.RawMessage
	// ReadAs are what a record of a former version is read as today, in order; empty, and not nil, if it
	// means nothing any more; nil of any other record, which is read as it was written.
	ReadAs []Part
}

// Part is one of the values that a record of a former version has become.
type Part struct {
	Type string          `json:"type"` // bare name
	Data json.RawMessage `json:"data"`
}

// Show returns a record as JSON: as it was written, and, of a former version, as it is read today. Type and
// Data are as [Set.ToJSON] returns them, with its errors. A record that can't be read is shown as it was
// written.
func (s *Set) Show(ctx context.Context, b []byte) (Shown, error) {
	name, data, err := s.ToJSON(ctx, b)
	if err != nil || len(s.formers) == 0 {
		return Shown{Type: name, Data: data}, err
	}
	shown := Shown{Type: name, Data: data}
	if shown.ReadAs, err = s.readAs(ctx, b); err != nil {
		if _, poison := errors.AsType[*Malformed](err); !poison {
			return Shown{}, err
		}
	}
	return shown, nil
}

// readAs returns what a record of a former version is read as; nil of any other.
func (s *Set) readAs(ctx context.Context, b []byte) ([]Part, error) {
	r, data, err := s.readerOf(ctx, b)
	if err != nil || r.typ.upcast == nil {
		return nil, err
	}
	return r.parts(b, data)
}
