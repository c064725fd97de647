package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Options say how much, how fast and against what.
type Options struct {
	Traffic Traffic
	System  System
	// Rate is how many commands are sent a second; 0 is as fast as concurrency allows.
	Rate float64
	// Concurrency is how many commands may be under way at a time; PerLane, how far apart a lane's may be
	// that are.
	Concurrency, PerLane int
	// Commands and Duration end the run, if the traffic does not end before; 0 is no limit. Where the traffic
	// ends the run, stories are driven to their end.
	Commands int
	Duration time.Duration
	// Patience is how long an answer, or the state that a story waits for, may be missing before that is a
	// failure.
	Patience time.Duration
	// OpenStories is how many stories may be between their beginning and their end at a time.
	OpenStories int
	// Stories is what stories are called in reports, such as "orders".
	Stories string
	// Record takes what was told of each command; nil for nobody.
	Record *Recorder
}

// Driver sends what a traffic makes.
type Driver struct {
	Options
	tally Tally
	pace  *pace
	slots chan struct{} // one is taken by each command under way
	looks chan struct{} // one by each look at a state
	open  chan struct{} // one by each open story
	lanes *lanes
}

// NewDriver returns a driver that is to be run once.
func NewDriver(o Options) *Driver {
	d := &Driver{
		Options: o, pace: newPace(o.Rate, o.Commands),
		slots: make(chan struct{}, o.Concurrency),
		looks: make(chan struct{}, o.Concurrency),
		open:  make(chan struct{}, o.OpenStories),
		lanes: newLanes(o.PerLane),
	}
	d.tally.called = o.Stories
	return d
}

// Tally returns how the run is going.
func (d *Driver) Tally() *Tally { return &d.tally }

// Run sends commands until a limit is reached and what was begun has its answer, or until ctx
// ends, which cuts off what is under way. What failed is in the Tally; the error is the recorder's.
func (d *Driver) Run(ctx context.Context) error {
	begin := ctx // in which something may be begun
	if d.Duration > 0 {
		limited, cancel := context.WithTimeout(ctx, d.Duration)
		defer cancel()
		begin = limited
	}
	var acts sync.WaitGroup
	for d.Record.Err() == nil {
		due, err := d.pace.wait(begin)
		if err != nil {
			break
		}
		act, more := d.Traffic.Next()
		if !more || act.Story != nil && !take(begin, d.open) || !take(begin, d.slots) {
			break
		}
		in := d.lanes.enter(act.Lane, act.Opens)
		acts.Go(func() { d.act(ctx, begin, act, due, in) })
	}
	acts.Wait()
	return d.Record.Err()
}

// act does one thing, and all that follows from it. It has a slot already.
func (d *Driver) act(ctx, begin context.Context, act Act, due time.Time, in place) {
	if act.Story != nil {
		d.System.Watch(act.Command.to())
		defer func() {
			d.System.Forget(act.Command.to())
			<-d.open
		}()
	}
	if in.blocked() != nil {
		in.wait(ctx) // if ctx ends, the command is cut off like others
		due = time.Now()
	}
	answer := d.send(ctx, act.Command, due)
	in.leave()
	<-d.slots
	if act.Story != nil {
		act.Story.Follow(&Course{driver: d, ctx: ctx, begin: begin, subject: act.Command.to()}, answer)
	}
}

// send sends a command, as often as it is to be sent, and keeps what was told.
func (d *Driver) send(ctx context.Context, command Command, due time.Time) Answer {
	d.tally.began()
	told := Told{Command: command, Sent: time.Now()}
	patient, cancel := context.WithTimeout(ctx, d.Patience)
	defer cancel()
	first, second, err := d.sendings(patient, command)
	took := time.Since(due)
	if d.Rate == 0 {
		took = time.Since(told.Sent)
	}
	told.Answer, told.LatencyMillis = first, float64(took.Microseconds())/1000
	told.Attempts += second.Attempts
	differs := err == nil && command.Sending != Once && !first.same(second)
	if differs {
		told.Second = &second
		err = fmt.Errorf("told differently: first %s %s %d to %d, then %s %s %d to %d",
			first.Outcome, first.Code, first.FirstSequence, first.LastSequence,
			second.Outcome, second.Code, second.FirstSequence, second.LastSequence)
	}
	if err != nil {
		told.Error = err.Error()
	}
	d.tally.answered(&command, told.Answer, took)
	switch {
	case err == nil:
	case ctx.Err() != nil && !differs && !errors.Is(err, ErrRefused):
		d.tally.cutOff()
	default:
		d.tally.failed(fmt.Errorf("%s %s: %w", command.Type, command.ID, err))
	}
	d.Record.add(&told)
	return first
}

// sendings sends a command once or twice.
func (d *Driver) sendings(ctx context.Context, command Command) (first, second Answer, err error) {
	switch command.Sending {
	case Once:
		first, err = d.System.Send(ctx, command)
	case Again:
		if first, err = d.System.Send(ctx, command); err == nil {
			second, err = d.System.Send(ctx, command)
		}
	case AtOnce:
		var other sync.WaitGroup
		var failed error
		other.Go(func() { second, failed = d.System.Send(ctx, command) })
		first, err = d.System.Send(ctx, command)
		other.Wait()
		err = errors.Join(err, failed)
	}
	return first, second, err
}

// take takes a slot, and reports whether ctx went on meanwhile.
func take(ctx context.Context, slots chan struct{}) bool {
	select {
	case slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}
