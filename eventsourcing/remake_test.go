package eventsourcing_test

import (
	"bytes"
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"refold/eventsourcing"
)

// G1 after a table was lost: the ring that events and results make again is the one that it was; where
// results are not kept any more, it lacks commands without events, and nothing else.
func TestRemake_property(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		size := rapid.IntRange(0, 6).Draw(t, "size")
		outcomes := rapid.SliceOfN(rapid.IntRange(-1, 3), 0, 20).Draw(t, "outcomes")
		lost := rapid.IntRange(0, len(outcomes)).Draw(t, "results lost")
		var caused, told, want eventsourcing.Recent
		sequence := int64(0)
		for n, events := range outcomes {
			id := fmt.Sprintf("c%d", n)
			entry := eventsourcing.Entry{Code: "no"}
			if events >= 0 {
				entry = eventsourcing.Entry{
					FirstSequence: sequence + 1, LastSequence: sequence + int64(events),
				}
			}
			for range events {
				sequence++
				caused = caused.Caused(id, sequence, size)
			}
			if n >= lost {
				told = told.Add(id, entry, size)
			}
			if n >= lost || events > 0 {
				want = want.Add(id, entry, size)
			}
		}
		got := eventsourcing.Remake(caused, told, size)
		if !bytes.Equal(got.Bytes(), want.Bytes()) {
			t.Fatalf("got  %x\nwant %x", got.Bytes(), want.Bytes())
		}
		if _, err := eventsourcing.ParseRecent(got.Bytes()); err != nil {
			t.Fatal(err)
		}
	})
}

// Results that are lost in the middle: what events know is put where its sequence says.
func TestRemake_gap(t *testing.T) {
	entry := func(first, last int64) eventsourcing.Entry {
		return eventsourcing.Entry{FirstSequence: first, LastSequence: last}
	}
	var caused, told eventsourcing.Recent
	for n := range int64(4) {
		caused = caused.Caused(fmt.Sprintf("c%d", n), n+1, 16)
	}
	told = told.Add("c1", entry(2, 2), 16).Add("c3", entry(4, 4), 16)
	got := eventsourcing.Remake(caused, told, 16)
	if !got.Equal(caused) {
		t.Errorf("got %x\nwant %x", got.Bytes(), caused.Bytes())
	}
	if until := told.Until(3); until.Len() != 1 {
		t.Errorf("of %d commands %d are left", told.Len(), until.Len())
	}
}
