package load

import (
	"math/rand/v2"

	"github.com/spf13/pflag"

	"refold/processors"
)

// Traffic makes the commands of a run. It is for one goroutine.
type Traffic interface {
	// Next returns the next command, and false if there are no more.
	Next() (Act, bool)
}

// Act is a command, and what follows from it.
type Act struct {
	Command Command
	// Lane is the ID of what the command is about. A command of a lane is sent only when the command that
	// Opens the lane was answered.
	Lane  string
	Opens bool
	// Story is what follows from the command; nil: nothing.
	Story Story
}

// Story is what follows from a command, such as further commands to the same aggregate.
type Story interface {
	// Follow goes on after the answer to the command. It runs in a goroutine of its own, and returns when the
	// story is over, or a method of the course says that the run ends.
	Follow(c *Course, told Answer)
}

// Source is a kind of traffic, as a program offers it on the command line.
type Source interface {
	// About says in a sentence or two what the traffic is, and when it ends.
	About() string
	// Flags adds the traffic's own flags, and returns the plan that they are values of.
	Flags(flags *pflag.FlagSet) Plan
	// Demo returns the plan of a traffic to look at, of so many keys: what follows from a command comes
	// slowly enough to be seen.
	Demo(keys int) Plan
}

// Plan is a traffic whose values are known.
type Plan interface {
	// Check lists the flags whose values can't be.
	Check() error
	// PerLane is how far apart a lane's commands may be that are under way.
	PerLane() int
	// Stories is what the stories of the traffic are called in reports, such as "orders"; "" if it has none.
	Stories() string
	// Follows are the names of the aggregates whose states stories wait for.
	Follows() []string
	// Begin begins the traffic.
	Begin(r Run) Traffic
	// First says in a line where to look first.
	First(r Run) string
	// Try returns shell commands to try against a server while the traffic runs.
	Try(r Run, server string) string
}

// Run says what a traffic needs to know of a run.
type Run struct {
	// Aggregates are those of the program.
	Aggregates []*processors.OpenAggregate
	// Name is put in front of every ID, so that runs don't meet; it may be empty.
	Name string
	// Seed makes the traffic send the same commands.
	Seed uint64
	// TwiceShare is the share of commands that are sent twice, 0 to 1: half of these at the same time, half
	// when the first has its answer.
	TwiceShare float64
}

// ID returns an ID of the run's own.
func (r Run) ID(id string) string {
	if r.Name == "" {
		return id
	}
	return r.Name + "-" + id
}

// Sending decides how a command is sent.
func (r Run) Sending(random *rand.Rand) Sending {
	switch dice := random.Float64(); {
	case dice < r.TwiceShare/2:
		return Again
	case dice < r.TwiceShare:
		return AtOnce
	}
	return Once
}
