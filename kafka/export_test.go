package kafka

import "time"

// LimitAborts limits how long AbortTransaction takes, until what it returns is called.
func LimitAborts(limit time.Duration) (restore func()) {
	was := abortTimeout
	abortTimeout = limit
	return func() { abortTimeout = was }
}
