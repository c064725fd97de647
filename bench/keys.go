package bench

import "math/rand/v2"

// Keys are the keys that commands go to. The first commands go to all of them by turns.
type Keys struct {
	Count int
	// Choose returns the key of a further command, 0 to Count-1. It is called for one command after the
	// other. Nil: keys take turns.
	Choose func() int
}

// of returns the key of the i-th command.
func (k Keys) of(i int) int {
	if i < k.Count || k.Choose == nil {
		return i % k.Count
	}
	return k.Choose()
}

// Uniform returns keys of which each is as likely as the others.
func Uniform(count int) Keys {
	r := rand.New(rand.NewPCG(1, uint64(count)))
	return Keys{count, func() int { return r.IntN(count) }}
}

// zipfExponent is little more than 1: the hottest of a million keys gets a tenth of the commands.
const zipfExponent = 1.1

// Zipf returns keys of which few get most of the commands, as customers do.
func Zipf(count int) Keys {
	r := rand.New(rand.NewPCG(2, uint64(count)))
	z := rand.NewZipf(r, zipfExponent, 1, uint64(count-1))
	return Keys{count, func() int { return int(z.Uint64()) }}
}
