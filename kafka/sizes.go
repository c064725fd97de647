package kafka

import (
	"math/bits"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Sizes of records and of the batches that hold them. Brokers limit batches (max.message.bytes);
// what an application can keep to is a limit of its records.
const (
	// DefaultRecordBytes is the largest record, as RecordBytes counts, if Settings say nothing:
	// just below what brokers take as they come.
	DefaultRecordBytes = 960 << 10

	// MaxRecordBytes is the largest that Settings.RecordBytes may be. A request must hold twice as
	// much, and brokers take no request above 100 MiB (socket.request.max.bytes).
	MaxRecordBytes = 16 << 20

	// MaxBatchBytes is the largest record batch that both clients send, unless Settings.RecordBytes
	// needs more: just below what brokers accept as they come.
	MaxBatchBytes = 1_000_000

	// BatchRoom is enough for what a batch has beside its only record, and for a few short headers
	// that are added to the record on its way.
	BatchRoom = 8 << 10

	// brokerBatchBytes is what brokers accept as they come (message.max.bytes). It counts the
	// batch's own header.
	brokerBatchBytes = 1_048_588
)

// recordRoom is enough for what a record has beside its key, value and headers: seven numbers.
const recordRoom = 48

// RecordBytes returns how many bytes a record takes in a batch at most, uncompressed. key is the
// length of its key.
func RecordBytes(key int, value []byte, headers []kgo.RecordHeader) int {
	n := recordRoom + key + len(value)
	for i := range headers {
		n += lengthBytes(len(headers[i].Key)) + len(headers[i].Key) +
			lengthBytes(len(headers[i].Value)) + len(headers[i].Value)
	}
	return n
}

// lengthBytes is how many bytes a length takes: seven bits in each. Kafka's are signed, zigzag.
func lengthBytes(n int) int { return (bits.Len(uint(n)<<1|1) + 6) / 7 }

// MaxMessageBytes returns the max.message.bytes of a topic whose records take up to recordBytes;
// never less than what brokers accept as they come.
func MaxMessageBytes(recordBytes int) int { return max(brokerBatchBytes, recordBytes+BatchRoom) }

// batchBytes is the largest batch that is sent to a topic.
func (s Settings) batchBytes(topic string) int {
	records := s.RecordBytes
	if larger, is := s.LargerRecordBytes[topic]; is {
		records = larger
	}
	return max(MaxBatchBytes, records+BatchRoom)
}
