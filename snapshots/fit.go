package snapshots

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"refold/kafka"
)

// Why a store does not fit its topic, beside kafka.ErrOffsetOutOfRange.
var (
	errRemade    = errors.New("the topic was made anew")
	errForgotten = errors.New("the topic may have forgotten deletions that the store needs")
	errRefiled   = errors.New("records are filed in another way now")
)

const (
	// askTimeout limits each question about a topic: a cluster that can't answer within a minute is
	// tried again by whoever opens the store.
	askTimeout = time.Minute

	// missingPatience is how long a topic may be unknown, and missingPause the time between looks.
	missingPatience = time.Second
	missingPause    = 50 * time.Millisecond

	// deletionsKeptByDefault is Kafka's default of delete.retention.ms.
	deletionsKeptByDefault = 24 * time.Hour

	// deletionsKeptForever is a topic's that is not compacted.
	deletionsKeptForever = time.Duration(math.MaxInt64)
)

// topicID asks for the topic's ID, which tells it from others of its name. Right after a topic is
// made, some brokers know of it and others don't: it is asked for again for a second.
func (s *Stores) topicID(ctx context.Context, name string) (id [16]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	for end := time.Now().Add(missingPatience); ; {
		id, err = s.askTopicID(ctx, name)
		if !errors.Is(err, kerr.UnknownTopicOrPartition) || time.Now().After(end) {
			break
		}
		select {
		case <-time.After(missingPause):
		case <-ctx.Done():
			return id, ctx.Err()
		}
	}
	if err != nil {
		return id, fmt.Errorf("look up the topic: %w", err)
	}
	return id, nil
}

func (s *Stores) askTopicID(ctx context.Context, name string) (id [16]byte, err error) {
	topics, err := kafka.DescribeTopics(ctx, s.client, name)
	if err != nil {
		return id, err //nolint:wrapcheck // the caller says what was being done
	}
	if topic := topics[name]; topic.ID == id { // the zero ID
		return id, topic.Err
	}
	return topics[name].ID, nil // what its partitions lack, if anything, concerns their readers
}

// mayHaveForgotten returns errForgotten if a reader who goes on from where it was at a time may
// miss deletions. Compaction removes a record that deletes a row, too, delete.retention.ms after
// it has removed the row, and a local store that still holds the row keeps it for ever. Half of
// that time is left for reading, and for how far the store was behind the topic when the time was
// taken.
func (s *Stores) mayHaveForgotten(ctx context.Context, topic string, since int64) error {
	kept, err := s.deletionsKept(ctx, topic)
	if err != nil {
		return err
	}
	age := time.Since(time.UnixMilli(since))
	if age < kept/2 {
		return nil
	}
	return fmt.Errorf("%w: they are kept for %v, and the store is %v old",
		errForgotten, kept, age.Round(time.Second))
}

// deletionsKept returns how long a topic keeps records that delete rows. It assumes the default
// if it may not ask.
func (s *Stores) deletionsKept(ctx context.Context, topic string) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	answers, err := kadm.NewClient(s.client).DescribeTopicConfigs(ctx, topic)
	var answer kadm.ResourceConfig
	if err == nil {
		if answer, err = answers.On(topic, nil); err == nil {
			err = answer.Err
		}
	}
	if refused, is := errors.AsType[*kerr.Error](err); is && !refused.Retriable {
		s.options.Logger.WarnContext(ctx, "the topic's configuration is not known; it is taken to "+
			"keep deletions for as long as brokers do by default", "topic", topic, "error", err,
			"default", deletionsKeptByDefault)
		return deletionsKeptByDefault, nil
	}
	if err != nil {
		return 0, fmt.Errorf("ask for the topic's configuration: %w", err)
	}
	kept := deletionsKeptByDefault
	for _, c := range answer.Configs {
		switch {
		case c.Value == nil:
		case c.Key == "cleanup.policy" && !strings.Contains(*c.Value, "compact"):
			return deletionsKeptForever, nil
		case c.Key == "delete.retention.ms":
			ms, err := strconv.ParseInt(*c.Value, 10, 64)
			if err != nil {
				return 0, fmt.Errorf("read the topic's delete.retention.ms: %w", err)
			}
			kept = time.Duration(min(ms, math.MaxInt64/int64(time.Millisecond))) * time.Millisecond
		}
	}
	return kept, nil
}
