package refold

import "hash/maphash"

// known is a Bloom filter of the keys in the store. A look-up of a key that is not there costs the store as
// much as any other, and most look-ups are of new aggregates. The more keys there are, the more often the
// filter is wrong about a key that is not there.
type known struct {
	seed  maphash.Seed
	words []uint64
}

// knownShare is the part of the states' memory that the filter takes beside it: four bytes for each of a
// million keys, of 32 MiB.
const knownShare = 8

func newKnown(memory int64) *known {
	return &known{maphash.MakeSeed(), make([]uint64, max(memory/knownShare/8, 1))}
}

// place returns the word of a key, and the bits that stand for it there.
func (k *known) place(key string) (word *uint64, bits uint64) {
	h := maphash.String(k.seed, key)
	for i := range 4 {
		bits |= 1 << (h >> (6 * i) & 63)
	}
	return &k.words[(h>>24)%uint64(len(k.words))], bits
}

func (k *known) add(key string) {
	word, bits := k.place(key)
	*word |= bits
}

// may reports whether the key may have been added.
func (k *known) may(key string) bool {
	word, bits := k.place(key)
	return *word&bits == bits
}
