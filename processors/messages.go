package processors

import (
	"context"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
)

// Messages reads what events and results say of commands, for callers that compare or repair topics.
type Messages struct {
	// Results is NewResultSet's.
	Results *codecs.Set
	// Beyond counts the records that are beyond the limits of IDs. Nil: they are not counted.
	Beyond *Beyond
}

// Beyond counts records whose IDs are beyond the limits, as earlier versions wrote them. They are read like
// all others. It is safe for concurrent use.
type Beyond struct {
	mu    sync.Mutex
	noted map[stretch]uint64
	count int64
	first string
}

// stretch is 64 offsets, a bit each: topics are read more than once, and not always from the same offset.
type stretch struct {
	input
	from int64
}

// note counts a record, once however often it is read.
func (b *Beyond) note(r *kgo.Record, why *codecs.Malformed) {
	if b == nil || why == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	const offsets = 64
	at := stretch{input{r.Topic, r.Partition}, r.Offset / offsets}
	bit := uint64(1) << (r.Offset % offsets)
	if b.noted[at]&bit != 0 {
		return
	}
	if b.noted == nil {
		b.noted = make(map[stretch]uint64)
	}
	b.noted[at] |= bit
	b.count++
	if b.count == 1 {
		b.first = fmt.Sprintf("%s/%d offset %d: %v", r.Topic, r.Partition, r.Offset, why.Err)
	}
}

// Counted returns how many there are, and the place of the first one with what is wrong with it.
func (b *Beyond) Counted() (n int64, first string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.count, b.first
}

// Cause returns the ID of the command that caused an event or a result, and the event's sequence. IDs may
// be beyond the limits; Beyond counts such records. The error is a *codecs.Malformed.
func (m Messages) Cause(r *kgo.Record) (eventsourcing.Metadata, error) {
	metadata, beyond, err := codecs.StoredMetadata(r.Headers)
	m.Beyond.note(r, beyond)
	if err != nil {
		return metadata, fmt.Errorf("read the headers: %w", err)
	}
	return metadata, nil
}

// Result reads a record of a results topic.
func (m Messages) Result(
	ctx context.Context, r *kgo.Record,
) (eventsourcing.Result, eventsourcing.Metadata, error) {
	var none eventsourcing.Result
	metadata, err := m.Cause(r)
	if err != nil {
		return none, metadata, err
	}
	value, err := m.Results.Decode(ctx, codecs.Framed(r.Headers, r.Value))
	if err != nil {
		return none, metadata, fmt.Errorf("decode a result: %w", err)
	}
	result, is := value.(Result)
	if !is {
		return none, metadata, fmt.Errorf("decode a result: it is a %T", value)
	}
	told := result.of(&metadata)
	told.Repeated = Repeated(r.Headers)
	return told, metadata, nil
}
