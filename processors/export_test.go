package processors

import "refold/codecs"

// Handled lets tests count a record.
func (g *Guard) Handled(
	topic string, partition int32, offset int64, poison *codecs.Malformed,
) error {
	return g.handled(topic, partition, offset, poison)
}

// Raw are bytes that a test has a graph consume as they are: Goka's tester gives times only to records
// that it encodes itself.
type Raw []byte

// Encode lets Raw pass.
func (c inputCodec) Encode(value any) ([]byte, error) {
	if raw, is := value.(Raw); is {
		return raw, nil
	}
	return c.Codec.Encode(value)
}
