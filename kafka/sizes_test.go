package kafka_test

import (
	"math"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"refold/kafka"
)

// RecordBytes is at least as large as the record is in a batch, and little larger.
func TestRecordBytes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		some := rapid.Custom(func(t *rapid.T) []byte {
			return make([]byte, rapid.SampledFrom([]int{0, 1, 63, 64, 127, 128, 9000}).Draw(t, "n"))
		})
		r := &kgo.Record{Key: some.Draw(t, "key"), Value: some.Draw(t, "value")}
		for range rapid.IntRange(0, 20).Draw(t, "headers") {
			r.Headers = append(r.Headers, kgo.RecordHeader{
				Key: string(some.Draw(t, "name")), Value: some.Draw(t, "header"),
			})
		}
		said, is := kafka.RecordBytes(len(r.Key), r.Value, r.Headers), encodedBytes(r)
		if said < is || said > is+48 {
			t.Fatalf("said %d, is %d", said, is)
		}
	})
}

// encodedBytes is what a record takes in a batch as its first.
func encodedBytes(r *kgo.Record) int {
	wire := kmsg.Record{Key: r.Key, Value: r.Value, Length: math.MaxInt32}
	for _, h := range r.Headers {
		wire.Headers = append(wire.Headers, kmsg.Header{Key: h.Key, Value: h.Value})
	}
	return len(wire.AppendTo(nil))
}

func TestMaxMessageBytes(t *testing.T) {
	for records, want := range map[int]int{
		0: 1_048_588, kafka.DefaultRecordBytes: 1_048_588, 2 << 20: 2<<20 + kafka.BatchRoom,
	} {
		if got := kafka.MaxMessageBytes(records); got != want {
			t.Errorf("records of %d bytes: %d, want %d", records, got, want)
		}
	}
}

// Records up to the limit are sent, and no larger ones; a topic may have a limit of its own.
func TestRecordBytesOfAClient(t *testing.T) {
	s := kafka.Settings{
		Brokers: []string{"localhost:9092"}, RecordBytes: 2 << 20,
		LargerRecordBytes: map[string]int{"letters": 4 << 20},
	}
	opts, err := s.Options()
	if err != nil {
		t.Fatal(err)
	}
	client, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	limit := client.OptValue(kgo.ProducerBatchMaxBytesFn).(func(string) int32)
	if limit("any") != 2<<20+kafka.BatchRoom || limit("letters") != 4<<20+kafka.BatchRoom {
		t.Errorf("%d and %d bytes", limit("any"), limit("letters"))
	}
	for _, wrong := range []int{-1, kafka.MaxRecordBytes + 1} {
		s.RecordBytes = wrong
		if s.Validate() == nil {
			t.Errorf("no mistake: %d bytes", wrong)
		}
	}
}
