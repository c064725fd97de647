package worker

import (
	"context"

	"refold/exactlyonce"
)

// owned joins the engine of an aggregate and the read side of the partitions that it processes, which
// don't know each other: the copies begin when a session is prepared, and take in what each transaction
// has made visible. The function that it returns lets readers in, for as long as a session runs.
func (w *Worker) owned(
	engine *exactlyonce.Config, aggregate string,
) (during func(ctx context.Context, s exactlyonce.Session)) {
	switch {
	case !w.config.Views.Enabled:
		return func(context.Context, exactlyonce.Session) {}
	case !w.isOwned():
		return func(ctx context.Context, s exactlyonce.Session) {
			w.hold(aggregate, s.Generation(), s.Partitions())
			<-ctx.Done()
			w.hold(aggregate, s.Generation(), nil)
		}
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
	return func(ctx context.Context, s exactlyonce.Session) {
		// Others may ask as soon as they are told, and come again only at the next announcement if they are
		// sent away: so they are told afterwards.
		w.views.Own(ctx, aggregate, s, func() { w.hold(aggregate, s.Generation(), s.Partitions()) })
		w.hold(aggregate, s.Generation(), nil)
	}
}
