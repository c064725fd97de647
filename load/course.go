package load

import (
	"context"
	"fmt"
	"time"
)

// Course is what a [Story] goes on with: the driver's pace, its system, and its tally. Methods that report
// whether they have done their part say no when the run ends, or when that was counted as a failure.
type Course struct {
	driver     *Driver
	ctx, begin context.Context // begin ends before ctx: from then on nothing is begun
	subject    Subject
	state      string
}

// Moved counts the story in another state.
func (c *Course) Moved(to string) {
	if to != c.state {
		c.driver.tally.storyMoved(c.state, to)
		c.state = to
	}
}

// Pause waits.
func (c *Course) Pause(d time.Duration) bool { return pause(c.begin, d) == nil }

// Send sends a command when the pace allows.
func (c *Course) Send(command Command) (Answer, bool) {
	due, err := c.driver.pace.wait(c.begin)
	if err != nil || !take(c.begin, c.driver.slots) {
		return Answer{}, false
	}
	answer := c.driver.send(c.ctx, command, due)
	<-c.driver.slots
	return answer, true
}

// maxStateShown is how many bytes of a state a failure shows.
const maxStateShown = 300

// Wait waits for the aggregate that the story began with to be in such a state.
func (c *Course) Wait(until func(State) bool) (State, bool) {
	if !take(c.begin, c.driver.looks) {
		return State{}, false
	}
	defer func() { <-c.driver.looks }()
	patient, cancel := context.WithTimeout(c.begin, c.driver.Patience)
	defer cancel()
	state, err := c.driver.System.Wait(patient, c.subject, until)
	if err != nil && c.begin.Err() == nil {
		c.driver.tally.failed(fmt.Errorf("%s %s is stuck at sequence %d: %.*s: %w",
			c.subject.Name, c.subject.ID, state.Sequence, maxStateShown, state.JSON, err))
	}
	return state, err == nil && c.ctx.Err() == nil
}
