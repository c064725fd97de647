package processors

import (
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
)

// Letters makes dead letters outside of graphs, with the headers that those of graphs have.
type Letters struct {
	// Topic is that of dead letters: DeadLetters.
	Topic string
	// Group is the consumer group that sets records aside, Replay the topic that a replay goes to. Without
	// one, nothing is replayed.
	Group, Replay string
	// Version is the worker's.
	Version string
	// RecordBytes is the largest record of an input.
	RecordBytes int
}

// Of returns the dead letter of a record, ready to be sent: key, value and headers as they came, and why it
// is set aside. One that is too large even for a dead letter has none of these (HeaderCut).
func (l Letters) Of(record *kgo.Record, reason codecs.Reason, err error) *kgo.Record {
	d := deadLetters{
		group: l.Group, replay: l.Replay, version: l.Version, limit: LetterBytes(l.RecordBytes),
	}
	letter := d.letter(&received{Record: record}, &codecs.Malformed{Reason: reason, Err: err})
	letter.Topic = l.Topic
	return &letter
}
