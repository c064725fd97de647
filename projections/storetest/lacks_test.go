package storetest

import (
	"context"
	"slices"
	"testing"

	"refold/projections"
	"refold/projections/memory"
)

// A store that lacks what a store may lack passes.
func TestRun_lacks(t *testing.T) {
	open := func(*testing.T) projections.Store { return poor{&memory.Store{}} }
	Run(t, open, NoMerge, NoOneStep, NoOneMoment)
}

// poor is a store that can't merge, and whose views are of no moment.
type poor struct{ *memory.Store }

func (p poor) Begin(
	ctx context.Context, project *projections.Projection, b projections.Build, anew bool,
) (projections.Build, error) {
	if slices.ContainsFunc(project.Tables, (*projections.Table).Sums) {
		return projections.Build{}, projections.ErrCantMerge
	}
	return p.Store.Begin(ctx, project, b, anew)
}

func (p poor) Open(
	ctx context.Context, project *projections.Projection, number int,
) (projections.OpenBuild, error) {
	build, err := p.Store.Open(ctx, project, number)
	return poorBuild{build}, err
}

type poorBuild struct{ projections.OpenBuild }

func (p poorBuild) Write(ctx context.Context, batch *projections.Batch) error {
	merges := func(c projections.Change) bool { return c.Op == projections.OpMerge }
	if slices.ContainsFunc(batch.Changes, merges) {
		return projections.ErrCantMerge
	}
	return p.OpenBuild.Write(ctx, batch)
}

func (p poorBuild) Look(ctx context.Context, look func(projections.View) error) error {
	return p.OpenBuild.Look(ctx, func(v projections.View) error { return look(poorView{v}) })
}

type poorView struct{ projections.View }

func (poorView) OfOneMoment() bool { return false }
