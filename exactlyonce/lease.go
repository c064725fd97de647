package exactlyonce

import (
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// lease is how long the group certainly counts a worker as a member: the session time-out, from the
// moment at which the last request was sent that the coordinator has answered. The coordinator counts
// from when it got that request, which is later, so that it never gives a partition to another worker
// before the lease is over.
//
// A worker that was stopped for longer than the time-out, and goes on, does not know yet that it has been
// replaced. It may read from its local stores before its client hears of it: the lease tells it not to.
type lease struct {
	timeout time.Duration
	now     func() time.Time

	mu    sync.Mutex
	until time.Time
	doubt bool // it was over once; the next heartbeat alone does not renew it
}

var _ kgo.HookBrokerE2E = (*lease)(nil)

func newLease(timeout time.Duration) *lease { return &lease{timeout: timeout, now: time.Now} }

// OnBrokerE2E notes answers of the group's coordinator.
func (l *lease) OnBrokerE2E(_ kgo.BrokerMetadata, key int16, e2e kgo.BrokerE2E) {
	if e2e.Err() != nil {
		return
	}
	switch kmsg.Key(key) {
	case kmsg.JoinGroup, kmsg.SyncGroup:
		l.answered(e2e.DurationE2E(), true)
	case kmsg.Heartbeat:
		l.answered(e2e.DurationE2E(), false)
	default:
	}
}

// answered renews the lease by an answer to a request that was sent so long ago. What the answer says is
// not known here. A heartbeat may have been refused: the client then sends none any more, and joins
// again. So the first heartbeat after a lease that was over says nothing, and the second says that the
// first was taken. While the lease goes on, a heartbeat can't be refused as that of a stranger; refused
// for a rebalance, it is that of a member all the same.
func (l *lease) answered(ago time.Duration, joined bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	switch {
	case joined:
		l.doubt = false
	case !now.Before(l.until) && !l.doubt:
		l.doubt = true
		return
	default:
		l.doubt = false
	}
	if until := now.Add(l.timeout - ago); until.After(l.until) {
		l.until = until
	}
}

// holds reports whether the lease goes on.
func (l *lease) holds() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now().Before(l.until)
}
