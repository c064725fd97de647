package rebuild

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"refold/kafka"
	"refold/kafka/local"
)

// lines is a log that counts its lines.
type lines struct {
	mu sync.Mutex
	n  int
}

func (l *lines) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.n += bytes.Count(b, []byte("\n"))
	return len(b), nil
}

// The right to read the topic is taken away, or it is damaged: Ready says so, with the cause, and the log
// tells it once. When it can be read again, the state catches up by itself.
func TestTopicThatCannotBeRead(t *testing.T) {
	for _, answer := range []*kerr.Error{kerr.TopicAuthorizationFailed, kerr.CorruptMessage} {
		t.Run(answer.Message, func(t *testing.T) {
			cluster, err := local.Start(local.Options{
				Topics: []kafka.TopicSpec{{Name: "refolds", Partitions: 1, ReplicationFactor: 1}},
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = cluster.Close() }()
			log := new(lines)
			topic, err := Open(TopicOptions{
				Kafka: kafka.Settings{Brokers: cluster.Brokers()}, Name: "refolds",
				StallAfter: 200 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(log, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			defer topic.Close()
			if err := topic.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			fault := cluster.Kafka().Fault(kfake.Fault{
				Keys: []kmsg.Key{kmsg.Fetch}, Topic: "refolds", Err: answer, Count: -1,
			})
			record := &kgo.Record{Key: []byte(barrierKey)}
			if err := topic.client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
				t.Fatal(err)
			}
			wait := func(what string, is func() bool) {
				t.Helper()
				again, deadline := time.NewTicker(5*time.Millisecond), time.After(time.Minute)
				defer again.Stop()
				for !is() {
					select {
					case <-again.C:
					case <-deadline:
						t.Fatalf("never: %s; it says %v", what, topic.Ready())
					}
				}
			}
			wait("Ready names the cause", func() bool {
				err := topic.Ready()
				return err != nil && strings.Contains(err.Error(), "stands still at offset 1") &&
					strings.Contains(err.Error(), answer.Message)
			})
			fault.Remove()
			wait("the state catches up", func() bool { return topic.Ready() == nil })
			err = topic.Wait(t.Context(), func(*State) bool { return topic.next > record.Offset })
			if err != nil {
				t.Error(err)
			}
			if log.n > 6 {
				t.Errorf("%d lines were logged", log.n)
			}
		})
	}
}
