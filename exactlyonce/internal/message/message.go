package message

import (
	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// slabMessages is how many messages share an allocation. The whole slab lives as long as one of them, so it
// must stay small beside a batch.
const slabMessages = 256

// Each converts records to messages and sends them, until send returns false.
func Each(records []*kgo.Record, send func(*sarama.ConsumerMessage) bool) {
	for len(records) > 0 {
		n := min(slabMessages, len(records))
		slab := make([]sarama.ConsumerMessage, n)
		for i, r := range records[:n] {
			m := &slab[i]
			m.Topic, m.Partition, m.Offset = r.Topic, r.Partition, r.Offset
			m.Key, m.Value, m.Timestamp = r.Key, r.Value, kafka.TrueTime(r.Timestamp)
			if len(r.Headers) > 0 {
				m.Headers = saramaHeaders(r.Headers)
			}
			if !send(m) {
				return
			}
		}
		records = records[n:]
	}
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
