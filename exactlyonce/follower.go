package exactlyonce

import "refold/kafka"

// Follower keeps the local stores of partitions that other members of the group own: as a standby, which
// takes a partition over by reading the tail that it lacks, or until it is warm enough to own it.
type Follower interface {
	// Topics are those whose partitions are kept in local stores, by owners and by standbys.
	Topics() []string

	// Kept calls each with the partitions of Topics that are in a local store, whoever keeps it now: next is
	// the offset after the last record that it has, behind how many records are known to be missing. It is
	// called whenever the group is joined, after a first call that may take some seconds.
	Kept(each func(at kafka.TopicPartition, next, behind int64))

	// Follow has exactly these partitions followed from now on. It returns when the stores of all others are
	// closed, so that their owner may open them. It is called before a session's stores are opened, and when
	// those of the session before are closed.
	Follow(partitions []int32)

	// Lag returns how many records are missing of a partition that is followed, -1 if that is not known yet.
	Lag(partition int32) int64
}

// keepsNothing is the Follower of a worker that has none.
type keepsNothing struct{}

func (keepsNothing) Topics() []string                                       { return nil }
func (keepsNothing) Kept(func(at kafka.TopicPartition, next, behind int64)) {}
func (keepsNothing) Follow([]int32)                                         {}
func (keepsNothing) Lag(int32) int64                                        { return -1 }
