package httpapi_test

import (
	"io"
	"net/http"
	"syscall"
	"testing"
)

// BenchmarkRow measures what a row costs over HTTP, at its owner and at another pod, the client's part
// included.
//
//	go test -run xxx -bench Row -benchtime 20000x ./views/httpapi
func BenchmarkRow(b *testing.B) {
	town := newTown(b, 2)
	town.own(where("alice"), 1)
	town.put("alice")
	for name, p := range map[string]*pod{"owner": town.pods[1], "forwarded": town.pods[0]} {
		b.Run(name, func(b *testing.B) {
			begin := processorTime()
			for range b.N {
				response, err := http.Get(p.http.URL + "/accounts/alice")
				if err != nil || response.StatusCode != http.StatusOK {
					b.Fatal(response, err)
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
			}
			b.ReportMetric(float64(processorTime()-begin)/1e3/float64(b.N), "CPU-µs/op")
		})
	}
}

// processorTime is what the process has used until now, in nanoseconds.
func processorTime() int64 {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return used.Utime.Nano() + used.Stime.Nano()
}
