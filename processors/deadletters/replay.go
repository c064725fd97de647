package deadletters

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Why a record can't be put back.
var (
	// ErrNoReplayTopic: nothing says where to, and where it came from is no topic of commands.
	ErrNoReplayTopic = errors.New("it says no topic to go back to")
	// ErrProjection: a projection could not take it.
	ErrProjection = errors.New("a projection could not take this event, and an event is not put back: its " +
		"aggregate and other projections have it. Mend the projection, then rebuild it: the new build " +
		"takes the event again. Then discard the letter")
	// ErrFacts: it would go where nothing may come twice.
	ErrFacts = errors.New("nothing is put back into a topic of facts")
	// ErrTooLarge: it is larger than what we send.
	ErrTooLarge = errors.New("it is too large to be sent")
	// ErrCut: it was too large for the dead letters, which don't have it.
	ErrCut = errors.New("it was too large for the dead letters; only its origin has it whole")
)

// batchOverhead is what a record batch takes beside its records' keys, values and headers: 61 bytes,
// and lengths as varints for each record and header.
const batchOverhead = 4 << 10

// target is the topic that a letter's record goes back to. Who says so is the worker that set it
// aside. Dead letters of older workers don't say; they all were commands, but that is checked.
func (s *Settings) target(l *Letter) (string, error) {
	topic := l.ReplayTopic
	if l.Projection != "" {
		return "", fmt.Errorf("%w (projection %s)", ErrProjection, l.Projection)
	}
	if topic == "" {
		if topic = l.Origin.Topic; !slices.Contains(s.Commands, topic) {
			return "", fmt.Errorf("%w, and %s, where it came from, is no topic of commands",
				ErrNoReplayTopic, topic)
		}
	}
	if topic == s.Names.DeadLetters || topic == s.Names.Settled || slices.Contains(s.Facts, topic) {
		return "", fmt.Errorf("%w, and %s is one", ErrFacts, topic)
	}
	return topic, nil
}

// putBack returns the record that goes back: key, value and headers as it came, and which dead letter
// it was. Its time is that of its going back: a command happens when it is handled.
func (s *Settings) putBack(l *Letter) (*kgo.Record, error) {
	topic, err := s.target(l)
	switch {
	case err != nil:
		return nil, err
	case l.CutBytes != "":
		return nil, fmt.Errorf("%w: %s bytes", ErrCut, l.CutBytes)
	}
	r := &kgo.Record{Topic: topic, Key: l.Key, Value: l.Value}
	r.Headers = append(slices.Clone(l.Headers), kgo.RecordHeader{
		Key: HeaderReplayed, Value: []byte(l.Ref.String()),
	})
	limit := s.RecordBytes + kafka.BatchRoom
	if size := l.size() + batchOverhead; size > limit {
		return nil, fmt.Errorf("%w: some %d bytes; at most %d are allowed", ErrTooLarge, size, limit)
	}
	return r, nil
}
