package projector

import (
	"maps"
	"slices"
	"time"

	"refold/projections"
)

// standing is how a projection stands in this process. A program may have two versions of one.
type standing struct {
	projection string
	// builds counts those that the store has, by status; nil: the store has not said yet.
	builds map[projections.Status]int
	// waiting is how many builds an operator has to make live.
	waiting int
	// fault is how long the oldest fault has lasted.
	fault   time.Duration
	running []running
}

// standing returns how all projections stand, in no order.
func (p *Projector) standing() []*standing {
	p.mu.Lock()
	ends := p.known
	p.mu.Unlock()
	all := make(map[string]*standing)
	for _, one := range p.projections {
		s := all[one.of.Projection.Name]
		if s == nil {
			s = &standing{projection: one.of.Projection.Name}
			all[s.projection] = s
		}
		one.stand(s)
		s.running = append(s.running, one.running(ends)...)
	}
	return slices.Collect(maps.Values(all))
}

// stand adds what the projection's runner knows.
func (r *runner) stand(s *standing) {
	s.fault = max(s.fault, r.health.longest())
	for _, m := range r.members() {
		s.fault = max(s.fault, m.health.longest())
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.waiting != 0 {
		s.waiting++
	}
	if r.seen == nil {
		return
	}
	s.builds = make(map[projections.Status]int)
	for _, b := range r.seen {
		s.builds[b.Status]++
	}
}
