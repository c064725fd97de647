package views_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/views"
)

// metadataHeaders are a record's headers.
func metadataHeaders(m eventsourcing.Metadata) []kgo.RecordHeader {
	var headers []kgo.RecordHeader
	for name, value := range codecs.Headers(m) {
		headers = append(headers, kgo.RecordHeader{Key: name, Value: value})
	}
	return headers
}

// writeEvent writes an event as a processor would.
func (f *fixture) writeEvent(t *testing.T, id string, sequence int64, commandID string) {
	t.Helper()
	value, err := f.events.Encode(Added{Amount: 10 * sequence})
	must(t, err)
	f.write(t, topics.Events, id, value, metadataHeaders(eventsourcing.Metadata{
		ID: fmt.Sprintf("%s/%d", id, sequence), Source: "counters", Type: "Added", Subject: id,
		Time: time.UnixMilli(1000 * sequence), Sequence: sequence, CausationID: commandID,
		CorrelationID: commandID, Traceparent: "00-1-2-01",
	})...)
}

// all returns an aggregate's whole history, page by page.
func all(t *testing.T, a *views.Aggregate, id string, q views.EventQuery) []views.Event {
	t.Helper()
	var events []views.Event
	for range 100 {
		page, err := a.Events(t.Context(), id, q)
		must(t, err)
		events = append(events, page.Events...)
		if page.Next == 0 {
			return events
		}
		if q.NewestFirst {
			q.Before = page.Next
		} else {
			q.After = page.Next
		}
	}
	t.Fatal("the history has no end")
	return nil
}

// text is a value in full, for comparisons.
func text(v any) string { return fmt.Sprintf("%+v", v) }

func sequences(events []views.Event) string {
	var b strings.Builder
	for _, e := range events {
		fmt.Fprintf(&b, "%d ", e.Sequence)
	}
	return strings.TrimSpace(b.String())
}

// The former events: one that has become two, and one that means nothing any more.
type (
	doubled struct {
		Amount int64 `avro:"amount"`
	}
	greeted struct {
		Name string `avro:"name"`
	}
)

func formerEvents() []codecs.Type {
	return []codecs.Type{
		codecs.Former(codecs.StructOptions{Name: "Doubled"}, func(d doubled) []any {
			return []any{Added{d.Amount}, Added{d.Amount}}
		}),
		codecs.Former(codecs.StructOptions{Name: "Greeted"}, func(greeted) []any { return nil }),
	}
}

// current returns types as they were when they were today's.
func current(types []codecs.Type) (all []codecs.Type) {
	for _, t := range types {
		all = append(all, t.Current())
	}
	return all
}

// G9: a history shows an event of a former version as it was written, and what it is read as.
func TestHistoryOfFormerVersions(t *testing.T) {
	f := newFixture(t)
	for i, event := range []any{doubled{7}, greeted{"x"}, Added{8}} {
		set := f.former
		if f.events.Has(event) {
			set = f.events
		}
		value, err := set.Encode(event)
		must(t, err)
		f.write(t, topics.Events, "a", value, metadataHeaders(eventsourcing.Metadata{
			ID: fmt.Sprint("a/", i+1), Type: "Doubled", Subject: "a", Sequence: int64(i) + 1,
		})...)
	}
	v := f.run(t)
	var got []string
	for _, e := range all(t, v.counters, "a", views.EventQuery{Limit: 10}) {
		line := fmt.Sprint(e.Sequence, " ", string(e.Data))
		if e.ReadAs != nil {
			line += " read as"
		}
		for _, part := range e.ReadAs {
			line += " " + part.Type + string(part.Data)
		}
		got = append(got, line)
	}
	want := []string{
		`1 {"amount":7} read as Added{"amount":7} Added{"amount":7}`,
		`2 {"name":"x"} read as`,
		`3 {"amount":8}`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// G2: a history is whole and in order, whether its events came before the view or after, after a
// restart with the store as it was, and without it; and no aggregate has events of another whose ID
// begins like its own.
func TestHistory(t *testing.T) {
	f := newFixture(t)
	ids := []string{"a", "ab", "a\x00", "a\x00\x01", "a\x00\xff"}
	write := func(from, to int64) {
		for s := from; s <= to; s++ {
			for _, id := range ids {
				f.writeEvent(t, id, s, "c-1")
			}
		}
	}
	write(1, 4)
	v := f.run(t)
	write(5, 7) // the live tail
	before := make(map[string][]views.Event)
	for _, id := range ids {
		_, err := v.counters.WaitEvents(patient(t), id, views.EventQuery{After: 6, Limit: 1})
		must(t, err)
		before[id] = all(t, v.counters, id, views.EventQuery{Limit: 2})
		if got := sequences(before[id]); got != "1 2 3 4 5 6 7" {
			t.Errorf("%q: %s", id, got)
		}
	}
	want := views.Event{
		ID: "ab/6", Type: "Added", Sequence: 6, Time: time.UnixMilli(6000).UTC(),
		CorrelationID: "c-1", CausationID: "c-1", Traceparent: "00-1-2-01",
		Data: []byte(`{"amount":60}`),
	}
	if got := before["ab"][5]; text(got) != text(want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	for name, prepare := range map[string]func(){
		"store kept": func() {}, "store lost": func() { must(t, os.RemoveAll(f.dir)) },
	} {
		v.stop()
		prepare()
		v = f.run(t)
		for _, id := range ids {
			got := all(t, v.counters, id, views.EventQuery{Limit: 3})
			if text(got) != text(before[id]) {
				t.Errorf("%s: %q was %+v, is %+v", name, id, before[id], got)
			}
		}
	}
}

func TestHistoryPages(t *testing.T) {
	f := newFixture(t)
	for s := int64(1); s <= 5; s++ {
		f.writeEvent(t, "alice", s, "c-1")
	}
	v := f.run(t)
	for _, test := range []struct {
		query views.EventQuery
		want  string
		next  int64
	}{
		{views.EventQuery{Limit: 10}, "1 2 3 4 5", 0},
		{views.EventQuery{Limit: 5}, "1 2 3 4 5", 0},
		{views.EventQuery{Limit: 2}, "1 2", 2},
		{views.EventQuery{Limit: 2, After: 2}, "3 4", 4},
		{views.EventQuery{Limit: 2, After: 5}, "", 0},
		{views.EventQuery{Limit: 2, After: 1 << 62}, "", 0},
		{views.EventQuery{Limit: 9, After: 1, Before: 4}, "2 3", 0},
		{views.EventQuery{Limit: 9, NewestFirst: true}, "5 4 3 2 1", 0},
		{views.EventQuery{Limit: 2, NewestFirst: true}, "5 4", 4},
		{views.EventQuery{Limit: 2, NewestFirst: true, Before: 4}, "3 2", 2},
		{views.EventQuery{Limit: 2, NewestFirst: true, Before: 4, After: 1}, "3 2", 0},
		{views.EventQuery{Limit: 2, NewestFirst: true, Before: 1}, "", 0},
		{views.EventQuery{Limit: 2, NewestFirst: true, Before: 100}, "5 4", 4},
	} {
		page, err := v.counters.Events(t.Context(), "alice", test.query)
		if got := sequences(page.Events); err != nil || got != test.want || page.Next != test.next ||
			page.Sequence != 5 {
			t.Errorf("%+v: %s, next %d of %d, %v; want %s, next %d",
				test.query, got, page.Next, page.Sequence, err, test.want, test.next)
		}
	}
	if _, err := v.counters.Events(t.Context(), "nobody", views.EventQuery{Limit: 1}); !errors.Is(
		err, views.ErrNotFound) {
		t.Errorf("nobody: %v", err)
	}
	v.stop()
	v = f.run(t, func(o *views.Options) { o.Limits.PageBytes = 1 })
	if got := sequences(all(t, v.counters, "alice", views.EventQuery{Limit: 3})); got != "1 2 3 4 5" {
		t.Errorf("in small pages %s", got)
	}
	page, err := v.counters.Events(t.Context(), "alice", views.EventQuery{Limit: 3})
	if len(page.Events) != 1 || err != nil {
		t.Errorf("a page of more bytes than allowed: %+v, %v", page, err)
	}
}

// Who waits for an event gets it when it is there, or the page without it when the time is over.
func TestHistoryWaits(t *testing.T) {
	f := newFixture(t)
	v := f.run(t)
	type answer struct {
		page views.EventPage
		err  error
	}
	answers := make(chan answer)
	wait := func(ctx context.Context, after int64) {
		page, err := v.counters.WaitEvents(ctx, "alice", views.EventQuery{After: after, Limit: 9})
		answers <- answer{page, err}
	}
	go wait(patient(t), 0)
	f.writeEvent(t, "alice", 1, "c-1")
	if a := <-answers; a.err != nil || sequences(a.page.Events) != "1" {
		t.Errorf("got %+v", a)
	}
	go wait(patient(t), 1)
	f.writeEvent(t, "alice", 2, "c-2")
	if a := <-answers; a.err != nil || sequences(a.page.Events) != "2" {
		t.Errorf("got %+v", a)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	page, err := v.counters.WaitEvents(ended, "alice", views.EventQuery{After: 2, Limit: 9})
	if !errors.Is(err, views.ErrNotYet) || page.Sequence != 2 || len(page.Events) > 0 {
		t.Errorf("in vain: %+v, %v", page, err)
	}
	page, err = v.counters.WaitEvents(ended, "nobody", views.EventQuery{Limit: 9})
	if !errors.Is(err, views.ErrNotYet) || page.Sequence != 0 {
		t.Errorf("nobody: %+v, %v", page, err)
	}
}

// G8: an event that can't be read is shown as far as it can, among the others.
func TestHistoryOfUnreadableEvents(t *testing.T) {
	f := newFixture(t)
	f.writeEvent(t, "alice", 1, "c-1")
	f.write(t, topics.Events, "alice", []byte("garbage"), metadataHeaders(eventsourcing.Metadata{
		ID: "alice/2", Type: "Added", Sequence: 2,
	})...)
	f.write(t, topics.Events, "alice", nil, kgo.RecordHeader{
		Key: codecs.HeaderSequence, Value: []byte("3"),
	})
	f.write(t, topics.Events, "alice", []byte("foreign")) // no event of ours: left out
	f.writeEvent(t, "alice", 4, "c-1")
	v := f.run(t)
	events := all(t, v.counters, "alice", views.EventQuery{Limit: 9})
	if sequences(events) != "1 2 3 4" {
		t.Fatalf("got %+v", events)
	}
	for i, want := range []codecs.Reason{
		"", codecs.ReasonNotWireFormat, codecs.ReasonBadHeader, "",
	} {
		var got codecs.Reason
		if why := events[i].Unreadable; why != nil {
			got = why.Reason
		}
		if got != want || (want == "") != (events[i].Data != nil) {
			t.Errorf("event %d: %+v", i+1, events[i])
		}
	}
	if events[1].ID != "alice/2" || events[1].Type != "Added" {
		t.Errorf("got %+v", events[1])
	}
}

func TestNoHistory(t *testing.T) {
	f := newFixture(t)
	v := f.run(t, func(o *views.Options) { o.NoHistory = true })
	_, err := v.counters.Events(t.Context(), "a", views.EventQuery{Limit: 1})
	_, waited := v.counters.WaitEvents(t.Context(), "a", views.EventQuery{Limit: 1})
	for _, err := range []error{err, waited} {
		if !errors.Is(err, views.ErrNoHistory) || !errors.Is(err, views.ErrNotReady) {
			t.Errorf("got %v", err)
		}
	}
}
