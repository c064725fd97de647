package deadletters_test

import (
	"testing"
	"time"

	"refold/processors"
	"refold/processors/deadletters"
)

// Letters are counted by reason and topic, the most frequent first; a limit does not cut the counts.
func TestSummarize(t *testing.T) {
	f := newFixture(t, 2)
	f.put(letter(0, 3, "a"), letter(1, 1, "b"), letter(2, 2, "c", processors.HeaderReason, "too-large"))
	counts, reading, err := f.open(f.settings()).Summarize(f.ctx, deadletters.Selection{Limit: 1})
	f.must(err)
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	f.equal("counts", counts, []deadletters.Count{
		{Reason: "undecodable", Topic: "order-commands", Count: 2, First: at(1), Last: at(3)},
		{Reason: "too-large", Topic: "order-commands", Count: 1, First: at(2), Last: at(2)},
	})
	f.equal("more", reading.More, false)
}

// A preview says what would become of the letters, and changes nothing.
func TestPreview(t *testing.T) {
	f := newFixture(t, 2)
	f.put(letter(0, 1, "a"), letter(0, 2, "b"),
		letter(1, 3, "c", processors.HeaderReplayTopic, "order-events"))
	f.settled(deadletters.Selection{Refs: refs("0/0")}, replay)
	for range 2 {
		tally, last, err := f.open(f.settings()).Preview(f.ctx, deadletters.Selection{}, deadletters.Replayed)
		f.must(err)
		f.equal("tally", tally, deadletters.Tally{
			deadletters.Done: 1, deadletters.Already: 1, deadletters.Impossible: 1,
		})
		f.equal("last", last.Ref.String(), "0/1")
	}
	tally, last, err := f.open(f.settings()).Preview(f.ctx, deadletters.Selection{Refs: refs("0/0")},
		deadletters.Discarded)
	f.must(err)
	f.equal("tally", tally, deadletters.Tally{deadletters.Already: 1})
	if last != nil {
		t.Errorf("nothing would be settled, but %s", last.Ref)
	}
}
