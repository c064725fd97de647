package outbox

import "github.com/twmb/franz-go/pkg/kgo"

// RecordOverhead is counted for each record and row, so that those without content fill a batch, too. It is
// less than the structure that holds one (some 180 bytes), which is used again.
const RecordOverhead = 32

// RecordSize returns how many bytes of a batch a record counts for.
func RecordSize(key, value []byte, headers []kgo.RecordHeader) int {
	return RecordOverhead + len(key) + len(value) + headersSize(headers)
}

// RowSize returns how many bytes of a batch a row, or its deletion (nil), counts for.
func RowSize(key string, value []byte) int { return RecordOverhead + len(key) + len(value) }

func headersSize(headers []kgo.RecordHeader) (bytes int) {
	for _, h := range headers {
		bytes += len(h.Key) + len(h.Value)
	}
	return bytes
}
