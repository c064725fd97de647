package exactlyonce

import (
	"strconv"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

func benchmarkKeys() []string {
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = "acct-" + strconv.Itoa(i)
	}
	return keys
}

// BenchmarkEmit is what staging costs for each record that a callback emits.
func BenchmarkEmit(b *testing.B) {
	value := []byte("a value of an ordinary length, say")
	for name, headers := range map[string]goka.Headers{
		"plain":   nil,
		"headers": {"ce_id": []byte("1"), "ce_type": []byte("Opened"), "ce_time": []byte("now")},
	} {
		b.Run(name, func(b *testing.B) {
			keys, o := benchmarkKeys(), &outputs{}
			o.reset(map[string]int32{"out": 4})
			b.ReportAllocs()
			for i := range b.N {
				o.EmitWithHeaders("out", keys[i%len(keys)], value, headers)
				if i%20_000 == 0 {
					o.take()
				}
			}
		})
	}
}

// BenchmarkConvert is what handing a record to Goka costs, up to its channel.
func BenchmarkConvert(b *testing.B) {
	records := make([]*kgo.Record, 1000)
	for i := range records {
		records[i] = &kgo.Record{Topic: "in", Key: []byte("key"), Value: []byte("value")}
	}
	b.ReportAllocs()
	for range b.N / len(records) {
		eachMessage(records, false, func(*sarama.ConsumerMessage) bool { return true })
	}
}

// BenchmarkRow is a row's way through the store in memory: read, written, sealed, committed.
func BenchmarkRow(b *testing.B) {
	keys, m := benchmarkKeys(), &memory{rows: make(map[string][]byte)}
	value := []byte("a value of an ordinary length, say")
	b.ReportAllocs()
	for i := range b.N {
		key := keys[i%len(keys)]
		if _, err := m.Get(key); err != nil {
			b.Fatal(err)
		}
		if err := m.Set(key, value); err != nil {
			b.Fatal(err)
		}
		if i%20_000 == 0 && len(m.Seal()) > 0 {
			if err := m.Commit(int64(i)); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkMachine is all decisions of one transaction.
func BenchmarkMachine(b *testing.B) {
	m := newMachine(limits{records: 20_000, bytes: 1 << 30, producers: 2, handle: time.Second})
	m.assigned()
	m.setUp(nil)
	spans := []span{{topicPartition{"in", 0}, 0, 1, 1, 10}, {topicPartition{"in", 1}, 0, 1, 1, 10}}
	b.ReportAllocs()
	for range b.N {
		m.polled(spans)
		m.handled(2, 0, time.Millisecond)
		m.gapElapsed()
		m.transactionCommitted()
	}
}
