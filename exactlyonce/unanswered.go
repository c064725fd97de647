package exactlyonce

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// unanswered counts the requests to end a transaction that have not been answered. One that was given up
// and sent anew may still be on its way. With transaction.version 1 all transactions of a producer have
// the same epoch, so that it would end whichever is open when it arrives: a commit, in the middle of a
// batch and without its offsets. So such a producer is used no more; the next initialisation of its
// transactional ID refuses what is late. From version 2 on each transaction has an epoch of its own
// (KIP-890).
type unanswered struct{ n atomic.Int64 }

var (
	_ kgo.HookBrokerWrite = (*unanswered)(nil)
	_ kgo.HookBrokerRead  = (*unanswered)(nil)
)

// OnBrokerWrite counts a request.
func (u *unanswered) OnBrokerWrite(
	_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, _ error,
) {
	if key == kmsg.EndTxn.Int16() {
		u.n.Add(1)
	}
}

// OnBrokerRead counts an answer.
func (u *unanswered) OnBrokerRead(
	_ kgo.BrokerMetadata, key int16, _ int, _, _ time.Duration, err error,
) {
	if key == kmsg.EndTxn.Int16() && err == nil {
		u.n.Add(-1)
	}
}

var errLate = errors.New("the end of a transaction had to be sent twice, and the first may still arrive")

// late reports whether an end of one of the producer's transactions may still arrive, and do harm.
func (p *producer) late() bool { return !p.feat.v2 && p.ends.n.Load() > 0 }
