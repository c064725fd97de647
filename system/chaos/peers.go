//go:build system

package main

import (
	"context"
	"time"

	"refold/system/chaos/schedule"
)

// ofPeers does something to the way of other pods to one. Faults of the pod itself may come meanwhile, and
// end it earlier.
func (p *performance) ofPeers(ctx context.Context, f schedule.Fault) {
	w := p.worker(f.Target)
	if w == nil {
		return
	}
	p.begins(f)
	const leastDelay, delays = 20 * time.Millisecond, 10
	switch half := f.Choice%2 == 0; {
	case f.Kind == schedule.CutPeers && half:
		w.peers.LoseAnswers()
	case f.Kind == schedule.CutPeers:
		w.peers.Break()
	case f.Kind == schedule.HangPeers && half:
		w.peers.CutAnswers()
	case f.Kind == schedule.HangPeers:
		w.peers.Cut()
	default:
		w.peers.Delay(leastDelay * time.Duration(1+f.Choice%delays))
	}
	pause(ctx, time.Duration(f.Lasts))
	w.peers.Heal()
}

// hide lets other pods find the address of a pod that was killed in one of the ways there are: connections
// are refused, broken off, or not answered.
func (w *worker) hide(choice uint64) {
	const ways = 3
	switch choice % ways {
	case 0:
		w.peers.Refuse()
	case 1:
		w.peers.Cut()
	default: // the path stays, and breaks each connection off
	}
}

// killAnswering kills a pod as soon as an answer to another pod is on its way, which then gets none.
func (p *performance) killAnswering(ctx context.Context, w *worker) {
	const within = 5 * time.Second
	caught := w.peers.CatchAnswer()
	select {
	case <-caught:
		p.count("killed-answering")
	case <-time.After(within): // it may own nothing, or not be reached
		p.say("  %s has answered no other pod within %v", w.name, within)
	case <-ctx.Done():
	}
	w.kill()
	w.peers.LoseAnswers()
}

// loseAddress starts a pod anew with an address where other pods find nobody, or another program, and later
// with its own.
func (p *performance) loseAddress(ctx context.Context, f schedule.Fault, w *worker) error {
	address := p.nowhere
	if f.Choice%2 == 0 {
		address = p.gatekeeper.address
	}
	w.kill()
	if err := w.startAt(address); err != nil {
		return err
	}
	if err := w.waitReady(ctx, backWithin); err != nil && ctx.Err() == nil {
		p.say("  %s is not ready %v after it has lost its address: %v", w.name, backWithin, err)
	}
	pause(ctx, time.Duration(f.Lasts))
	if f.Choice/2%2 == 0 {
		w.kill()
	} else {
		p.stop(w)
	}
	return w.start()
}
