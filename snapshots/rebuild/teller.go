package rebuild

import (
	"context"
	"time"
)

// teller writes the progress of one partition to the topic, not too often.
type teller struct {
	keeper *Keeper
	key    key
	began  time.Time
	told   time.Time
	stage  Stage
	reason string
}

func newTeller(k *Keeper, r Request, p int32) *teller {
	return &teller{
		keeper: k, key: key{group: k.Group, request: r.ID, partition: p}, began: time.Now().UTC(),
	}
}

// stamp adds who tells it and when.
func (t *teller) stamp(p Progress) Progress {
	p.Worker, p.FoldVersion = t.keeper.Worker, t.keeper.FoldVersion
	p.Began, p.Updated = t.began, time.Now().UTC()
	return p
}

// tell writes it if it is another stage or reason than the last, or if some time has passed. What can't be
// written is left out: there is more to come.
func (t *teller) tell(ctx context.Context, p Progress) {
	t.keeper.Metrics.progress(t.keeper.Group, t.key.partition, p)
	if p.Stage == t.stage && p.Reason == t.reason && time.Since(t.told) < t.keeper.Report {
		return
	}
	t.stage, t.reason, t.told = p.Stage, p.Reason, time.Now()
	if err := t.keeper.Topic.put(ctx, map[key]any{t.key: t.stamp(p)}); err != nil && ctx.Err() == nil {
		t.keeper.Logger.Warn("telling how far a refold is", "error", err)
	}
}

// last writes it, until that succeeds or ctx ends.
func (t *teller) last(ctx context.Context, p Progress) {
	for ctx.Err() == nil {
		err := t.keeper.Topic.put(ctx, map[key]any{t.key: t.stamp(p)})
		if err == nil {
			return
		}
		t.keeper.Logger.Warn("telling how a refold has ended", "error", err)
		pause(ctx, t.keeper.Pause)
	}
}
