package message

import (
	"testing"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kgo"
)

// BenchmarkConvert is what handing a record to Goka costs, up to its channel.
func BenchmarkConvert(b *testing.B) {
	records := make([]*kgo.Record, 1000)
	for i := range records {
		records[i] = &kgo.Record{Topic: "in", Key: []byte("key"), Value: []byte("value")}
	}
	b.ReportAllocs()
	for range b.N / len(records) {
		Each(records, func(*sarama.ConsumerMessage) bool { return true })
	}
}
