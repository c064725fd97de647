package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// Settings say where to measure.
type Settings struct {
	Kafka kafka.Settings
	// Topics are made before a measurement, and deleted after it unless Keep is set.
	Topics []kafka.TopicSpec
	Keep   bool
	// Unbuffered sends each record at once: waiting for more of them would count as latency.
	Unbuffered bool
	// Profile is the file that processes write their CPU profile to; empty: none. They get it by the flag
	// --cpuprofile.
	Profile string
	// Logs gets what processes print.
	Logs io.Writer
}

// Bench is a place to measure at: a client of the cluster, and a directory of its own.
type Bench struct {
	Settings

	directory string
	client    *kgo.Client
}

// NewPrefix returns a prefix for the names of topics that no other measurement has.
func NewPrefix() string { return "bench-" + strings.ReplaceAll(uuid.NewString(), "-", "")[:8] + "-" }

// cleanUpTimeout limits the deletion of the topics.
const cleanUpTimeout = time.Minute

// maxBufferedRecords is how many records the client holds that are not written yet.
const maxBufferedRecords = 100_000

// With makes a directory, a client and the topics, measures, and removes what it has made.
func With(ctx context.Context, s Settings, measure func(*Bench) error) (err error) {
	b := &Bench{Settings: s}
	if b.directory, err = os.MkdirTemp("", "refold-bench-"); err != nil {
		return fmt.Errorf("make a directory for the worker's stores: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.directory)) }()
	opts, err := s.Kafka.Options()
	if err != nil {
		return err //nolint:wrapcheck // it names the settings
	}
	opts = append(opts, kgo.RecordPartitioner(kafka.Partitioner()),
		kgo.MaxBufferedRecords(maxBufferedRecords))
	if s.Unbuffered {
		opts = append(opts, kgo.ProducerLinger(0))
	}
	if b.client, err = kgo.NewClient(opts...); err != nil {
		return fmt.Errorf("connect to Kafka: %w", err)
	}
	defer b.client.Close()
	if len(s.Topics) > 0 {
		if _, err := kafka.Ensure(ctx, b.client, s.Topics); err != nil {
			return fmt.Errorf("make the topics: %w", err)
		}
		defer func() {
			if !s.Keep {
				bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanUpTimeout)
				defer cancel()
				err = errors.Join(err, b.deleteTopics(bounded))
			}
		}()
	}
	return measure(b)
}

// Directory is the measurement's own; it is removed with all that is in it.
func (b *Bench) Directory() string { return b.directory }

// Partitions returns how many partitions a topic has.
func (b *Bench) Partitions(ctx context.Context, topic string) (int32, error) {
	return kafka.Partitions(ctx, b.client, topic) //nolint:wrapcheck // it names the topic
}

func (b *Bench) deleteTopics(ctx context.Context) error {
	names := make([]string, len(b.Topics))
	for i, s := range b.Topics {
		names[i] = s.Name
	}
	deleted, err := kadm.NewClient(b.client).DeleteTopics(ctx, names...)
	if err == nil {
		err = deleted.Error()
	}
	if err != nil {
		return fmt.Errorf("delete the topics of the measurement: %w", err)
	}
	return nil
}

// written is what was written: how many records, and the bytes of their keys and values.
type written struct {
	records int
	bytes   int64
}

// write produces records, and waits until they are written.
func (b *Bench) write(
	ctx context.Context, what string, records iter.Seq2[*kgo.Record, error],
) (w written, err error) {
	var failed error
	var once sync.Once
	for record, err := range records {
		if err != nil {
			return w, err
		}
		w.records++
		w.bytes += int64(len(record.Key) + len(record.Value))
		b.client.Produce(ctx, record, func(_ *kgo.Record, err error) {
			if err != nil {
				once.Do(func() { failed = err })
			}
		})
	}
	if err = b.client.Flush(ctx); err == nil {
		once.Do(func() {}) // orders what was noted before
		err = failed
	}
	if err != nil {
		return w, fmt.Errorf("write the %s: %w", what, err)
	}
	return w, nil
}
