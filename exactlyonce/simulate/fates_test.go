package simulate_test

import (
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// fate decides what becomes of a request, and lets happen what the schedule has for it.
func (p *process) fate(key int16) (result fate) {
	s, at := p.of.simulation, request{p.of.index, key}
	now := s.next(at)
	result.takes = s.nextLatency(at)
	p.mu.Lock()
	defer p.mu.Unlock()
	result.held = max(0, time.Until(p.frozen))
	switch key {
	case kmsg.Heartbeat.Int16():
		result.held = max(result.held, time.Until(p.deaf))
		fallthrough
	case kmsg.JoinGroup.Int16(), kmsg.SyncGroup.Int16():
		sent := time.Now()
		result.answered = func() { p.isMember(sent) }
	}
	for _, f := range now {
		p.happens(f, &result)
	}
	return result
}

func (p *process) happens(f fault, to *fate) {
	s := p.of.simulation
	s.logger.Warn("fault", "fault", f.String())
	switch f.kind {
	case requestLost:
		to.lost = true
	case answerLost:
		to.answerLost = true
	case requestHeld:
		to.held = f.lasts
	case zombie:
		to.held, p.deaf = f.lasts, time.Now().Add(f.lasts)
	case refused:
		refusal := kfake.Fault{Keys: []kmsg.Key{f.key}, Err: f.err, When: ours}
		s.mu.Lock()
		s.refusals = append(s.refusals, s.cluster.Fault(refusal))
		s.mu.Unlock()
	case crashBefore:
		to.lost = true
		p.crash(f)
	case crashAfter:
		to.answered = func() { p.crash(f) }
	case stopped:
		p.leave(departure{after: f.lasts})
		p.stop()
	case slow:
		p.slow, p.deaf = time.Now().Add(f.lasts), time.Now().Add(f.lasts)
	case cut:
		p.hangUp(time.Now().Add(f.lasts))
	case allCut:
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, p := range s.alive {
			p.hangUp(time.Now().Add(f.lasts))
		}
	case leadersMove:
		s.mu.Lock()
		s.leader = (s.leader + 1) % int32(s.brokers)
		leader := s.leader
		s.mu.Unlock()
		s.lead(leader)
	case coordinatorsMove:
		s.cluster.RehashCoordinators()
	case forbidden:
		s.forbid(f)
	case remade:
		p.loseTable(f, to)
	case ownerDies, ownerDiesLater, forwardLost, forwardHeld, nowhere, twoOwners, oldDirectory, kinds:
	}
}

// fateAside is fate of what the schedule does not count.
func (p *process) fateAside(key int16) fate {
	const aside = 100 // no worker has this number
	return fate{takes: p.of.nextLatency(request{aside + p.of.index, key})}
}

// next counts a request, and returns the faults that the schedule has for it.
func (s *simulation) next(at request) (now []fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[at]++
	for i, f := range s.faults {
		if f.worker == at.worker && f.key.Int16() == at.key && f.nth == s.seen[at] {
			s.happened[i] = true
			now = append(now, f)
		}
	}
	return now
}

// nextLatency is latency of the next request of a kind.
func (s *simulation) nextLatency(at request) time.Duration {
	s.mu.Lock()
	s.sent[at]++
	n := s.sent[at]
	s.mu.Unlock()
	return s.latency(at, n)
}

// isMember notes that the group has answered a request that was sent then.
func (p *process) isMember(sent time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if until := sent.Add(sessionTimeout); until.After(p.lease) {
		p.lease = until
	}
}

// hangUp breaks all connections to brokers, and there will be none until some time.
func (p *process) hangUp(until time.Time) {
	p.wire.hangUp(until)
	p.aside.hangUp(until)
}

// callback is called at the beginning of each of the graph's.
func (p *process) callback() {
	p.handled.Add(1)
	p.mu.Lock()
	until := p.slow
	p.slow = time.Time{}
	p.mu.Unlock()
	if !until.IsZero() {
		<-time.After(time.Until(until))
	}
}

// ours leaves the producer of the input alone, which uses no transactions.
func ours(r kmsg.Request) bool {
	switch r := r.(type) {
	case *kmsg.ProduceRequest:
		return r.TransactionID != nil
	case *kmsg.InitProducerIDRequest:
		return r.TransactionalID != nil
	}
	return true
}
