package views

import (
	"fmt"
	"time"
)

// Limits bounds what views may take. Zero fields take their default.
type Limits struct {
	// Waiters limits the concurrent calls of WaitFor and WaitCommand; 10,000. Each holds a request
	// and its connection, some 50 KiB.
	Waiters int
	// ScanRows limits how many rows List passes over that are no aggregates, and how many sequences
	// Events passes over that have no event; 10,000, some 50 ms.
	ScanRows int
	// PageBytes limits the events, or the rows, of a page, as they are in the topic; 4 MiB. As JSON
	// events may be three times that. One is always given.
	PageBytes int
	// StateEvery is the distance of intermediate states in a history, in events; 1,000. A state of
	// the past costs folding so many events, some 3 ms, and a history of a million events 1,000 rows.
	StateEvery int
	// Namesakes limits the commands of one ID that CommandsOf returns; 100.
	Namesakes int
	// Sending limits the commands that wait for the broker at the same time; 256, which is what
	// Sarama takes without blocking.
	Sending int
	// TraceNodes limits the messages of a trace; 1,000, some 400 KiB of JSON. An order has twenty.
	TraceNodes int
	// FetchBytes is how much each broker may send at a time of each topic, compressed as it is;
	// 1 MiB. Small records take ten to twenty times that in memory.
	FetchBytes int
	// FetchWait is the long poll of the live tail; 250 ms. What arrives ends it at once.
	FetchWait time.Duration
	// RestartPauseMin and RestartPauseMax bound the pause before a view that failed, or the
	// sender's connection, is tried again; 250 ms, doubling to 15 s.
	RestartPauseMin, RestartPauseMax time.Duration
	// StallAfter is how long a view may have something to take in of which it takes in nothing, before
	// Ready says that it stands still; 1 min.
	StallAfter time.Duration
	// ForgetInterval is how often each partition is asked for what its topic has dropped, and for what is
	// too old for traces; 1 min. What the topic has dropped isn't found any more from then on.
	ForgetInterval time.Duration
	// SweepShare and SweepInterval say when what isn't found any more is removed from an index: when it is
	// that share of all entries, in percent, 50; or, if it is less, that time after the latest removal, 72 h.
	// Removing reads the whole index of a partition, some 0.5 µs an entry, and takes some 2 µs for each that
	// it removes: where topics keep records for a week, 7 µs a command in all.
	SweepShare    int
	SweepInterval time.Duration
	// ForgetRecords limits how many records one step of a removal looks at, 10,000; ForgetPause is the time
	// from one step to the next, 100 ms. So removing takes 5 to 15 % of a processor.
	ForgetRecords int
	ForgetPause   time.Duration
	// MoveWait is how long a wait goes on while the partition is not readable here, in Owned placement; 2 s.
	MoveWait time.Duration
	// QueueBytes limits the records that wait for each copy while it is being restored, in Owned placement;
	// 4 MiB. Beyond it they are read from Kafka.
	QueueBytes int
	// BacklogRecords and BacklogTimeout limit the search for a command that has not been handled yet, in
	// Owned placement; 10,000, some 20 ms, and 1 s.
	BacklogRecords int
	BacklogTimeout time.Duration
	// Stop limits how long commands that are being sent may hold up Run's return; 3 s.
	Stop time.Duration
}

// WithDefaults returns the limits with the defaults in the place of zeros.
func (l Limits) WithDefaults() Limits {
	def(&l.Waiters, 10_000)
	def(&l.ScanRows, 10_000)
	def(&l.PageBytes, 4<<20)
	def(&l.TraceNodes, 1000)
	def(&l.Namesakes, 100)
	def(&l.StateEvery, 1000)
	def(&l.Sending, 256)
	def(&l.FetchBytes, 1<<20)
	def(&l.FetchWait, 250*time.Millisecond)
	def(&l.RestartPauseMin, 250*time.Millisecond)
	def(&l.RestartPauseMax, 15*time.Second)
	def(&l.StallAfter, time.Minute)
	def(&l.ForgetInterval, time.Minute)
	def(&l.SweepShare, 50)
	def(&l.SweepInterval, 72*time.Hour)
	def(&l.ForgetRecords, 10_000)
	def(&l.ForgetPause, 100*time.Millisecond)
	def(&l.MoveWait, 2*time.Second)
	def(&l.QueueBytes, 4<<20)
	def(&l.BacklogRecords, 10_000)
	def(&l.BacklogTimeout, time.Second)
	def(&l.Stop, 3*time.Second)
	return l
}

// def sets *value to its default if it is zero.
func def[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}

func (l Limits) validate() error {
	if l.Waiters < 0 || l.ScanRows < 0 || l.PageBytes < 0 || l.TraceNodes < 0 || l.Namesakes < 0 ||
		l.StateEvery < 0 || l.FetchWait < 0 || l.FetchBytes < 0 || l.RestartPauseMin < 0 ||
		l.RestartPauseMax < l.RestartPauseMin || l.StallAfter < 0 || l.ForgetInterval < 0 ||
		l.ForgetRecords < 0 || l.ForgetPause < 0 || l.SweepShare < 0 || l.SweepInterval < 0 ||
		l.QueueBytes < 0 || l.MoveWait < 0 || l.BacklogRecords < 0 || l.BacklogTimeout < 0 ||
		l.Stop < 0 || l.Sending < 0 || l.Sending > maxSending {
		return fmt.Errorf("views: Options.Limits: none may be negative, "+
			"RestartPauseMax not less than RestartPauseMin, Sending at most %d: %+v", maxSending, l)
	}
	return nil
}
