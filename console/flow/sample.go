package flow

import (
	"context"
	"time"
)

// Source measures how a program runs. It is asked by one caller at a time, and only while somebody looks.
type Source interface {
	// Measure returns how things stand now. What can't be told is left out, and named in Sample.Missing. An
	// error says that nothing can be told, such as that Kafka does not answer.
	Measure(ctx context.Context) (*Sample, error)
}

// Sample is what is measured at one moment.
type Sample struct {
	Time time.Time
	// Ends are the ends of topics: the offsets behind the last records of their partitions, added up.
	Ends map[string]int64
	// Readers are those that read topics, by the IDs of their nodes.
	Readers map[string]Reader
	// Letters are the dead letters that were set aside within the last hour and are still open.
	Letters Letters
	// Pods are the workers that could be asked, this one first.
	Pods []Pod
	// Rebuilds are those on their way.
	Rebuilds []Rebuild
	// Missing says what can't be told, and why.
	Missing []string
}

// Reader is how far a group of workers has come in the topics that it reads.
type Reader struct {
	// Off says why nothing reads here, in a few words, such as "no store"; empty: something should.
	Off string
	// Known says that it has committed offsets, or there is nothing to read.
	Known bool
	// Next are the offsets that it has come to, added up. Waiting is how many there are from there to the
	// ends.
	Next, Waiting int64
	// Oldest is the time of the oldest record that waits; zero: none does, or it is not known yet.
	Oldest time.Time
	// Counted says that the group could be asked who is in it. Workers are its members, Partitions those of
	// its topic, Owned those that a member has, Followed those that another member has a copy of.
	Counted                              bool
	Workers, Partitions, Owned, Followed int
	// Owners are those that answer for the partitions, if that is known.
	Owners []Owner
	// Held is how many partitions this pod holds: it handles nothing more of them.
	Held int
	// Build names what readers of a read model see, Filling is how much of the next one is there, from 0 to
	// 1; negative: none is being filled.
	Build   string
	Filling float64
}

// Owner is a pod, and how many partitions it answers for.
type Owner struct {
	Name       string
	Partitions int
}

// Letters are dead letters.
type Letters struct {
	Known bool
	Count int64
}

// Pod is what a worker says of its readiness.
type Pod struct {
	Name string
	Here bool
	// Wrong is what is not ready, by the names of the checks; Fault says why it could not be asked.
	Wrong []Check
	Fault string
}

// Check is a check that failed.
type Check struct{ Name, Detail string }

// Rebuild is one on its way.
type Rebuild struct {
	What string  // "the table of accounts"
	Path string  // of the page about it
	Done float64 // from 0 to 1; negative: not known
}
