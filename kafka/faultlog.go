package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// How often a FaultLog writes about one fault.
const (
	// faultChanges is the least time between two lines about different errors: two errors that alternate
	// must not fill the log.
	faultChanges = 10 * time.Second
	// faultReminder is the time after which a fault that goes on is logged again.
	faultReminder = 10 * time.Minute
)

// FaultLog logs faults that repeat, such as a fetch while a right is missing: once when the fault begins,
// when its error changes, every ten minutes, and when it ends, with the number of times. Its methods may be
// called by several goroutines at the same time.
type FaultLog struct {
	log    *slog.Logger
	mu     sync.Mutex
	faults map[string]*fault
}

// fault is a fault that has not ended.
type fault struct {
	said   string // the error of the last line
	since  time.Time
	at     time.Time // of the last line
	times  int
	unsaid int // since the last line
}

// NewFaultLog returns a FaultLog that writes to log.
func NewFaultLog(log *slog.Logger) *FaultLog {
	return &FaultLog{log: log, faults: make(map[string]*fault)}
}

// Failed notes that something failed. what names the fault, as "fetch in/3"; there must be few such names.
// args are slog's.
func (f *FaultLog) Failed(level slog.Level, what string, err error, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now, says := time.Now(), faultName(err)
	one := f.faults[what]
	if one == nil {
		one = &fault{since: now}
		f.faults[what] = one
	}
	one.times++
	one.unsaid++
	age := now.Sub(one.at)
	if one.times > 1 && age < faultReminder && (says == one.said || age < faultChanges) {
		return
	}
	args = append([]any{"error", err}, args...)
	if one.times > 1 {
		args = append(args, "times", one.unsaid, "since", one.since)
	}
	one.said, one.at, one.unsaid = says, now, 0
	f.log.Log(context.Background(), level, what, args...)
}

// Ended notes that something succeeded. If it had failed, the end of the fault is logged.
func (f *FaultLog) Ended(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	one := f.faults[what]
	if one == nil {
		return
	}
	delete(f.faults, what)
	f.log.Info(what+": goes well again", "times", one.times, "since", one.since)
}

// faultName returns what two errors have in common if they are the same fault: Kafka's name, or else the
// text.
func faultName(err error) string {
	if answered, is := errors.AsType[*kerr.Error](err); is {
		return answered.Message
	}
	return err.Error()
}
