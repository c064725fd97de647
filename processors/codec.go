package processors

import (
	"fmt"

	"github.com/lovoo/goka"
)

// received is a record of the commands topic: what it was decoded to, and its bytes, which go
// into the dead letters unchanged if the domain turns out not to be able to handle it. Goka shows
// a callback only what the codec returned.
type received struct {
	value any
	bytes []byte
}

// inputCodec decodes to received.
type inputCodec struct{ goka.Codec }

func (c inputCodec) Decode(data []byte) (any, error) {
	value, err := c.Codec.Decode(data)
	if err != nil {
		return nil, err // a fault, not poison: the codec has said and waited enough
	}
	return received{value: value, bytes: data}, nil
}

// rawCodec passes the bytes of dead letters through.
type rawCodec struct{}

func (rawCodec) Encode(value any) ([]byte, error) {
	b, is := value.([]byte)
	if !is {
		return nil, fmt.Errorf("a dead letter is made of bytes, not of %T", value)
	}
	return b, nil
}

func (rawCodec) Decode(data []byte) (any, error) { return data, nil }
