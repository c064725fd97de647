package views

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/lovoo/goka/storage"

	"refold/kafka"
	"refold/snapshots"
)

// session is one life of a Goka view, with a Sarama client of its own: broker connections that
// several views shared would answer them in turn, each after the long poll of the others.
type session struct {
	live     *live
	client   sarama.Client
	consumer sarama.Consumer
	view     *goka.View
	fail     context.CancelCauseFunc // ends the session
}

// errViewEnded says that Goka gave up without a reason.
var errViewEnded = errors.New("the Goka view ended by itself")

// runSession runs a Goka view until it fails or ctx ends.
func (l *live) runSession(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &session{live: l, fail: cancel}
	defer func() { err = errors.Join(err, s.close()) }()
	if s.client, err = newClient(ctx, l.kafka, l.limits); err != nil {
		return err
	}
	if s.consumer, err = sarama.NewConsumerFromClient(s.client); err != nil {
		return fmt.Errorf("make a consumer: %w", err)
	}
	if s.view, err = s.newView(ctx); err != nil {
		return fmt.Errorf("make a view of %s: %w", l.topic, err)
	}
	l.setSession(s)
	defer l.setSession(nil)
	err = s.view.Run(ctx)
	if cause := context.Cause(ctx); cause != nil {
		err = errors.Join(cause, err)
	}
	if err != nil {
		return fmt.Errorf("view of %s: %w", l.topic, err)
	}
	return errViewEnded
}

// newView makes the Goka view. Everything it needs from Kafka comes from the session.
func (s *session) newView(ctx context.Context) (*goka.View, error) {
	l := s.live
	builder := func(topic string, partition int32) (storage.Storage, error) {
		f, err := l.open(ctx, topic, partition, l.project)
		if err != nil {
			return nil, fmt.Errorf("open the follower of %s/%d: %w", topic, partition, err)
		}
		return &part{
			copied: f, live: l, partition: partition, fail: s.fail, closed: make(chan struct{}),
		}, nil
	}
	view, err := goka.NewView(l.kafka.Brokers, goka.Table(l.topic), rawCodec{},
		goka.WithViewLogger(kafka.GokaLogger(l.logger)),
		goka.WithViewCallback(l.update),
		goka.WithViewStorageBuilder(builder),
		goka.WithViewHasher(kafka.NewHasher),
		goka.WithViewConsumerSaramaBuilder(func([]string, string) (sarama.Consumer, error) {
			return s.consumer, nil
		}),
		goka.WithViewTopicManagerBuilder(func([]string) (goka.TopicManager, error) {
			return topicManager{s}, nil
		}),
		// A broker that is away for a moment costs a partition a reconnection, not a restart.
		goka.WithViewAutoReconnect(),
		goka.WithViewBackoffBuilder(func() (goka.Backoff, error) {
			return goka.NewSimpleBackoff(l.limits.RestartPauseMin, l.limits.RestartPauseMax), nil
		}),
	)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller says what was being done
	}
	return view, nil
}

// running reports whether all partitions are connected. (goka.View.Recovered isn't safe to call
// while the view stops.)
func (s *session) running() bool { return s.view.CurrentState() == goka.ViewStateRunning }

// close closes what Goka leaves open.
func (s *session) close() error {
	var errs []error
	if s.consumer != nil {
		errs = append(errs, s.consumer.Close())
	}
	if s.client != nil {
		errs = append(errs, s.client.Close())
	}
	return errors.Join(errs...)
}

// bufferedRecords is how many records of each partition wait beside the answer that they came in. The
// copy of a record takes some microseconds; to wait for one more is nothing beside it.
const bufferedRecords = 4

// newClient connects to a broker.
func newClient(ctx context.Context, settings kafka.Settings, limits Limits) (
	sarama.Client, error,
) {
	config, err := settings.Sarama()
	if err != nil {
		return nil, fmt.Errorf("configure Sarama: %w", err)
	}
	config.Consumer.MaxWaitTime = limits.FetchWait
	config.Consumer.Fetch.MaxBytes = int32(limits.FetchBytes)
	config.Consumer.Fetch.Default = int32(limits.FetchBytes / 2)
	config.ChannelBufferSize = bufferedRecords
	client, err := abandonable(ctx, func() (sarama.Client, error) {
		return sarama.NewClient(settings.Brokers, config)
	})
	if err != nil {
		return nil, fmt.Errorf("connect to Kafka: %w", err)
	}
	return client, nil
}

// abandonable calls one of Sarama's constructors, which know no contexts and may take the dial
// time-out of every broker. What they return after ctx has ended is closed in the background.
func abandonable[T io.Closer](ctx context.Context, construct func() (T, error)) (T, error) {
	type result struct {
		value T
		err   error
	}
	done := make(chan result, 1)
	go func() {
		value, err := construct()
		done <- result{value, err}
	}()
	select {
	case r := <-done:
		return r.value, r.err
	case <-ctx.Done():
		go func() {
			if r := <-done; r.err == nil {
				_ = r.value.Close() // its caller has given up
			}
		}()
		var none T
		return none, context.Cause(ctx)
	}
}

// part is a follower in Goka's hands: readers get it once it is open, and lose it before it is
// closed.
type part struct {
	copied

	live      *live
	partition int32
	opened    bool
	fail      context.CancelCauseFunc
	closed    chan struct{}
}

// Open restores the follower. When its files are found damaged afterwards, the session is ended: Goka
// would try again and again with a store that heals only when it is opened anew, and readers would be
// sent away meanwhile.
func (p *part) Open() error {
	if err := p.copied.Open(); err != nil {
		return fmt.Errorf("restore %s/%d: %w", p.live.topic, p.partition, err)
	}
	p.opened = true
	p.live.attach(p.partition, p.copied)
	go func() {
		select {
		case <-p.Damaged():
			p.fail(fmt.Errorf("%s/%d: %w", p.live.topic, p.partition, snapshots.ErrDamaged))
		case <-p.closed:
		}
	}()
	return nil
}

// Close closes the follower when no reader uses it any more.
func (p *part) Close() error {
	if p.opened {
		p.opened = false
		close(p.closed)
		p.live.detach(p.partition)
	}
	if err := p.copied.Close(); err != nil {
		return fmt.Errorf("close %s/%d: %w", p.live.topic, p.partition, err)
	}
	return nil
}

// topicManager answers a view's questions about its topic.
type topicManager struct{ *session }

// Partitions returns the topic's partitions.
func (m topicManager) Partitions(topic string) ([]int32, error) {
	partitions, err := m.client.Partitions(topic)
	if err != nil {
		return nil, fmt.Errorf("partitions of %s: %w", topic, err)
	}
	m.live.setCount(len(partitions))
	return partitions, nil
}

// GetOffset returns the topic's beginning, and as its end the place that the follower has been
// restored to.
//
// Goka takes a view for recovered when a data record at end - 1 has arrived. Were this the real
// end, and had the topic grown by a transaction since the restore, that offset would be the
// transaction's marker, which is never delivered: on a topic that falls silent the view would
// recover for ever (design §2, no. 4). The follower has been restored already, so Goka has nothing
// to recover; what came since arrives by the live tail.
func (m topicManager) GetOffset(topic string, partition int32, time int64) (int64, error) {
	if time == sarama.OffsetNewest {
		m.live.mu.RLock()
		defer m.live.mu.RUnlock()
		offset, err := m.live.parts[partition].GetOffset(-1)
		if err != nil {
			return 0, fmt.Errorf("stored offset of %s/%d: %w", topic, partition, err)
		}
		return offset + 1, nil
	}
	offset, err := m.client.GetOffset(topic, partition, time)
	if err != nil {
		return 0, fmt.Errorf("offset of %s/%d: %w", topic, partition, err)
	}
	return offset, nil
}

// Close does nothing: the session closes its client.
func (topicManager) Close() error { return nil }

// errTopics says that views make no topics: they are made before, by kafka.Ensure.
var errTopics = errors.New("a view makes no topics")

// EnsureTableExists fails.
func (topicManager) EnsureTableExists(string, int) error { return errTopics }

// EnsureStreamExists fails.
func (topicManager) EnsureStreamExists(string, int) error { return errTopics }

// EnsureTopicExists fails.
func (topicManager) EnsureTopicExists(string, int, int, map[string]string) error {
	return errTopics
}

// rawCodec stands for the codec that Goka asks for and never uses: readers go to the followers.
type rawCodec struct{}

func (rawCodec) Decode(data []byte) (any, error) { return data, nil }

func (rawCodec) Encode(any) ([]byte, error) {
	return nil, errors.New("a view encodes nothing")
}
