package kafka

import (
	"errors"
	"fmt"
	"time"
)

// The times that a record may have: those that nanoseconds in 64 bits hold, from 1970 on, in whole years.
// Kafka takes any number of milliseconds. Both clients count nanoseconds, and beyond these times give
// others than were sent; JSON has no years above 9999; and Kafka itself uses negative ones as signs.
var (
	MinTime = time.Unix(0, 0).UTC()
	MaxTime = time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC).Add(-time.Millisecond)
)

// ErrTime says that a record has a time that records must not have.
var ErrTime = errors.New("the record's timestamp is out of range")

// CheckTime returns nil if a record may have the time, otherwise an ErrTime.
func CheckTime(t time.Time) error {
	if !t.Before(MinTime) && !t.After(MaxTime) {
		return nil
	}
	ms := t.UnixMilli()
	hint := ""
	switch {
	case ms == -1:
		hint = " (a producer's way to say that there is none)"
	case ms > MaxTime.UnixMilli():
		hint = " (were other units than milliseconds meant?)"
	}
	return fmt.Errorf("%w: it is %d ms%s; must be milliseconds since 1970, before the year %d", ErrTime, ms,
		hint, MaxTime.Year()+1)
}

// ClampTime returns the time, or the nearest one that a record may have.
func ClampTime(t time.Time) time.Time {
	switch {
	case t.Before(MinTime):
		return MinTime
	case t.After(MaxTime):
		return MaxTime
	}
	return t
}

// TrueTime returns the time that a record was sent with, given the one that a client reports.
//
// franz-go has the milliseconds as a product of 64 bits, in nanoseconds, which wraps beyond the years 1677
// and 2262; so has Sarama those between a record and the first one of its batch. Of a product modulo 2^64
// with 10^6 = 2^6 · 15625 the other factor can be had back modulo 2^58: that is exact for 4.5 million
// years either way. Times that are not of whole milliseconds are of no record, and must not be given.
func TrueTime(t time.Time) time.Time {
	const inverse = 0x790fb65668c26139 // of 15625, modulo 2^64
	return time.UnixMilli(int64(uint64(t.UnixNano())>>6*inverse<<6) >> 6)
}

// ReadTime returns the time that readers use for a record, given the one that a client reports: a time that
// records must not have becomes the nearest one that they may have.
func ReadTime(t time.Time) time.Time { return ClampTime(TrueTime(t)) }
