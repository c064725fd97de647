package message

import (
	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
)

// slabMessages is how many messages share an allocation. The whole slab lives as long as one of them, so it
// must stay small beside a batch.
const slabMessages = 256

// Each converts records to messages and sends them, until send returns false. If framed, headers and value of
// each become a frame (see kafka.FramedCodec).
func Each(
	records []*kgo.Record, framed bool, send func(*sarama.ConsumerMessage) bool,
) {
	for len(records) > 0 {
		n := min(slabMessages, len(records))
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
