package audit

import (
	"crypto/sha256"
	"encoding/binary"
)

// ringOf returns the bytes of a row's ring after these results, of which only the latest fit:
//
//	nothing | 1, then of each: kind and payload's length (1 byte), 16 bytes of the SHA-256 of the
//	command's ID, payload: the code (kind 0x80), or first sequence and number of events (varints)
func ringOf(results []Result, size int) []byte {
	results = results[max(0, len(results)-size):]
	if len(results) == 0 {
		return nil
	}
	ring := []byte{1}
	for _, result := range results {
		kind, payload := byte(0x80), []byte(result.Code)
		if result.Accepted {
			kind = 0
			payload = binary.AppendUvarint(nil, uint64(result.First))
			payload = binary.AppendUvarint(payload, uint64(result.Last-result.First+1))
		}
		hash := sha256.Sum256([]byte(result.Causation))
		ring = append(ring, kind|byte(len(payload)))
		ring = append(ring, hash[:16]...)
		ring = append(ring, payload...)
	}
	return ring
}
