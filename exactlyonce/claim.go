package exactlyonce

import (
	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

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

// messageSlab is how many messages share an allocation. The whole slab lives as long as one of them, so it
// must stay small beside a batch.
const messageSlab = 256

// eachMessage converts records to Sarama's form, until send returns false.
func eachMessage(
	records []*kgo.Record, framed bool, send func(*sarama.ConsumerMessage) bool,
) {
	for len(records) > 0 {
		n := min(messageSlab, len(records))
		slab := make([]sarama.ConsumerMessage, n)
		var frames []byte
		if framed {
			frames = make([]byte, 0, frameBytes(records[:n]))
		}
		for i, r := range records[:n] {
			m := &slab[i]
			m.Topic, m.Partition, m.Offset = r.Topic, r.Partition, r.Offset
			m.Key, m.Value, m.Timestamp = r.Key, r.Value, kafka.TrueTime(r.Timestamp)
			if framed {
				start := len(frames)
				frames = kafka.AppendFrame(frames, r)
				m.Value = frames[start:len(frames):len(frames)]
			} else if len(r.Headers) > 0 {
				m.Headers = saramaHeaders(r.Headers)
			}
			if !send(m) {
				return
			}
		}
		records = records[n:]
	}
}

// frameBytes returns a size that is enough for the frames of all the records.
func frameBytes(records []*kgo.Record) (n int) {
	for _, r := range records {
		n += kafka.FrameBytes(r)
	}
	return n
}

func saramaHeaders(headers []kgo.RecordHeader) []*sarama.RecordHeader {
	all := make([]sarama.RecordHeader, len(headers))
	out := make([]*sarama.RecordHeader, len(headers))
	for i, h := range headers {
		all[i] = sarama.RecordHeader{Key: []byte(h.Key), Value: h.Value}
		out[i] = &all[i]
	}
	return out
}
