package codecs_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

func TestPackedHeadersAreTheHeaders(t *testing.T) {
	sequence := int64(3)
	for _, m := range []eventsourcing.Metadata{
		{},
		{ID: "k-1", Type: "DepositMoney", ExpectedSequence: &sequence},
		{
			ID: "alice/4", Source: "accounts", Type: "MoneyDeposited", Subject: "alice",
			Time:          time.Date(2026, 11, 23, 8, 0, 0, 5, time.UTC),
			CorrelationID: "k-0", CausationID: "k-1", Sequence: 4, Traceparent: "00-ab-cd-01",
		},
	} {
		packed := codecs.PackedHeaders(m)
		headers, err := kafka.UnpackHeaders(nil, packed[kafka.PackedHeaders])
		if err != nil || len(packed) != 1 {
			t.Fatal(packed, err)
		}
		got := goka.Headers{}
		for _, h := range headers {
			got[h.Key] = h.Value
		}
		if diff := cmp.Diff(codecs.Headers(m), got); diff != "" {
			t.Error(diff)
		}
	}
}

func BenchmarkPackedHeaders(b *testing.B) {
	m := eventsourcing.Metadata{
		ID: "alice/4", Source: "accounts", Type: "MoneyDeposited", Subject: "alice",
		Time:          time.Date(2026, 11, 23, 8, 0, 0, 5, time.UTC),
		CorrelationID: "k-0", CausationID: "k-1", Sequence: 4,
	}
	b.ReportAllocs()
	for b.Loop() {
		codecs.PackedHeaders(m)
	}
}
