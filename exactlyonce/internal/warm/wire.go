package warm

import (
	"encoding/binary"
	"errors"
	"maps"
	"slices"
)

// wireVersion begins what members tell and are told. Members skip what a later version appends; a version
// that others can't read needs another name of the protocol.
const wireVersion = 1

var errWire = errors.New("damaged user data of a group")

// EncodeMember returns what a member tells its group: whether it follows, and what it keeps. The rest is in
// Kafka's own fields.
func EncodeMember(m Member) []byte {
	b := []byte{wireVersion, 0}
	if m.Follows {
		b[1] = 1
	}
	b = binary.AppendUvarint(b, uint64(len(m.Keeps)))
	for _, topic := range slices.Sorted(maps.Keys(m.Keeps)) {
		partitions := m.Keeps[topic]
		b = binary.AppendUvarint(b, uint64(len(topic)))
		b = append(b, topic...)
		b = binary.AppendUvarint(b, uint64(len(partitions)))
		for _, p := range slices.Sorted(maps.Keys(partitions)) {
			b = binary.AppendUvarint(b, uint64(uint32(p)))
			b = binary.AppendUvarint(b, uint64(partitions[p].Next))
			b = binary.AppendUvarint(b, uint64(partitions[p].Behind))
		}
	}
	b = binary.AppendUvarint(b, uint64(len(m.Transactions)))
	return append(b, m.Transactions...)
}

// DecodeMember reads what EncodeMember wrote into m. Of a member that tells nothing nothing is known: it
// follows nobody.
func DecodeMember(m *Member, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	r := reader{b: b}
	if version := r.byte(); version < wireVersion {
		return errWire
	}
	m.Follows = r.byte() == 1
	m.Keeps = make(map[string]map[int32]Has)
	for range r.count() {
		topic := string(r.bytes(r.count()))
		partitions := make(map[int32]Has)
		for range r.count() {
			p := int32(uint32(r.number()))
			partitions[p] = Has{int64(r.number() & maxOffset), int64(r.number() & maxOffset)}
		}
		m.Keeps[topic] = partitions
	}
	m.Transactions = string(r.bytes(r.count()))
	return r.err
}

// maxOffset keeps sums of some thousand offsets in their type.
const maxOffset = 1<<48 - 1

// EncodeStandbys returns what a member is told to follow.
func EncodeStandbys(standbys []Standby) []byte {
	b := binary.AppendUvarint([]byte{wireVersion}, uint64(len(standbys)))
	for _, s := range standbys {
		n := uint64(uint32(s.Partition)) << 1
		if s.Warming {
			n |= 1
		}
		b = binary.AppendUvarint(b, n)
	}
	return b
}

// DecodeStandbys reads what EncodeStandbys wrote; nothing is no standbys.
func DecodeStandbys(b []byte) ([]Standby, error) {
	if len(b) == 0 {
		return nil, nil
	}
	r := reader{b: b}
	if version := r.byte(); version < wireVersion {
		return nil, errWire
	}
	var standbys []Standby
	for range r.count() {
		n := r.number()
		standbys = append(standbys, Standby{Partition: int32(n >> 1), Warming: n&1 == 1})
	}
	return standbys, r.err
}

// reader takes user data apart. After an error everything is zero.
type reader struct {
	b   []byte
	err error
}

func (r *reader) fail() { r.b, r.err = nil, errWire }

func (r *reader) byte() byte {
	got := r.bytes(1)
	if len(got) == 0 {
		return 0
	}
	return got[0]
}

func (r *reader) bytes(n int) []byte {
	if n > len(r.b) {
		r.fail()
		return nil
	}
	got := r.b[:n]
	r.b = r.b[n:]
	return got
}

func (r *reader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[size:]
	return n
}

// count is a number of things that take a byte at least.
func (r *reader) count() int {
	n := r.number()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}
