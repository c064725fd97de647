package exactlyonce

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kerr"

	"refold/exactlyonce/machine"
	"refold/kafka"
)

// topics is what brokers tell about topics.
type topics struct {
	partitions map[string]int32    // how many
	ids        map[string][16]byte // newer offset requests name topics by these
}

// describeTopics asks a broker about topics. The error names those that the broker gave an error for; it
// wraps kerr.UnknownTopicOrPartition if one does not exist. The others are in the result.
func (e *engine) describeTopics(ctx context.Context, names ...string) (topics, error) {
	t := topics{make(map[string]int32, len(names)), make(map[string][16]byte, len(names))}
	described, err := kafka.DescribeTopics(ctx, e.admin, names...)
	if err != nil {
		return t, err
	}
	var wrong []error
	for name, topic := range described {
		if topic.Err != nil {
			wrong = append(wrong, fmt.Errorf("topic %s: %w", name, topic.Err))
			continue
		}
		t.partitions[name], t.ids[name] = topic.Partitions, topic.ID
	}
	return t, errors.Join(wrong...)
}

// checkPartitions compares the partition counts of topics that belong together, before a session begins. A
// topic that has more partitions than the others ends the Processor: a new session would get the new
// partition, which has no table, and a key's records would be divided among two owners. A topic that the
// graph does not use may be missing.
func (r *run) checkPartitions(ctx context.Context) error {
	own := slices.Concat(r.inputs, r.engine.joins)
	if r.engine.table != "" {
		own = append(own, r.engine.table)
	}
	counts, err := r.engine.describeTopics(ctx, own...)
	if err != nil {
		return fmt.Errorf("look up the partitions of topics: %w", err)
	}
	others, err := r.engine.describeTopics(ctx, r.engine.cfg.Copartitioned...)
	if err != nil && !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return fmt.Errorf("look up the partitions of topics: %w", err)
	}
	maps.Copy(counts.partitions, others.partitions)
	if _, err := kafka.SamePartitions(counts.partitions); err != nil {
		return &machine.FatalError{Err: err}
	}
	return nil
}

// refreshTopics checks whether topics were replaced, and whether they got more partitions. New partitions of
// outputs are used from the next batch on; topics that belong together must not get any (see
// checkPartitions).
func (r *run) refreshTopics(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, r.engine.cfg.Kafka.RequestTimeout)
	running := r.running
	r.work.Go(func() {
		defer cancel()
		var err error
		if running != nil {
			err = running.checkFitAgain(ctx)
		}
		if err == nil {
			err = r.checkPartitions(ctx)
		}
		switch {
		case machine.IsFatal(err):
			r.post(func() { r.do(r.machine.TopicsChanged(err)) })
			return
		case errors.Is(err, errFitsAgain):
			r.post(func() {
				if r.session == running {
					r.do(r.machine.InputLost(err))
				}
			})
			return
		}
		found, asked := r.engine.describeTopics(ctx, r.engine.writes...)
		if err := errors.Join(err, asked); err != nil {
			r.engine.log.Warn("look up the partitions of topics", "error", err)
			return
		}
		r.post(func() {
			if !maps.Equal(found.partitions, r.outputPartitions(r.topics.partitions)) {
				maps.Copy(r.topics.partitions, found.partitions)
				r.grown = found.partitions
				// Otherwise producers refuse the new partitions for up to kafka.MetadataMaxAge.
				for _, p := range r.producers {
					p.client.ForceMetadataRefresh()
				}
			}
		})
	})
}

// outputPartitions picks the topics that callbacks may emit to.
func (r *run) outputPartitions(all map[string]int32) map[string]int32 {
	counts := make(map[string]int32, len(r.engine.writes))
	for _, topic := range r.engine.writes {
		counts[topic] = all[topic]
	}
	return counts
}
