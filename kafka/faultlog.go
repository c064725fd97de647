package kafka

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
)

// What a FaultLog writes of one fault at most.
const (
	// faultChanges is the least time between two lines about errors that differ: two that take turns
	// must not fill the log.
	faultChanges = 10 * time.Second
	// faultReminder is how often a fault that goes on is told of again.
	faultReminder = 10 * time.Minute
)

// FaultLog logs what fails again and again, as a fetch does while a right is missing: once when it
// begins, when the error becomes another one, every ten minutes, and when it ends, with the number of
// times. Its methods may be called at the same time.
type FaultLog struct {
	log    *slog.Logger
	mu     sync.Mutex
	faults map[string]*fault
}

// fault is what fails at present under a name.
type fault struct {
	said   string // the error of the last line
	since  time.Time
	at     time.Time // of the last line
	times  int
	unsaid int // since the last line
}

// NewFaultLog returns a log on top of another.
func NewFaultLog(log *slog.Logger) *FaultLog {
	return &FaultLog{log: log, faults: make(map[string]*fault)}
}

// Failed notes that something failed, of which there are few: "fetch in/3". args are slog's.
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

// Ended notes that something went well, and logs that it does so again if it had failed.
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

// faultName is what makes two errors the same: Kafka's name, or else the text, which may hold numbers.
func faultName(err error) string {
	if answered, is := errors.AsType[*kerr.Error](err); is {
		return answered.Message
	}
	return err.Error()
}
