package load

import (
	"context"
	"sync"
)

// lanes keep the commands about one thing close together: a command begins only when all of its lane's
// but its last few predecessors are answered. A row remembers its latest commands only (16 by
// default); a command that is asked again after more than that would count twice, and the load
// would have made its own mistake. Nothing begins before a lane's opening is answered.
type lanes struct {
	width int

	mu     sync.Mutex
	byName map[string]*lane // those with something under way
}

// lane is one of the lanes.
type lane struct {
	name      string
	next, low int              // the next number; all below low are answered
	answered  map[int]struct{} // above low
	opening   bool
	moved     chan struct{} // closed when low has moved
}

// place is one command's in its lane.
type place struct {
	lanes  *lanes
	lane   *lane
	number int
	opens  bool
}

func newLanes(width int) *lanes { return &lanes{width: width, byName: make(map[string]*lane)} }

// enter returns the lane's next place. The order of the calls is the order of the commands.
func (l *lanes) enter(name string, opens bool) place {
	l.mu.Lock()
	defer l.mu.Unlock()
	in := l.byName[name]
	if in == nil {
		in = &lane{
			name: name, answered: make(map[int]struct{}), moved: make(chan struct{}),
		}
		l.byName[name] = in
	}
	in.opening = in.opening || opens
	in.next++
	return place{l, in, in.next - 1, opens}
}

// wait waits until the command may begin, and reports whether ctx went on meanwhile.
func (p place) wait(ctx context.Context) bool {
	for {
		moved := p.blocked()
		if moved == nil {
			return true
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return false
		}
	}
}

// blocked returns nil if the command may begin, or what is closed when that may have changed.
func (p place) blocked() <-chan struct{} {
	p.lanes.mu.Lock()
	defer p.lanes.mu.Unlock()
	switch {
	case p.lane.opening && !p.opens:
		return p.lane.moved
	case p.number >= p.lane.low+p.lanes.width:
		return p.lane.moved
	}
	return nil
}

// leave notes that the command is answered.
func (p place) leave() {
	p.lanes.mu.Lock()
	defer p.lanes.mu.Unlock()
	in := p.lane
	if p.opens {
		in.opening = false
	}
	in.answered[p.number] = struct{}{}
	for {
		if _, is := in.answered[in.low]; !is {
			break
		}
		delete(in.answered, in.low)
		in.low++
	}
	close(in.moved)
	in.moved = make(chan struct{})
	if in.low == in.next {
		delete(p.lanes.byName, in.name)
	}
}
