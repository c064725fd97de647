package projector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"refold/eventsourcing"
	"refold/kafka"
	"refold/processors"
	"refold/projections"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is how long tests wait for what should happen in a moment.
const patience = 45 * time.Second

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !is(); kafka.Sleep(t.Context(), 2*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// The counter is the smallest aggregate that a projection can be made of: its events add to it.
type (
	Add   struct{ By int64 }
	Added struct{ By int64 }
)

// panics is an event that the projection's functions panic for, refused one whose row the store refuses.
const (
	panics  = 13
	refused = 17
)

func counter(foldVersion int) processors.Aggregate[int64, Add, Added] {
	return processors.Aggregate[int64, Add, Added]{
		Name: "counter", Plural: "counters", FoldVersion: foldVersion,
		Decide: func(eventsourcing.Context, int64, Add) ([]Added, error) { return nil, nil },
		Evolve: func(n int64, e eventsourcing.Recorded[Added]) int64 {
			return n + e.Event.By*int64(foldVersion)
		},
	}
}

// counterRows encodes the counter's rows, for a program without a registry.
type counterRows struct{}

func (counterRows) Encode(value any) ([]byte, error) {
	s := value.(eventsourcing.Snapshot[int64])
	return json.Marshal([]int64{s.Sequence, s.State})
}

func (counterRows) Decode(data []byte) (any, error) {
	var numbers [2]int64
	if err := json.Unmarshal(data, &numbers); err != nil {
		return nil, err
	}
	return eventsourcing.Snapshot[int64]{Sequence: numbers[0], State: numbers[1]}, nil
}

// Line is a row for each event, Total one that all counters add to, Current one for each counter.
type (
	Line struct {
		ID       string `column:"id,key,subject"`
		Sequence int64  `column:"sequence,key"`
		By       int64  `column:"by"`
		After    int64  `column:"after"`
	}
	Total struct {
		Of     string `column:"of,key"`
		Count  int64  `column:"count,sum"`
		Amount int64  `column:"amount,sum"`
	}
	Current struct {
		ID       string `column:"id,key,subject"`
		Sequence int64  `column:"sequence"`
		Value    int64  `column:"value"`
	}
)

var (
	lines    = projections.NewTable[Line]("lines")
	totals   = projections.NewTable[Total]("totals")
	currents = projections.NewTable[Current]("currents")
)

// ledger takes each event.
func ledger(version, foldVersion int) projections.Projection {
	return projections.Projection{
		Name: "ledger", Version: version, Tables: projections.Tables{lines.Table, totals.Table},
		Sources: []projections.Source{projections.FromEvents(counter(foldVersion),
			func(e projections.Event[int64, Added]) []projections.Change {
				if e.Event.By == panics {
					panic("thirteen")
				}
				return []projections.Change{
					lines.Put(Line{e.Subject, e.Sequence, e.Event.By, e.After}),
					totals.Merge(Total{"all", 1, e.Event.By}, "count", "amount"),
				}
			})},
	}
}

// states takes states alone.
func states(version, foldVersion int) projections.Projection {
	return projections.Projection{
		Name: "states", Version: version, Tables: projections.Tables{currents.Table},
		Sources: []projections.Source{projections.FromStates(counter(foldVersion),
			func(s projections.State[int64]) []projections.Change {
				if s.State == panics {
					panic("thirteen")
				}
				return []projections.Change{currents.Put(Current{s.Subject, s.Sequence, s.State})}
			})},
	}
}

var errRegistryAway = errors.New("the registry does not answer")

// registryAway lets all events wait.
var registryAway atomic.Bool

// sourcesOf opens the sources of a projection of counters.
func sourcesOf(p projections.Projection) []*projections.OpenSource {
	source := p.Bare()[0]
	f := processors.NewFold(counter(source.FoldVersion).Decider(), nil, counterRows{})
	source.EncodeState, source.DecodeState = f.EncodeState, f.DecodeState
	source.Decode = func(r *kgo.Record) (any, error) {
		var sequence, by int64
		if registryAway.Load() {
			return nil, errRegistryAway
		}
		if _, err := fmt.Sscanf(string(r.Value), "%d:%d", &sequence, &by); err != nil {
			return nil, &processors.FoldError{Reason: "undecodable", Err: err}
		}
		event, _ := source.Record(Added{by}, sequence, r.Timestamp, "")
		return event, nil
	}
	return []*projections.OpenSource{source}
}

// topic is the counters' events.
const topic = "counter-events"

// event is an event of a counter.
type event struct {
	id           string
	sequence, by int64
}

func (e event) record() *kgo.Record {
	return &kgo.Record{
		Topic: topic, Key: []byte(e.id), Value: fmt.Appendf(nil, "%d:%d", e.sequence, e.by),
		Timestamp: time.UnixMilli(1_790_000_000_000 + e.sequence),
	}
}

// rowsOf returns all rows of a build as text: table and key, and the values.
func rowsOf(tb testing.TB, p projections.Projection, b projections.OpenBuild) map[string]string {
	tb.Helper()
	ctx, rows := context.Background(), make(map[string]string)
	err := b.Look(ctx, func(v projections.View) error {
		for _, t := range p.Tables {
			err := v.Rows(ctx, t, func(values []any) error {
				rows[t.Name+"/"+t.Key(values)] = text(values...)
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	return rows
}

// text returns values with spaces in between.
func text(values ...any) string { return strings.TrimSpace(fmt.Sprintln(values...)) }

// wantOf folds events without a store: the rows of a projection of counters, by what the tables are.
func wantOf(p projections.Projection, foldVersion int64, events []event) map[string]string {
	rows, sums := make(map[string]string), make(map[string]int64)
	count, amount := int64(0), int64(0)
	for _, e := range events {
		sums[e.id] += e.by * foldVersion
		count, amount = count+1, amount+e.by
		if p.Name == "states" {
			rows["currents/"+e.id] = text(e.id, e.sequence, sums[e.id])
			continue
		}
		rows[fmt.Sprintf("lines/%s/%d", e.id, e.sequence)] = text(e.id, e.sequence, e.by, sums[e.id])
		rows["totals/all"] = text("all", count, amount)
	}
	return rows
}
