package memory

import (
	"strconv"
	"testing"

	"refold/kafka"
)

// BenchmarkRow is a row's way through a store: read, written, sealed, committed.
func BenchmarkRow(b *testing.B) {
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = "acct-" + strconv.Itoa(i)
	}
	s := New(kafka.Settings{}).Staged(b.Context(), "table", 0)
	value := []byte("a value of an ordinary length, say")
	b.ReportAllocs()
	for i := range b.N {
		key := keys[i%len(keys)]
		if _, err := s.Get(key); err != nil {
			b.Fatal(err)
		}
		if err := s.Set(key, value); err != nil {
			b.Fatal(err)
		}
		if i%20_000 == 0 && len(s.Seal()) > 0 {
			if err := s.Commit(int64(i)); err != nil {
				b.Fatal(err)
			}
		}
	}
}
