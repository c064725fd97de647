package eventsourcing_test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"refold/eventsourcing"
)

// full returns a ring of 16 commands, every fourth rejected.
func full() eventsourcing.Recent {
	var ring eventsourcing.Recent
	for i := range int64(16) {
		e := eventsourcing.Entry{FirstSequence: 1000 + i, LastSequence: 1000 + i}
		if i%4 == 3 {
			e = eventsourcing.Entry{Code: "insufficient-funds"}
		}
		ring = ring.Add(strconv.FormatInt(i, 10), e, 16)
	}
	return ring
}

func BenchmarkHandle(b *testing.B) {
	const id = "0190f3f0-6f2c-7c3e-9a53-3f0c6f9d2b11" // as long as a UUID
	full := full()
	for _, bench := range []struct {
		name    string
		command tallyCommand
		id      string
	}{
		{"accepted", add{1}, id},
		{"rejected", add{-1}, id},
		{"repeated", add{1}, "15"},
	} {
		b.Run(bench.name, func(b *testing.B) {
			snapshot := eventsourcing.Snapshot[tally]{Sequence: 1000, Recent: full}
			command := eventsourcing.Envelope[tallyCommand]{
				Metadata: eventsourcing.Metadata{
					ID: bench.id, Subject: "alice", Time: time.Unix(1, 0),
				},
				Data: bench.command,
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := eventsourcing.Handle(tallyDecider, 16, snapshot, command); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRecent(b *testing.B) {
	ring := full()
	entry := eventsourcing.Entry{FirstSequence: 1016, LastSequence: 1016}
	b.Run("Find", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ring.Find("0190f3f0-6f2c-7c3e-9a53-3f0c6f9d2b11")
		}
	})
	b.Run("Add", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ring.Add("0190f3f0-6f2c-7c3e-9a53-3f0c6f9d2b11", entry, 16)
		}
	})
	b.Run(fmt.Sprintf("Parse %d bytes", len(ring.Bytes())), func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := eventsourcing.ParseRecent(ring.Bytes()); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkTypeName(b *testing.B) {
	var v tallyEvent = added{1}
	b.ReportAllocs()
	for b.Loop() {
		eventsourcing.TypeName(v)
	}
}
