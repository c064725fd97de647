package deadletters

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/kafka"
	"refold/processors"
)

// HeaderReplayed is on every record that was put back: the dead letter that it was, as Ref prints it.
const HeaderReplayed = "refold_replayed"

// ownPrefix begins the headers that are ours. All of them are taken off when a record goes back, but
// for the one that a record has from its birth.
const ownPrefix = "refold_"

// Ref names a dead letter: its place in the dead-letter topic.
type Ref struct {
	Partition int32
	Offset    int64
}

// String is PARTITION/OFFSET.
func (r Ref) String() string {
	return strconv.FormatInt(int64(r.Partition), 10) + "/" + strconv.FormatInt(r.Offset, 10)
}

// MarshalText is String.
func (r Ref) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// ParseRef reads what String writes.
func ParseRef(text string) (Ref, error) {
	partition, offset, _ := strings.Cut(text, "/")
	p, err := strconv.ParseInt(partition, 10, 32)
	o, err2 := strconv.ParseInt(offset, 10, 64)
	if errors.Join(err, err2) != nil || p < 0 || o < 0 {
		return Ref{}, fmt.Errorf("%q names no dead letter; PARTITION/OFFSET does, such as 2/57", text)
	}
	return Ref{int32(p), o}, nil
}

// Letter is a dead letter.
type Letter struct {
	Ref
	// Time is when it was set aside.
	Time time.Time
	// Origin is where it was before.
	Origin Origin
	// Reason is why it was set aside, as a code, and Message what exactly was wrong.
	Reason, Message string
	// Version is the version of the worker that set it aside, Group the worker's consumer group and
	// ReplayTopic where that group would have it put back. Older workers said neither.
	Version, Group, ReplayTopic string
	// Projection is the one that could not take the event; empty: it is the letter of an aggregate or a
	// process.
	Projection string
	// CutBytes is the size of a record that was too large for the dead letters: nothing is left of it
	// here. Empty as a rule.
	CutBytes string
	// ReplayOf is the dead letter that this record was before: it was put back and failed again.
	ReplayOf string
	// Key, Value and Headers are the record's, as it came. Headers are without those of ours.
	Key, Value []byte
	Headers    []kgo.RecordHeader
	// Settled is what became of it; nil: it is open.
	Settled *Settlement
}

// Origin is the place of a record before it became a dead letter.
type Origin struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time // the record's; zero if it is not known
}

// ErrNoDeadLetter says that a record of the dead-letter topic was put there by somebody else.
var ErrNoDeadLetter = errors.New("not a dead letter")

// Parse reads a record of the dead-letter topic. The letter shares its memory.
// The error is ErrNoDeadLetter.
func Parse(r *kgo.Record) (*Letter, error) {
	l := &Letter{
		Ref: Ref{r.Partition, r.Offset}, Time: kafka.ReadTime(r.Timestamp).UTC(), Key: r.Key, Value: r.Value,
	}
	var partition, offset string
	texts := map[string]*string{
		processors.HeaderTopic: &l.Origin.Topic, processors.HeaderPartition: &partition,
		processors.HeaderOffset: &offset, processors.HeaderReason: &l.Reason,
		processors.HeaderMessage: &l.Message, processors.HeaderVersion: &l.Version,
		processors.HeaderGroup: &l.Group, processors.HeaderReplayTopic: &l.ReplayTopic,
		HeaderReplayed: &l.ReplayOf, processors.HeaderCut: &l.CutBytes,
		processors.HeaderProjection: &l.Projection,
	}
	for name, text := range texts {
		*text = string(kafka.Header(r.Headers, name))
	}
	at := kafka.Header(r.Headers, processors.HeaderTime)
	l.Origin.Time, _ = codecs.ParseTime(string(at)) // zero: not known
	for _, h := range r.Headers {
		if !ours(h.Key) {
			l.Headers = append(l.Headers, h)
		}
	}
	if l.Origin.Topic == "" || l.Reason == "" {
		return nil, fmt.Errorf("%s is %w: it has no header %s or %s", l.Ref, ErrNoDeadLetter,
			processors.HeaderTopic, processors.HeaderReason)
	}
	p, err := strconv.ParseInt(partition, 10, 32)
	o, err2 := strconv.ParseInt(offset, 10, 64)
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("%s is %w: where it came from can't be read: %w", l.Ref,
			ErrNoDeadLetter, err)
	}
	l.Origin.Partition, l.Origin.Offset = int32(p), o
	return l, nil
}

// ours reports whether a header is one that is taken off when the record goes back.
func ours(name string) bool {
	return strings.HasPrefix(name, ownPrefix) && name != processors.HeaderRepeated
}

// Header returns the value of one of the record's own headers; the last, if there are several.
func (l *Letter) Header(name string) string {
	return string(kafka.Header(l.Headers, name))
}

// size is how many bytes the letter's record takes, about.
func (l *Letter) size() int {
	n := len(l.Key) + len(l.Value)
	for _, h := range l.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}
