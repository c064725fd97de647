package exactlyonce

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce/internal/outbox"
	"refold/kafka"
)

// batch is the content of one transaction, closed.
type batch struct {
	session  *session
	records  int // input records
	bytes    int
	next     map[kafka.TopicPartition]int64
	newest   time.Time     // of the input records
	inputs   []kgo.Fetches // kept for Config.Committed only
	emitted  []*outbox.Page
	layers   []layer
	between  *between    // the call of Session.Between that wrote the rows; nil: callbacks wrote them
	forsaken atomic.Bool // it must not be committed any more, if that can still be prevented
}

// outcome is how a transaction ended.
type outcome int

const (
	committed outcome = iota
	aborted           // certainly not committed; the producer is fit for the next one
	refused           // aborted, and would be every time
	unknown           // perhaps committed, or the producer must not be used any more
)

// String returns the outcome's name in metrics and logs.
func (o outcome) String() string {
	return [...]string{"committed", "aborted", "refused", "unknown"}[o]
}

var errForsaken = errors.New("the partitions were lost before the transaction ended")
