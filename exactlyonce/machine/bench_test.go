package machine

import (
	"testing"
	"time"
)

// BenchmarkMachine is all decisions of one transaction.
func BenchmarkMachine(b *testing.B) {
	m := New[partition](Limits{Records: 20_000, Bytes: 1 << 30, Producers: 2, HandleTime: time.Second})
	m.Assigned()
	m.SetUp(nil)
	spans := []Span[partition]{{partition{"in", 0}, 0, 1, 1, 10}, {partition{"in", 1}, 0, 1, 1, 10}}
	b.ReportAllocs()
	for range b.N {
		m.Polled(spans)
		m.Handled(2, 0, time.Millisecond)
		m.GapElapsed()
		m.TransactionCommitted()
	}
}
