package rebuild

import (
	"context"
	"time"
)

// progressReporter writes the progress of one partition to the topic, at limited rate.
type progressReporter struct {
	coordinator *Coordinator
	key         key
	began       time.Time
	written     time.Time // the last record
	stage       Stage
	reason      string
}

func newProgressReporter(c *Coordinator, r Request, partition int32) *progressReporter {
	return &progressReporter{
		coordinator: c, key: key{group: c.Group, request: r.ID, partition: partition},
		began: time.Now().UTC(),
	}
}

// stamp adds the worker and the time.
func (r *progressReporter) stamp(p PartitionProgress) PartitionProgress {
	p.Worker, p.FoldVersion = r.coordinator.Worker, r.coordinator.FoldVersion
	p.Began, p.Updated = r.began, time.Now().UTC()
	return p
}

// report writes p if the stage or the reason has changed, or if CoordinatorConfig.ReportInterval has passed.
// A record that can't be written is left out: later ones follow.
func (r *progressReporter) report(ctx context.Context, p PartitionProgress) {
	c := r.coordinator
	c.Metrics.progress(c.Group, r.key.partition, p)
	if p.Stage == r.stage && p.Reason == r.reason && time.Since(r.written) < c.ReportInterval {
		return
	}
	r.stage, r.reason, r.written = p.Stage, p.Reason, time.Now()
	if err := c.Topic.put(ctx, map[key]any{r.key: r.stamp(p)}); err != nil && ctx.Err() == nil {
		c.Logger.Warn("reporting the progress of a rebuild", "error", err)
	}
}

// reportLast writes p, and tries again until that succeeds or ctx ends.
func (r *progressReporter) reportLast(ctx context.Context, p PartitionProgress) {
	for ctx.Err() == nil {
		err := r.coordinator.Topic.put(ctx, map[key]any{r.key: r.stamp(p)})
		if err == nil {
			return
		}
		r.coordinator.Logger.Warn("reporting the end of a rebuild", "error", err)
		pause(ctx, r.coordinator.Retry)
	}
}
