package snapshots_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/snapshots"
)

// cpuTime is the processor time of this process so far, or of the calling thread.
func cpuTime(b *testing.B, who int) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(who, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// thread is Linux's RUSAGE_THREAD.
const thread = 1

// filler is bytes of which half can be compressed, as in rows of records in Avro.
func filler() []byte {
	b, source := make([]byte, 1<<20), rand.NewPCG(1, 2)
	for i := 0; i < len(b); i += 16 {
		binary.LittleEndian.PutUint64(b[i:], source.Uint64())
		copy(b[i+8:], "account-")
	}
	return b
}

// BenchmarkShipped writes what a worker writes for each command, with the processor time of all merges: a row
// of its table, one of the history (at the end of its aggregate's), and one that is found by the hash of the
// command's ID. N is commands, to 1,000,000 accounts in twelve partitions, in batches of 5,000.
func BenchmarkShipped(b *testing.B) {
	const (
		partitions, accounts, batch   = 12, 1_000_000, 5_000
		rowBytes, eventBytes, idBytes = 150, 350, 150
	)
	w := newWorld(b)
	stores := benchStores(b, w, b.TempDir(), 0)
	var tables [partitions]*snapshots.Staged
	var histories, outcomes [partitions]*snapshots.Follower
	for _, topic := range []string{"rows", "events", "results"} {
		if err := w.Kafka().CreateTopic(topic, partitions, nil); err != nil {
			b.Fatal(err)
		}
	}
	for p := range int32(partitions) {
		var err error
		if tables[p], err = stores.Staged(b.Context(), "rows", p); err == nil {
			err = tables[p].Open()
		}
		if err != nil {
			b.Fatal(err)
		}
		for topic, f := range map[string]**snapshots.Follower{
			"events": &histories[p], "results": &outcomes[p],
		} {
			if *f, err = stores.Follower(b.Context(), topic, p, snapshots.Projection{}); err == nil {
				err = (*f).Open()
			}
			if err != nil {
				b.Fatal(err)
			}
		}
	}
	random, fill := rand.New(rand.NewPCG(5, 6)), filler()
	sequences := make([]uint64, accounts)
	value := func(i, size int) []byte {
		at := i * 7919 * 16 % (len(fill) - size)
		return fill[at : at+size]
	}
	var offsets [partitions]int64
	events, results := make([][]*kgo.Record, partitions), make([][]*kgo.Record, partitions)
	var generated time.Duration
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	b.ResetTimer()
	begin := cpuTime(b, syscall.RUSAGE_SELF)
	for done := 0; done < b.N; done += batch {
		generating := cpuTime(b, thread)
		for p := range partitions {
			events[p], results[p] = events[p][:0], results[p][:0]
		}
		for i := range min(batch, b.N-done) {
			account := random.IntN(accounts)
			p := account % partitions
			id := done + i
			sequences[account]++
			key := fmt.Sprintf("account-%09d", account)
			if err := tables[p].Set(key, value(id, rowBytes)); err != nil {
				b.Fatal(err)
			}
			event := binary.BigEndian.AppendUint64([]byte(key+"\x00"), sequences[account])
			hash := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(id)))
			offset := offsets[p] + int64(len(events[p]))
			events[p] = append(events[p],
				&kgo.Record{Offset: offset, Key: event, Value: value(id, eventBytes)})
			results[p] = append(results[p],
				&kgo.Record{Offset: offset, Key: hash[:], Value: value(id, idBytes)})
		}
		generated += cpuTime(b, thread) - generating
		for p := range partitions {
			if len(events[p]) == 0 {
				continue
			}
			offsets[p] += int64(len(events[p]))
			tables[p].Seal()
			if err := tables[p].Commit(offsets[p]); err != nil {
				b.Fatal(err)
			}
			if err := histories[p].Apply(events[p]...); err != nil {
				b.Fatal(err)
			}
			if err := outcomes[p].Apply(results[p]...); err != nil {
				b.Fatal(err)
			}
		}
	}
	w.shut(stores) // with the merges that are under way
	b.StopTimer()
	spent := cpuTime(b, syscall.RUSAGE_SELF) - begin - generated
	b.ReportMetric(float64(spent.Nanoseconds())/1e3/float64(3*b.N), "cpu-µs/row")
}
