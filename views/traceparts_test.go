package views_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"refold/views"
)

// However the messages of a trace are spread over pods, and whatever several of them have: the trace is the
// one of a pod that has everything.
func TestTraceOfParts(t *testing.T) {
	began := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	kinds := []views.Kind{views.KindCommand, views.KindEvent, views.KindResult, views.KindDeadLetter}
	rapid.Check(t, func(t *rapid.T) {
		all := make([]views.Message, rapid.IntRange(1, 20).Draw(t, "messages"))
		parts := make([]views.TracePart, rapid.IntRange(1, 4).Draw(t, "pods"))
		limit := rapid.IntRange(1, 25).Draw(t, "limit")
		for i := range all {
			all[i] = views.Message{
				Kind: rapid.SampledFrom(kinds).Draw(t, "kind"), ID: fmt.Sprint("m-", i), CorrelationID: "c",
				CausationID: fmt.Sprint("m-", rapid.IntRange(0, len(all)).Draw(t, "cause")), Subject: "s",
				Aggregate: rapid.SampledFrom([]string{"account", "order"}).Draw(t, "aggregate"),
				Time:      began.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "time"))),
				Place:     views.Place{Topic: "t", Offset: int64(i)},
			}
			for n := range rapid.IntRange(1, 2).Draw(t, "copies") {
				pod := &parts[(rapid.IntRange(0, 3).Draw(t, "pod")+n)%len(parts)]
				pod.Messages = append(pod.Messages, all[i])
			}
		}
		want, err := views.JoinTrace("c", limit, views.TracePart{Messages: all})
		if err != nil {
			t.Fatal(err)
		}
		for i, part := range parts { // each pod has its first messages only
			if own, err := views.JoinTrace("c", limit, part); err == nil {
				parts[i] = own.Part()
			}
		}
		if got, err := views.JoinTrace("c", limit, parts...); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("got %+v, %v\nwant %+v", got, err, want)
		}
	})
	if _, err := views.JoinTrace("c", 10, views.TracePart{}); !errors.Is(err, views.ErrNotFound) {
		t.Errorf("no message at all: %v", err)
	}
}
