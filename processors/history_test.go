package processors_test

import (
	"bytes"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/foldtest"
)

// The history of sample traffic folds into its own row (G4), and a stale row is not what it folds into.
func TestHistoryFoldsIntoItsRow(t *testing.T) {
	a := foldtest.Open(t, accounts.Definition)
	random := rand.New(rand.NewPCG(1, 2))
	var row, before []byte
	var state any
	events := 0
	for n := range 8 {
		handled, err := a.History.Handle(row, a.Traffic(n, random), eventsourcing.Metadata{
			ID: "command-" + strconv.Itoa(n), Subject: "zoe", Time: time.UnixMilli(1_790_000_000_000).UTC(),
		}, 16)
		if err != nil {
			t.Fatal(err)
		}
		if len(handled.Events) > 0 {
			before = row
		}
		row = handled.Row
		for _, event := range handled.Events {
			events++
			state = applied(t, a, state, event)
		}
	}
	if events < 2 {
		t.Errorf("%d events", events)
	}
	if equal, err := a.Fold.Equal(state, row); err != nil || !equal {
		t.Errorf("the row is not the fold of the events: %v", err)
	}
	stale, err := a.History.Stale(before, row)
	if err != nil {
		t.Fatal(err)
	}
	if equal, err := a.Fold.Equal(state, stale); err != nil || equal {
		t.Errorf("the stale row is the fold of the events: %v", err)
	}
	at, _ := a.Fold.Sequence(row)
	if claimed, err := a.Fold.Sequence(stale); err != nil || claimed != at || bytes.Equal(stale, row) {
		t.Errorf("the stale row claims %d, the row is at %d: %v", claimed, at, err)
	}
	if _, err := a.History.Stale(row, row); err == nil {
		t.Error("a row is stale beside itself")
	}
	if _, err := a.History.Handle(row, "no command", eventsourcing.Metadata{}, 16); err == nil {
		t.Error("a text is handled")
	}
}

// applied folds an event into the state.
func applied(t *testing.T, a *processors.OpenAggregate, state any, event processors.HandledEvent) any {
	t.Helper()
	record := &kgo.Record{Key: []byte(event.Metadata.Subject), Value: event.Value}
	for name, value := range codecs.Headers(event.Metadata) {
		record.Headers = append(record.Headers, kgo.RecordHeader{Key: name, Value: value})
	}
	decoded, err := a.Fold.Decode(record)
	if err == nil {
		state, err = a.Fold.Apply(state, decoded)
	}
	if err != nil {
		t.Fatal(err)
	}
	return state
}
