package worker

import (
	"context"

	"refold/exactlyonce"
	"refold/views"
)

// owned joins the engine of an aggregate and the read side of the partitions that it processes, which
// don't know each other: the copies begin when a session is prepared, and take in what each transaction
// has made visible. The function that it returns lets readers in, for as long as a session runs.
func (w *Worker) owned(
	engine *exactlyonce.Config, aggregate string,
) (during func(ctx context.Context, s exactlyonce.Session)) {
	if !w.config.Views.Enabled || placement(w.config.Views) != views.Owned {
		return func(context.Context, exactlyonce.Session) {}
	}
	prepare := engine.Prepare
	engine.Prepare = func(ctx context.Context, partitions []int32) error {
		if err := prepare(ctx, partitions); err != nil {
			return err
		}
		w.views.Begin(aggregate, partitions)
		return nil
	}
	engine.Committed = func(c exactlyonce.Commit) { w.views.Committed(aggregate, c) }
	return func(ctx context.Context, s exactlyonce.Session) { w.views.Own(ctx, aggregate, s) }
}
