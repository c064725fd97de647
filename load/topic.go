package load

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
)

// TopicOptions say where the topics are, and how to write and read them.
type TopicOptions struct {
	Kafka kafka.Settings
	// Prefix is that of the topics' names.
	Prefix string
	// Aggregates are those of the program, Results the codec of results.
	Aggregates []*processors.OpenAggregate
	Results    *codecs.Set
	// Follows are the names of the aggregates that may be waited for.
	Follows []string
	Logger  *slog.Logger
}

// Topic is a system behind its topics: it writes commands as any producer would, idempotently, and
// reads, committed, results and the events of the aggregates that are waited for.
type Topic struct {
	options    TopicOptions
	client     *kgo.Client
	topics     map[string]processors.Topics         // by the aggregate's name
	aggregates map[string]*processors.OpenAggregate // by its name
	followed   map[string]*processors.OpenAggregate // by its events topic
	ended      chan struct{}

	mu      sync.Mutex
	waiting map[commandKey][]chan Answer
	watched map[Subject]*watched
}

// commandKey is the whole identity of a command: the topic of its result, its subject and its ID.
type commandKey struct{ results, subject, id string }

func (t *Topic) keyOf(c Command) commandKey {
	return commandKey{t.topics[c.Aggregate].Results, c.Subject, c.ID}
}

// NewTopic connects. It reads what comes from now on.
func NewTopic(ctx context.Context, o TopicOptions) (*Topic, error) {
	t := &Topic{
		options: o, topics: make(map[string]processors.Topics), ended: make(chan struct{}),
		aggregates: make(map[string]*processors.OpenAggregate),
		followed:   make(map[string]*processors.OpenAggregate),
		waiting:    make(map[commandKey][]chan Answer), watched: make(map[Subject]*watched),
	}
	var read []string
	for _, a := range o.Aggregates {
		topics := a.Topics(o.Prefix)
		t.topics[a.Name], t.aggregates[a.Name] = topics, a
		read = append(read, topics.Results)
		if slices.Contains(o.Follows, a.Name) {
			t.followed[topics.Events] = a
			read = append(read, topics.Events)
		}
	}
	opts, err := o.Kafka.Options()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the settings
	}
	ends, err := endsOf(ctx, opts, read)
	if err != nil {
		return nil, err
	}
	// The settings are right, or ends could not have been asked for. So a connection that ends at once is
	// that of a broker that has died behind a proxy, and no reason to give a command up.
	t.client, err = kgo.NewClient(append(opts, kgo.AlwaysRetryEOF(),
		kgo.ConsumePartitions(ends), kgo.ProducerLinger(0), // a lone command goes out at once
		kgo.FetchMaxWait(100*time.Millisecond))...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	go t.read() //nolint:gosec // it lives until Close, not until NewTopic's ctx ends
	return t, nil
}

// endsOf returns where the topics end now.
func endsOf(ctx context.Context, opts []kgo.Opt, topics []string) (
	map[string]map[int32]kgo.Offset, error,
) {
	client, err := kgo.NewClient(opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	defer client.Close()
	listed, err := kadm.NewClient(client).ListEndOffsets(ctx, topics...)
	if err == nil {
		err = listed.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the ends of %v: %w", topics, err)
	}
	ends := make(map[string]map[int32]kgo.Offset, len(topics))
	listed.Each(func(o kadm.ListedOffset) {
		if ends[o.Topic] == nil {
			ends[o.Topic] = make(map[int32]kgo.Offset)
		}
		ends[o.Topic][o.Partition] = kgo.NewOffset().At(o.Offset)
	})
	return ends, nil
}

// Close disconnects.
func (t *Topic) Close() {
	t.client.Close()
	<-t.ended
}

// Send writes a command and waits for its result. The producer tries again by itself; the command
// is written once, for without a view in between nobody would know a late second one.
func (t *Topic) Send(ctx context.Context, c Command) (Answer, error) {
	record, err := t.record(c)
	if err != nil {
		return Answer{Outcome: Refused}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	result := t.expect(c)
	defer t.expectNoMore(t.keyOf(c), result)
	answer := Answer{Outcome: Unknown, Attempts: 1}
	written := make(chan error, 1)
	t.client.Produce(ctx, record, func(_ *kgo.Record, err error) { written <- err })
	for {
		select {
		case told := <-result:
			told.Attempts = 1
			return told, nil
		case err := <-written:
			if err != nil {
				return answer, fmt.Errorf("write the command: %w", err)
			}
			written = nil
		case <-ctx.Done():
			return answer, fmt.Errorf("no result: %w", context.Cause(ctx))
		}
	}
}

// record is a command as a record.
func (t *Topic) record(c Command) (*kgo.Record, error) {
	a := t.aggregates[c.Aggregate]
	if a == nil {
		return nil, fmt.Errorf("the program has no aggregate %q", c.Aggregate)
	}
	set := a.Commands
	data, err := set.FromJSON(c.Type, c.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Type, err)
	}
	value, headers, err := set.EncodeRecord(data, eventsourcing.Metadata{
		ID: c.ID, Source: "processor/load", Type: c.Type, Subject: c.Subject,
		ExpectedSequence: c.Expected,
	})
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the command
	}
	record := &kgo.Record{
		Topic: t.topics[c.Aggregate].Commands, Key: []byte(c.Subject), Value: value,
	}
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: headers[name]})
	}
	return record, nil
}

// expect makes the command's next result come through the channel.
func (t *Topic) expect(c Command) chan Answer {
	result := make(chan Answer, 1)
	t.mu.Lock()
	defer t.mu.Unlock()
	key := t.keyOf(c)
	t.waiting[key] = append(t.waiting[key], result)
	return result
}

func (t *Topic) expectNoMore(key commandKey, result chan Answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	left := slices.DeleteFunc(t.waiting[key], func(c chan Answer) bool { return c == result })
	if len(left) == 0 {
		delete(t.waiting, key)
	} else {
		t.waiting[key] = left
	}
}

// read hands results and events to the callers that wait for them, until the client is closed.
func (t *Topic) read() {
	defer close(t.ended)
	for {
		fetches := t.client.PollFetches(context.Background())
		if fetches.IsClientClosed() {
			return
		}
		fetches.EachError(func(topic string, partition int32, err error) {
			t.options.Logger.Warn("reading", "topic", topic, "partition", partition, "error", err)
		})
		fetches.EachRecord(func(record *kgo.Record) {
			if err := t.take(record); err != nil {
				t.options.Logger.Warn("a record that can't be read", "topic", record.Topic,
					"partition", record.Partition, "offset", record.Offset, "error", err)
			}
		})
	}
}

func (t *Topic) take(record *kgo.Record) error {
	if a := t.followed[record.Topic]; a != nil {
		return t.event(a, record)
	}
	metadata, err := codecs.MetadataFromRecord(record.Headers)
	if err != nil {
		return err //nolint:wrapcheck // it names the header
	}
	key := commandKey{record.Topic, string(record.Key), metadata.CausationID}
	if !t.isWaitedFor(key) {
		return nil // somebody else's
	}
	value, err := t.options.Results.Decode(context.Background(),
		codecs.Framed(record.Headers, record.Value))
	if err != nil {
		return err //nolint:wrapcheck // it names what is wrong
	}
	result, is := value.(processors.Result)
	if !is {
		return errors.New("it is no result")
	}
	t.result(key, result)
	return nil
}

func (t *Topic) isWaitedFor(key commandKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.waiting[key]) > 0
}

// result gives a result to the first caller that waits for it: a command that is sent twice gets two.
func (t *Topic) result(key commandKey, r processors.Result) {
	answer := Answer{Outcome: Rejected, Code: r.Code}
	if r.Accepted {
		answer = Answer{
			Outcome: Accepted, FirstSequence: r.FirstSequence, LastSequence: r.LastSequence,
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if callers := t.waiting[key]; len(callers) > 0 {
		callers[0] <- answer
		t.waiting[key] = callers[1:]
	}
}
