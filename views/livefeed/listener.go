package livefeed

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Item is a message, or word of messages that were missed.
type Item struct {
	Position string // behind it
	Message  *Message
	Missed   *Missed
}

// Listener gets the messages that a filter means, one after the other. Its methods must not be called
// concurrently.
type Listener struct {
	feed   *Feed
	filter Filter
	client *kgo.Client
	layout layout
	places map[string]int // index in layout.topics
	next   []int64        // by layout: the offset to read next

	reading bool      // the consumer has begun
	busy    bool      // the last poll brought something
	lost    bool      // a broker no longer has the next record of a partition
	checked time.Time // when the backlog was looked at
	pending []Item    // found while beginning
	// rest are records that were polled and not taken yet, see maxItemBytes.
	rest []*kgo.Record
}

// begin finds the topics and where to start in them.
func (l *Listener) begin(ctx context.Context, after string) (err error) {
	if l.client, err = kgo.NewClient(l.feed.kafka...); err != nil {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	if err := l.locate(ctx); err != nil {
		return err
	}
	if after != "" {
		if l.next, err = l.layout.parse(after); err != nil {
			return err
		}
	}
	missed, err := l.catchUp(ctx)
	if missed != nil {
		l.pending = append(l.pending, l.missed(missed))
	}
	return err
}

// locate asks for the topics and their partitions.
func (l *Listener) locate(ctx context.Context) error {
	l.places = make(map[string]int)
	var names []string
	for i := range l.feed.options.Topics {
		if t := &l.feed.options.Topics[i]; l.filter.hasTopic(t) {
			names = append(names, t.Name)
		}
	}
	found, err := kadm.NewClient(l.client).Metadata(ctx, names...)
	if err == nil {
		err = found.Topics.Error()
	}
	if err != nil {
		return fmt.Errorf("%w: ask for its topics: %w", ErrUnavailable, err)
	}
	for i := range l.feed.options.Topics {
		t := &l.feed.options.Topics[i]
		if topic, has := found.Topics[t.Name]; has && l.filter.hasTopic(t) {
			l.places[t.Name] = len(l.layout.topics)
			l.layout.add(t, topic.ID, len(topic.Partitions))
		}
	}
	return nil
}

// Close ends the listening at once. It may be called more than once.
func (l *Listener) Close() {
	if l.feed == nil {
		return
	}
	if l.client != nil {
		l.client.Close()
	}
	l.feed.metrics.listeners.Dec()
	<-l.feed.slots
	l.feed = nil
}

// Position returns where the listener is: behind all that it was given, and behind what its filter
// has left out since.
func (l *Listener) Position() string { return l.layout.text(l.next) }

// pollRecords limits what Next looks at before it gives out what it has found, maxItemBytes the JSON of
// that, but for the last item: a small record may become a large piece of JSON.
const (
	pollRecords  = 100
	maxItemBytes = 1 << 20
)

// Next waits for messages, for as long as patience, and returns those that are there, or none.
// After an error other than ctx's the listener is of no more use; a new one may be, from Position.
// While Kafka is away there are no messages, and no error.
func (l *Listener) Next(ctx context.Context, patience time.Duration) ([]Item, error) {
	items := l.pending
	l.pending = nil
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for len(items) == 0 && waiting.Err() == nil {
		if l.due() {
			missed, err := l.catchUp(waiting)
			switch {
			case errors.Is(err, ErrPosition): // a log is shorter than it was: there is no going on there
				return nil, err
			case err != nil:
				l.checked = time.Now() // Kafka is away; look again in a while
			case missed != nil:
				return []Item{l.missed(missed)}, nil
			}
		}
		var err error
		if items, err = l.poll(ctx, waiting); err != nil && len(items) == 0 {
			return nil, err
		}
	}
	return items, ctx.Err()
}

// due reports whether to look how far behind the listener is.
func (l *Listener) due() bool {
	return (l.lost || l.busy) && len(l.rest) == 0 && time.Since(l.checked) >= l.feed.options.Limits.CheckEvery
}

// poll waits for records, until waiting is over. The error is one that goes on by itself with no
// later poll.
func (l *Listener) poll(ctx, waiting context.Context) ([]Item, error) {
	if l.lost { // nothing may come from there until that is looked at
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeout(waiting, l.feed.options.Limits.CheckEvery)
		defer cancel()
	}
	if len(l.rest) > 0 {
		return l.take(ctx), nil
	}
	fetches := l.client.PollRecords(waiting, pollRecords)
	l.rest = fetches.Records()
	l.busy = len(l.rest) > 0
	items := l.take(ctx)
	for _, e := range fetches.Errors() {
		switch {
		case errors.Is(e.Err, kerr.OffsetOutOfRange):
			l.lost = true
		case waiting.Err() == nil:
			return items, fmt.Errorf("listen to %s/%d: %w", e.Topic, e.Partition, e.Err)
		}
	}
	return items, nil
}

// take moves behind records and returns those that the filter means.
func (l *Listener) take(ctx context.Context) []Item {
	var items []Item
	for bytes := 0; len(l.rest) > 0 && bytes < maxItemBytes; {
		r := l.rest[0]
		l.rest[0], l.rest = nil, l.rest[1:]
		topic := l.layout.topics[l.places[r.Topic]]
		l.next[topic.first+int(r.Partition)] = r.Offset + 1
		if r.Attrs.IsControl() {
			continue
		}
		m := l.feed.describe(topic.Topic, r)
		if !l.filter.has(&m) {
			continue
		}
		l.feed.decode(ctx, topic.Topic, &m, r)
		l.feed.metrics.messages.WithLabelValues(string(m.Kind)).Inc()
		items = append(items, Item{Position: l.Position(), Message: &m})
		bytes += len(m.Data)
		for _, part := range m.ReadAs {
			bytes += len(part.Data)
		}
	}
	return items
}

func (l *Listener) missed(m *Missed) Item {
	l.feed.metrics.missed.WithLabelValues(m.Reason).Add(float64(m.Records))
	return Item{Position: l.Position(), Missed: m}
}
