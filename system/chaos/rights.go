//go:build system

package main

import (
	"context"
	"time"

	"refold/system/chaos/schedule"
	"refold/system/realkafka"
)

// user is whom all workers authenticate as.
const user = "worker"

// takeRight takes a right from the workers for a while, and gives it back.
func (p *performance) takeRight(ctx context.Context, f schedule.Fault) error {
	right, err := realkafka.ParseRight(f.Target)
	if err != nil {
		return err //nolint:wrapcheck // it says what a right is
	}
	p.begins(f)
	alone := p.alone()
	if err := p.persist(ctx, func() error { return p.admin.Take(ctx, user, right) }); err != nil {
		return err
	}
	saw := p.watch(ctx, time.Duration(f.Lasts), "AUTHORIZATION", "not authorized")
	if err := p.persist(ctx, func() error { return p.admin.GiveBack(ctx, user, right) }); err != nil {
		return err
	}
	p.noticed(f, saw, alone())
	return nil
}
