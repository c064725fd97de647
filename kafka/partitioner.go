package kafka

import (
	"encoding/binary"
	"hash"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Partition returns where a key belongs, from 0 to partitions-1, as Kafka's Java client places it
// by default: murmur2 of the key, its sign bit masked off, modulo the number of partitions. Every
// producer of this project, and every producer in another language that follows Java's client,
// agrees with it. partitions must be positive.
func Partition(key []byte, partitions int32) int32 {
	return int32(positiveMurmur2(key) % uint32(partitions))
}

// positiveMurmur2 masks the sign bit, as Java's client does. Negating a negative hash instead, as
// Sarama's plain hash partitioner and Goka do, sends half of all keys elsewhere; with the bit
// masked beforehand there is nothing left for them to negate.
func positiveMurmur2(key []byte) uint32 { return murmur2(key) & 0x7fffffff }

// The constants of Austin Appleby's MurmurHash2, 32 bits, and the seed that Kafka gives it.
const (
	murmurSeed  = 0x9747b28c
	murmurMix   = 0x5bd1e995
	murmurShift = 24
)

// murmur2 is MurmurHash2 with Kafka's seed.
func murmur2(data []byte) uint32 {
	h := murmurSeed ^ uint32(len(data))
	for ; len(data) >= 4; data = data[4:] {
		k := binary.LittleEndian.Uint32(data) * murmurMix
		k ^= k >> murmurShift
		h = h*murmurMix ^ k*murmurMix
	}
	if len(data) > 0 {
		var tail uint32
		for i := len(data) - 1; i >= 0; i-- {
			tail = tail<<8 | uint32(data[i])
		}
		h = (h ^ tail) * murmurMix
	}
	h = (h ^ h>>13) * murmurMix
	return h ^ h>>15
}

// Partitioner is Partition for franz-go. A record without a key goes to the partition whose batch
// is being filled.
func Partitioner() kgo.Partitioner {
	return kgo.StickyKeyPartitioner(func(key []byte, partitions int) int {
		return int(Partition(key, int32(partitions)))
	})
}

// NewHasher is Partition for Goka (WithHasher, WithViewHasher, WithEmitterHasher) and Sarama
// (NewCustomHashPartitioner): Sum32 is murmur2 with its sign bit masked, so that their modulo
// gives the same partition. Keys need not be written in one piece.
func NewHasher() hash.Hash32 { return &hasher{} }

type hasher struct{ key []byte }

// Write adds to the key. It never fails.
func (h *hasher) Write(p []byte) (int, error) {
	h.key = append(h.key, p...)
	return len(p), nil
}

// Sum32 is the hash of what was written since the last Reset, below 1<<31.
func (h *hasher) Sum32() uint32 { return positiveMurmur2(h.key) }

// Sum appends the hash to b.
func (h *hasher) Sum(b []byte) []byte { return binary.BigEndian.AppendUint32(b, h.Sum32()) }

// Reset forgets the key.
func (h *hasher) Reset() { h.key = h.key[:0] }

// Size is the length of Sum in bytes.
func (*hasher) Size() int { return 4 }

// BlockSize is the length that Write works best with: any.
func (*hasher) BlockSize() int { return 4 }
