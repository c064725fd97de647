package exactlyonce

import (
	"sync"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/exactlyonce/internal/message"
	"refold/kafka"
)

// claim is one input partition in a session, as Goka sees it.
type claim struct {
	at       kafka.TopicPartition
	messages chan *sarama.ConsumerMessage

	takesRecords bool // the callback takes kafka.Records: a message stands for all records of a poll
	mu           sync.Mutex
	handed       [][]*kgo.Record // of the messages that are under way
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

// messagesOf returns how many messages Goka gets for the records that a poll brought of the partition.
func (c *claim) messagesOf(p kgo.FetchTopicPartition) int {
	if c.takesRecords {
		return 1
	}
	return len(p.Records)
}

// send makes messages of records and sends them, until send returns false.
func (c *claim) send(records []*kgo.Record, send func(*sarama.ConsumerMessage) bool) {
	if !c.takesRecords {
		message.Each(records, send)
		return
	}
	c.mu.Lock()
	c.handed = append(c.handed, records)
	c.mu.Unlock()
	last := records[len(records)-1]
	send(&sarama.ConsumerMessage{
		Topic: last.Topic, Partition: last.Partition, Offset: last.Offset,
		Timestamp: last.Timestamp, Value: []byte{}, // Goka ignores a message without a value
	})
}

// take returns the records of the message that Goka handles now.
func (c *claim) take() []*kgo.Record {
	c.mu.Lock()
	defer c.mu.Unlock()
	records := c.handed[0]
	c.handed[0] = nil
	c.handed = c.handed[1:]
	return records
}
