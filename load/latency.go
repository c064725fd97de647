package load

import (
	"math"
	"math/bits"
	"time"
)

// latencies counts durations in classes that are some 6 % wide: a bounded piece of memory, however
// long the run.
type latencies struct {
	counts [classes]int64
	sum    int64
}

const (
	perOctave = 16
	classes   = 36 * perOctave // up to 2^36 µs, 19 hours
)

func (l *latencies) add(d time.Duration) {
	l.counts[class(uint64(max(0, d.Microseconds())))]++
	l.sum++
}

// class is the index of so many µs: they themselves below perOctave; beyond, their highest bits.
func class(micros uint64) int {
	if micros < perOctave {
		return int(micros)
	}
	shift := bits.Len64(micros) - bits.Len(perOctave)
	return min(classes-1, shift*perOctave+int(micros>>shift))
}

// quantile returns the duration within which such a share was, rounded up to the class's end; 0
// without any.
func (l *latencies) quantile(share float64) time.Duration {
	if l.sum == 0 {
		return 0
	}
	rank := int64(math.Ceil(share * float64(l.sum)))
	for i, n := range &l.counts {
		if rank -= n; rank <= 0 {
			return classEnd(i)
		}
	}
	return classEnd(classes - 1)
}

func classEnd(i int) time.Duration {
	if i < perOctave {
		return time.Duration(i) * time.Microsecond
	}
	shift := i/perOctave - 1
	low := uint64(i-shift*perOctave) << shift
	return time.Duration(low+1<<shift-1) * time.Microsecond
}
