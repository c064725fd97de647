package exactlyonce

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// unanswered counts the requests to end a transaction that were not answered. A request that the client gave
// up and sent anew may still be on its way. With transaction.version 1 all transactions of a producer have
// the same epoch, so that a late request would end the transaction that is open when it arrives: it would
// commit half a batch, without its offsets. Such a producer must not be used any more; the next
// initialisation of its transactional ID refuses what is late. From version 2 on each transaction has an
// epoch of its own (KIP-890).
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

// late reports whether a request to end one of the producer's transactions may still arrive, and do harm.
func (p *producer) late() bool {
	return endsAnswered && !p.features.TransactionsV2 && p.ends.n.Load() > 0
}
