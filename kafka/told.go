package kafka

import (
	"bytes"
	"encoding/binary"
)

// toldMark begins user data that hold more than what TellMembers tells. JSON and text never begin so.
var toldMark = []byte{0, 't', 'o', 'l', 'd'}

// AppendTold appends, to b, user data of a group's member that hold data for [Members], and more for the
// group's balancer.
func AppendTold(b, data, more []byte) []byte {
	b = append(b, toldMark...)
	b = binary.AppendUvarint(b, uint64(len(data)))
	return append(append(b, data...), more...)
}

// CutTold takes user data apart: data is what [Members] returns, more what AppendTold was given. User data
// that AppendTold has not made are all data.
func CutTold(userData []byte) (data, more []byte) {
	rest, is := bytes.CutPrefix(userData, toldMark)
	size, n := binary.Uvarint(rest)
	if !is || n <= 0 || size > uint64(len(rest)-n) {
		return userData, nil
	}
	rest = rest[n:]
	if size > 0 {
		data = rest[:size:size]
	}
	return data, rest[size:]
}
