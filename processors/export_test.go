package processors

import "refold/codecs"

// Handled lets tests count a record.
func (g *Guard) Handled(
	topic string, partition int32, offset int64, poison *codecs.Malformed,
) error {
	return g.handled(topic, partition, offset, poison)
}
