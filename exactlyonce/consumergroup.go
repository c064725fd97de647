package exactlyonce

import (
	"context"

	"github.com/IBM/sarama"
)

// consumerGroup is what Goka takes for Sarama's consumer group. It lives through any number of rebalances
// inside one Consume: Goka sleeps five seconds after each Consume that returns.
type consumerGroup struct{ engine *engine }

var _ sarama.ConsumerGroup = consumerGroup{}

func (e *engine) buildGroup([]string, string, string) (sarama.ConsumerGroup, error) {
	return consumerGroup{e}, nil
}

// Consume runs until ctx ends, or until a callback of Goka's fails.
func (g consumerGroup) Consume(
	ctx context.Context, topics []string, h sarama.ConsumerGroupHandler,
) error {
	return g.engine.consume(ctx, topics, h)
}

// Errors returns nil: passing faults are survived, and Consume returns the others.
func (consumerGroup) Errors() <-chan error { return nil }

// Close does nothing: Consume leaves nothing behind.
func (consumerGroup) Close() error { return nil }

// Goka never pauses.
func (consumerGroup) Pause(map[string][]int32)  {}
func (consumerGroup) Resume(map[string][]int32) {}
func (consumerGroup) PauseAll()                 {}
func (consumerGroup) ResumeAll()                {}
