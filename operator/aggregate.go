package operator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/fold"
	"refold/kafka"
	"refold/processors"
	"refold/snapshots/verify"
)

// Aggregate is what must be known of an aggregate to read all that it has written. All fields are required.
type Aggregate struct {
	Topics processors.Topics
	Fold   fold.RowFold
	// RowsVersion is the fold version of the rows that Fold writes: processors.OpenAggregate's.
	RowsVersion int
	// Messages reads events and results. Its Beyond counts what is beyond the limits of IDs.
	Messages processors.Messages
	// RecentSize is how many commands a row remembers.
	RecentSize int
}

// messages lets verify read events and results.
type messages struct{ processors.Messages }

func (m messages) Event(r *kgo.Record) (command string, sequence int64, err error) {
	metadata, err := m.Cause(r)
	return metadata.CausationID, metadata.Sequence, err
}

func (m messages) Result(r *kgo.Record) (verify.CommandResult, error) {
	result, _, err := m.Messages.Result(context.Background(), r)
	return verify.CommandResult{
		Command: result.CommandID, Accepted: result.Accepted, Repeated: result.Repeated,
		First: result.FirstSequence, Last: result.LastSequence,
	}, err
}

// reachTimeout is how long a person waits to hear that no broker is there.
const reachTimeout = 10 * time.Second

// Connect returns a client that has reached a broker. The error says within seconds that none is there.
func Connect(ctx context.Context, settings kafka.Settings) (*kgo.Client, error) {
	client, err := settings.Client()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, reachTimeout)
	defer cancel()
	if err := client.Ping(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("reach Kafka: %w", err)
	}
	return client, nil
}

// written returns the topics that the aggregate writes: one that keeps no results has no topic of them.
func written(topics ...string) []string {
	return slices.DeleteFunc(topics, func(topic string) bool { return topic == "" })
}
