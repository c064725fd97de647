package views

import (
	"context"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Copies are the copies of a topic's partitions that Owned placement keeps: by their owner, or by a
// standby, which follows the topic, so that it has little to read when it becomes the owner.
type Copies struct {
	Topic string
	// Open returns the copy of a partition for a standby, still to be opened; when ctx ends, so does its
	// restore. It must be closed before [Views.Begin] makes the partition this process's.
	Open func(ctx context.Context, partition int32) (Copy, error)
}

// Copy is the copy of a partition in the hands of a standby. Readers don't see it.
type Copy interface {
	Open() error
	Close() error
	Apply(records ...*kgo.Record) error
	GetOffset(byDefault int64) (int64, error)
	Damaged() <-chan struct{}
}

// Copies returns what Owned placement keeps of an aggregate beside its table; nothing in another placement.
func (v *Views) Copies(aggregate string) []Copies {
	a := v.Aggregate(aggregate)
	if a == nil || a.holding == nil {
		return nil
	}
	all := make([]Copies, 0, len(a.holding.lives))
	for _, l := range a.holding.lives {
		all = append(all, Copies{Topic: l.topic, Open: l.openStandby})
	}
	return all
}

func (l *live) openStandby(ctx context.Context, partition int32) (Copy, error) {
	part, err := l.open(ctx, l.topic, partition, l.project)
	if err != nil {
		return nil, err
	}
	return &standby{part, l, partition}, nil
}

// standby is a copy from which what is too old is dropped, as from that of an owner.
type standby struct {
	copied

	live      *live
	partition int32
}

func (s *standby) Open() error {
	if err := s.copied.Open(); err != nil {
		return err //nolint:wrapcheck // it says which store
	}
	s.live.follow(s.partition, s.copied)
	return nil
}

func (s *standby) Close() error {
	s.live.follow(s.partition, nil)
	return s.copied.Close() //nolint:wrapcheck // never fails
}

// follow notes the copy that a standby has of a partition, nil for none.
func (l *live) follow(partition int32, part follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.followed == nil {
		l.followed = make(map[int32]follower)
	}
	if l.followed[partition] = part; part == nil {
		delete(l.followed, partition)
	}
}

// Owned returns which partitions of an aggregate this process has the read side of, in order; none in another
// placement.
func (v *Views) Owned(aggregate string) []int32 {
	a := v.Aggregate(aggregate)
	if a == nil || a.holding == nil {
		return nil
	}
	return a.holding.partitions()
}
