package exactlyonce

import (
	"github.com/IBM/sarama"

	"refold/kafka"
)

// claim is one input partition in a session, as Goka sees it.
type claim struct {
	at       kafka.TopicPartition
	framed   bool // the codec takes frames
	messages chan *sarama.ConsumerMessage
}

var _ sarama.ConsumerGroupClaim = (*claim)(nil)

// Topic returns the partition's topic.
func (c *claim) Topic() string { return c.at.Topic }

// Partition returns the partition's number.
func (c *claim) Partition() int32 { return c.at.Partition }

// InitialOffset returns 0, whatever it is: Goka only logs it.
func (*claim) InitialOffset() int64 { return 0 }

// HighWaterMarkOffset returns 0, whatever it is: Goka never asks.
func (*claim) HighWaterMarkOffset() int64 { return 0 }

// Messages returns the channel from which Goka takes the partition's records.
func (c *claim) Messages() <-chan *sarama.ConsumerMessage { return c.messages }
