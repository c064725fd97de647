package refold

import "time"

// ShortenPauses makes closing steps be tried again at once, until what it returns is called.
func ShortenPauses() (restore func()) {
	least, most := leastStepPause, mostStepPause
	leastStepPause, mostStepPause = time.Millisecond, time.Millisecond
	return func() { leastStepPause, mostStepPause = least, most }
}

// LimitLateness limits for how long steps may come too late, until what it returns is called.
func LimitLateness(limit time.Duration) (restore func()) {
	was := stepLate
	stepLate = limit
	return func() { stepLate = was }
}
