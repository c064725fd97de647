package livefeed

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
)

// ErrPosition says that a text is no position, or one among other topics: those of another filter,
// of another installation, or from before a topic was made anew or given partitions.
var ErrPosition = errors.New("not a position in these topics")

// layout is what positions are about: the topics of a listener, whose partitions stand behind one
// another in the order of the topics.
type layout struct {
	topics []located
	size   int    // partitions of all topics
	print  uint32 // of names, IDs and numbers of partitions
}

// located is a topic in a layout.
type located struct {
	*Topic
	partitions int
	first      int // where its partitions begin
}

func (l *layout) add(t *Topic, id [16]byte, partitions int) {
	l.topics = append(l.topics, located{t, partitions, l.size})
	l.size += partitions
	text := binary.AppendUvarint([]byte(t.Name+"\x00"), uint64(partitions))
	l.print = crc32.Update(l.print, crc32.IEEETable, append(text, id[:]...))
}

// Text is compact, for it goes along with every message: four bytes that only fit these topics and
// these offsets, then the next offset of each partition as a varint; in base64 for URLs. Some 200
// characters for 50 partitions.
func (l *layout) text(next []int64) string {
	b := make([]byte, 4, 4+5*len(next))
	for _, offset := range next {
		b = binary.AppendUvarint(b, uint64(offset))
	}
	binary.BigEndian.PutUint32(b, crc32.Update(l.print, crc32.IEEETable, b[4:]))
	return base64.RawURLEncoding.EncodeToString(b)
}

// PositionBytes is how long the position of a listener to so many partitions may be, of all topics.
func PositionBytes(partitions int) int {
	return base64.RawURLEncoding.EncodedLen(4 + partitions*(binary.MaxVarintLen64-1)) // of no negative offset
}

// parse reads what text writes, and nothing else. The error is ErrPosition.
func (l *layout) parse(text string) ([]int64, error) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(b) < 4+l.size {
		return nil, ErrPosition
	}
	rest := b[4:]
	next := make([]int64, l.size)
	for i := range next {
		offset, n := binary.Uvarint(rest)
		if n <= 0 || offset > math.MaxInt64 {
			return nil, ErrPosition
		}
		next[i], rest = int64(offset), rest[n:]
	}
	if l.text(next) != text { // the check, what is left over, and other ways to write the same
		return nil, ErrPosition
	}
	return next, nil
}
