package outbox

import (
	"strconv"
	"testing"

	"github.com/lovoo/goka"
)

// BenchmarkEmit is what each record costs that a callback emits.
func BenchmarkEmit(b *testing.B) {
	keys := make([]string, 10_000)
	for i := range keys {
		keys[i] = "acct-" + strconv.Itoa(i)
	}
	value := []byte("a value of an ordinary length, say")
	for name, headers := range map[string]goka.Headers{
		"plain":   nil,
		"headers": {"ce_id": []byte("1"), "ce_type": []byte("Opened"), "ce_time": []byte("now")},
	} {
		b.Run(name, func(b *testing.B) {
			o := New("")
			o.Reset(map[string]int32{"out": 4})
			b.ReportAllocs()
			for i := range b.N {
				o.EmitWithHeaders("out", keys[i%len(keys)], value, headers)
				if i%20_000 == 0 {
					o.Take()
				}
			}
		})
	}
}
