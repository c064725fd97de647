package compare

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/eventsourcing"
	"refold/fold"
	"refold/kafka"
	"refold/processors"
	"refold/projections"
)

// lookups are the states that events look up, by the events that they are as of: those of a stretch of the
// partitions that are folded one after the other, as long as they fit in memory. They are folded from the
// log, and not read from the store, whose states may be wrong.
type lookups struct {
	run     *run
	planned []stretch // what is folded, in this order
	covered map[projections.Partition]stretch
	states  map[asOf]any // nil: it is not found yet
}

// stretch is a part of a partition.
type stretch struct {
	projections.Partition
	from, to int64
}

// asOf names a state of the source at a position.
type asOf struct {
	source int
	ref    eventsourcing.EventRef
}

// plan says what is folded next.
func (l *lookups) plan(all []stretch) { l.planned, l.covered, l.states = all, nil, nil }

// findOf returns what gives a source the states that it looks up; nil if it looks up none.
func (l *lookups) findOf(source *projections.OpenSource) projections.Find {
	if source.References == nil {
		return nil
	}
	return func(ref eventsourcing.EventRef) (any, error) {
		if state := l.states[asOf{source.LooksUp, ref}]; state != nil {
			return state, nil
		}
		return nil, projections.NotFound(l.run.Sources[source.LooksUp].Name, ref, 0)
	}
}

// cover finds the states that the events of a partition look up from an offset on, and returns up to where
// there was room for them; to at most.
func (l *lookups) cover(ctx context.Context, p projections.Partition, from, to int64) (int64, error) {
	if l.run.sources[p.Topic].References == nil {
		return to, nil
	}
	if s, is := l.covered[p]; is && s.from <= from && from < s.to {
		return min(s.to, to), nil
	}
	l.covered, l.states = make(map[projections.Partition]stretch), make(map[asOf]any)
	all := []stretch{{p, from, to}}
	for i, s := range l.planned {
		if s.Partition == p {
			all = append(all, l.planned[i+1:]...)
		}
	}
	for _, s := range all {
		if of := l.run.sources[s.Topic]; of == nil || of.References == nil {
			continue
		}
		reached, err := l.collect(ctx, s)
		if err != nil {
			return 0, fmt.Errorf("read what %s/%d looks up: %w", s.Topic, s.Partition.Partition, err)
		}
		l.covered[s.Partition] = stretch{s.Partition, s.from, reached}
		if reached < s.to {
			break
		}
	}
	return l.covered[p].to, l.foldAll(ctx)
}

// collect notes what the events of a stretch look up, and returns up to where there was room.
func (l *lookups) collect(ctx context.Context, s stretch) (reached int64, err error) {
	source := l.run.sources[s.Topic]
	reached = s.to
	err = l.run.read(ctx, s.Partition, s.from, s.to, func(r *kgo.Record) error {
		event, err := decode(ctx, source, r)
		if err != nil {
			return unlessPoison(err)
		}
		for _, ref := range source.References(string(r.Key), event) {
			l.states[asOf{source.LooksUp, ref}] = nil
		}
		if len(l.states) >= l.run.States {
			reached = r.Offset + 1
			return errEnough
		}
		return nil
	}, func(int64) {})
	return reached, err
}

// foldAll folds the events that lead to the states.
func (l *lookups) foldAll(ctx context.Context) error {
	wanted := make(map[int]int)
	for at := range l.states {
		wanted[at.source]++
	}
	for source, n := range wanted {
		of := l.run.Sources[source]
		topic := processors.NewTopics(l.run.TopicPrefix, of.Name, of.Plural).Events
		listed, err := kadm.NewClient(l.run.client).ListCommittedOffsets(ctx, topic)
		if err == nil {
			err = listed.Error()
		}
		if err != nil {
			return fmt.Errorf("ask where %s ends: %w", topic, err)
		}
		for number, end := range listed[topic] {
			p := projections.Partition{Topic: topic, Partition: number}
			if err := l.fold(ctx, source, p, end.Offset, &n); err != nil {
				return fmt.Errorf("fold %s/%d, which is looked up: %w", topic, number, err)
			}
		}
	}
	return nil
}

// fold folds a partition up to an offset, or until no more of n states are missing.
func (l *lookups) fold(
	ctx context.Context, source int, p projections.Partition, to int64, n *int,
) error {
	of := l.run.Sources[source]
	subjects := make(map[string]any)
	for at := range l.states {
		if at.source == source {
			subjects[at.ref.Subject] = nil
		}
	}
	return l.run.read(ctx, p, 0, to, func(r *kgo.Record) error {
		if *n == 0 {
			return errEnough
		}
		subject := string(r.Key)
		before, is := subjects[subject]
		if !is {
			return nil
		}
		event, err := decode(ctx, of, r)
		if err != nil {
			return unlessPoison(err)
		}
		state, _, err := of.Apply(before, subject, event, l.findOf(of))
		if state == nil {
			return unlessPoison(err)
		}
		subjects[subject] = state
		at := asOf{source, eventsourcing.EventRef{Subject: subject, Sequence: of.Sequence(state)}}
		if _, is := l.states[at]; !is {
			return nil
		}
		kept, err := of.Keeps(event)
		if err == nil && kept {
			l.states[at], err = of.Copied(state)
		}
		*n--
		return unlessPoison(err)
	}, func(int64) {})
}

// unlessPoison returns an error that is a fault.
func unlessPoison(err error) error {
	if fold.CodeOf(err) != "" {
		return nil
	}
	return err
}

// decode decodes an event, and retries faults until ctx ends.
func decode(ctx context.Context, source *projections.OpenSource, record *kgo.Record) (any, error) {
	for backoff := leastBackoff; ; backoff = min(2*backoff, mostBackoff) {
		event, err := source.Decode(record)
		if err == nil || fold.CodeOf(err) != "" {
			return event, err
		}
		if !kafka.Sleep(ctx, backoff) {
			return nil, err
		}
	}
}
