package refold

import "hash/maphash"

// known remembers which keys the store may have, in a few bits each: a look-up in vain costs the store as
// much as one of a key that it has, and new aggregates are most of what is looked up. It never
// forgets a key; the more keys there are, the more often it takes one for known that is not.
type known struct {
	seed  maphash.Seed
	words []uint64
}

// knownShare is the part of the states' memory that it may take beside it: four bytes for each of a million
// keys, of 32 MiB.
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
