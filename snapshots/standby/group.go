package standby

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"refold/kafka"
)

// GroupOptions describe a group of consumers whose partitions are followed.
type GroupOptions struct {
	Name   string
	Topics []Topic // whose partitions of one number belong together
	// Partitions returns how many partitions each topic has; 0: that is not known yet.
	Partitions func() int32
	// Fit returns why partitions may not be opened: their topics are not those that they were. Nil: all fit.
	Fit func(ctx context.Context, partitions []int32) (unfit map[int32]error, err error)
}

// Group follows partitions of one group. It is an exactlyonce.Follower.
type Group struct {
	of      *Standbys
	options GroupOptions
	log     *slog.Logger

	following sync.Mutex // one Follow at a time; taken before mu

	mu     sync.Mutex
	copies map[kafka.TopicPartition]*copied

	fitting sync.Mutex
	fitted  map[int32]time.Time // when a partition was last seen to fit
}

// Group returns a group that follows nothing yet.
func (s *Standbys) Group(o GroupOptions) *Group {
	return &Group{
		of: s, options: o, log: s.options.Logger.With("group", o.Name),
		copies: make(map[kafka.TopicPartition]*copied), fitted: make(map[int32]time.Time),
	}
}

// Topics are those whose partitions are kept.
func (g *Group) Topics() []string {
	names := make([]string, len(g.options.Topics))
	for i := range g.options.Topics {
		names[i] = g.options.Topics[i].Name
	}
	return names
}

// Kept calls each with the partitions that are in a local store. A store that can't be looked at is left out.
func (g *Group) Kept(each func(at kafka.TopicPartition, next, behind int64)) {
	for i := range g.options.Topics {
		topic := &g.options.Topics[i]
		for p := range g.options.Partitions() {
			at := kafka.TopicPartition{Topic: topic.Name, Partition: p}
			next, err := topic.Next(p)
			if err != nil {
				g.log.Warn("a store is taken for empty", "topic", at.Topic, "partition", p, "error", err)
				continue
			}
			if next > 0 {
				each(at, next, max(g.lag(at), 0))
			}
		}
	}
}

// Follow has exactly these partitions followed from now on. It returns when the stores of all others are
// closed. Those of these partitions are opened in the background.
func (g *Group) Follow(partitions []int32) {
	g.following.Lock()
	defer g.following.Unlock()
	for _, c := range g.letGo(partitions) {
		<-c.done
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, p := range partitions {
		for i := range g.options.Topics {
			topic := &g.options.Topics[i]
			at := kafka.TopicPartition{Topic: topic.Name, Partition: p}
			if g.copies[at] != nil {
				continue
			}
			if c := newCopied(g, topic, p); g.of.start(c.run) {
				g.copies[at] = c
			}
		}
	}
}

// letGo ends the copies of other partitions, and returns them.
func (g *Group) letGo(kept []int32) (ended []*copied) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for at, c := range g.copies {
		if !slices.Contains(kept, at.Partition) {
			c.cancel()
			ended = append(ended, c)
			delete(g.copies, at)
		}
	}
	return ended
}

// Lag returns how many offsets are missing of a partition that is followed, of all topics together; -1 if
// that is not known, as while a store is being restored.
func (g *Group) Lag(partition int32) int64 {
	sum := int64(0)
	for i := range g.options.Topics {
		lag := g.lag(kafka.TopicPartition{Topic: g.options.Topics[i].Name, Partition: partition})
		if lag < 0 {
			return -1
		}
		sum += lag
	}
	return sum
}

func (g *Group) lag(at kafka.TopicPartition) int64 {
	g.mu.Lock()
	c := g.copies[at]
	g.mu.Unlock()
	if c == nil {
		return -1
	}
	return c.lag()
}

// fitAge is how long a partition is taken to fit after it did: its copies are opened one after the other.
const fitAge = 5 * time.Second

// fits returns why a partition may not be opened.
func (g *Group) fits(ctx context.Context, partition int32) error {
	g.fitting.Lock()
	defer g.fitting.Unlock()
	if g.options.Fit == nil || time.Since(g.fitted[partition]) < fitAge {
		return nil
	}
	unfit, err := g.options.Fit(ctx, []int32{partition})
	if err == nil {
		err = unfit[partition]
	}
	if err != nil {
		return fmt.Errorf("partition %d is not followed: %w", partition, err)
	}
	g.fitted[partition] = time.Now()
	return nil
}
