package processors_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/twmb/franz-go/pkg/kgo"
	"pgregory.net/rapid"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/fold"
	"refold/kafka"
	"refold/processors"
)

// The jar counts euros as a text in the release before, cents in today's, which also counts what was put into
// it: that is made of the events alone.
type (
	jarOld struct {
		Money string `avro:"money"`
	}
	Jar struct {
		Cents int64 `avro:"cents"`
		Often int64 `avro:"often"`
	}
	jarFill1 struct {
		Money string `avro:"money"`
	}
	JarFill struct {
		Cents int64 `avro:"cents"`
	}
	JarHalve  struct{}
	jarMoved1 struct {
		Money string `avro:"money"`
	}
	JarMoved struct {
		Cents int64 `avro:"cents"`
	}
	JarBroken struct{}
	JarBreak  struct{}
)

// at is when commands of these tests were sent.
var at = time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)

func jarEuros(cents int64) (string, error) {
	if cents%100 != 0 {
		return "", fmt.Errorf("%d cents are no whole euros", cents)
	}
	return strconv.FormatInt(cents/100, 10) + " EUR", nil
}

func jarCents(money string) (cents int64) {
	_, _ = fmt.Sscanf(money, "%d EUR", &cents)
	return 100 * cents
}

// jarBefore is the release before. Its types are called as today's.
func jarBefore() processors.Aggregate[jarOld, any, any] {
	type JarFill jarFill1
	type JarHalve struct{}
	type JarMoved jarMoved1
	return processors.Aggregate[jarOld, any, any]{
		Name: "jar", Plural: "jars",
		Decide: func(_ eventsourcing.Context, s jarOld, c any) ([]any, error) {
			if fill, is := c.(JarFill); is {
				return []any{JarMoved(fill)}, nil
			}
			half, err := jarEuros(-jarCents(s.Money) / 200 * 100)
			return []any{JarMoved{half}}, err
		},
		Evolve: func(s jarOld, e eventsourcing.Recorded[any]) jarOld {
			money, err := jarEuros(jarCents(s.Money) + jarCents(e.Event.(JarMoved).Money))
			if err != nil {
				panic(err)
			}
			return jarOld{money}
		},
		Commands: []processors.Message{
			processors.Of(JarFill{}, "Fills."), processors.Of(JarHalve{}, "Halves."),
		},
		Events: []processors.Message{processors.Of(JarMoved{}, "Moved.")},
	}
}

func jarToday() processors.Aggregate[Jar, any, any] {
	return processors.Aggregate[Jar, any, any]{
		Name: "jar", Plural: "jars", FoldVersion: 2,
		Decide: func(_ eventsourcing.Context, s Jar, c any) ([]any, error) {
			switch c := c.(type) {
			case JarFill:
				return []any{JarMoved(c)}, nil
			case JarBreak:
				return []any{JarMoved{-s.Cents}, JarBroken{}}, nil
			}
			return []any{JarMoved{-s.Cents / 2}}, nil
		},
		Evolve: func(s Jar, e eventsourcing.Recorded[any]) Jar {
			if moved, is := e.Event.(JarMoved); is {
				s.Cents += moved.Cents
			}
			s.Often++
			return s
		},
		Commands: []processors.Message{
			processors.Of(JarFill{}, "Fills."), processors.Of(JarHalve{}, "Halves."),
			processors.Of(JarBreak{}, "Breaks it.").Upcoming(),
		},
		Events: []processors.Message{
			processors.Of(JarMoved{}, "Moved."), processors.Of(JarBroken{}, "Broken.").Upcoming(),
		},
		FormerCommands: []processors.Former{processors.Downcast(
			processors.Upcast("JarFill", func(c jarFill1) JarFill { return JarFill{jarCents(c.Money)} }),
			func(c JarFill) (jarFill1, error) {
				money, err := jarEuros(c.Cents)
				return jarFill1{money}, err
			},
		)},
		FormerEvents: []processors.Former{processors.Downcast(
			processors.Upcast("JarMoved", func(e jarMoved1) JarMoved { return JarMoved{jarCents(e.Money)} }),
			func(e JarMoved) (jarMoved1, error) {
				money, err := jarEuros(e.Cents)
				return jarMoved1{money}, err
			},
		)},
		FormerStates: []processors.Former{processors.Downcast(
			processors.UpcastState(1, func(s jarOld) Jar { return Jar{Cents: jarCents(s.Money)} }),
			func(s Jar) (jarOld, error) {
				money, err := jarEuros(s.Cents)
				return jarOld{money}, err
			},
		)},
	}
}

func opened(
	t *testing.T, registry *codecs.Registry, a processors.AggregateDefinition,
) *processors.OpenAggregate {
	t.Helper()
	o, err := a.Open(registry)
	must(t, err)
	return o
}

// Property: two releases take turns at one aggregate. Each reads what the other has written, and the row that
// is there is the fold of the events that were written, by either (G4). A command of which that could not be
// is rejected.
func TestReleasesTakeTurns(t *testing.T) {
	registry := registryOf(t)
	before := opened(t, registry, jarBefore())
	must(t, before.Prepare(t.Context()))
	today := opened(t, registry, jarToday())
	must(t, today.Prepare(t.Context()))
	must(t, before.Prepare(t.Context())) // started once more
	equal(t, "the fold version of rows", today.RowsVersion(), 1)
	rapid.Check(t, func(t *rapid.T) {
		var row []byte
		var records []kgo.Record
		for i := range rapid.IntRange(1, 12).Draw(t, "commands") {
			a, command := before, any(nil)
			if cents := rapid.Int64Range(0, 30).Draw(t, "tens of cents") * 10; rapid.Bool().Draw(t, "new") {
				a = today
				command = rapid.SampledFrom([]any{JarFill{cents}, JarHalve{}, JarBreak{}}).Draw(t, "command")
			} else {
				command = fill(t, before, cents/100)
			}
			handled, err := a.History.Handle(row, command, eventsourcing.Metadata{
				ID: strconv.Itoa(i), Subject: "j", Time: at,
			}, 4)
			if err != nil {
				t.Fatal(err)
			}
			row = handled.Row
			for _, e := range handled.Events {
				sequence := strconv.AppendInt(nil, e.Metadata.Sequence, 10)
				records = append(records, kgo.Record{
					Key: []byte("j"), Value: e.Value,
					Headers: []kgo.RecordHeader{{Key: codecs.HeaderSequence, Value: sequence}},
				})
			}
			for name, reads := range map[string]fold.RowFold{"before": before.Fold, "today": today.Fold} {
				isFold(t, name, reads, records, row)
			}
		}
	})
}

// fill is a command of the release before.
func fill(t *rapid.T, before *processors.OpenAggregate, euros int64) any {
	command, err := before.Commands.FromJSON("JarFill", fmt.Appendf(nil, `{"money": "%d EUR"}`, euros))
	if err != nil {
		t.Fatal(err)
	}
	return command
}

// isFold fails unless the row is the fold of the events.
func isFold(t *rapid.T, name string, by fold.RowFold, events []kgo.Record, row []byte) {
	var state any
	for i := range events {
		event, err := by.Decode(&events[i])
		if err == nil {
			state, err = by.Apply(state, event)
		}
		if err != nil {
			t.Fatalf("%s, event %d: %v", name, i+1, err)
		}
		b, err := by.EncodeState(state)
		if err == nil {
			state, err = by.DecodeState(b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if state == nil {
		return
	}
	if equal, err := by.Equal(state, row); err != nil || !equal {
		t.Fatalf("%s: the row differs from the fold of %d events, %v", name, len(events), err)
	}
	if again, err := by.Row(state, row); err != nil || !bytes.Equal(again, row) {
		t.Fatalf("%s: the row is made again as\n%x, it is\n%x, %v", name, again, row, err)
	}
}

// A command whose events can't be expressed is rejected, and neither events nor the row are written in
// today's version, until the latest is allowed.
func TestNotYetWritable(t *testing.T) {
	registry := registryOf(t)
	before, today := opened(t, registry, jarBefore()), opened(t, registry, jarToday())
	must(t, before.Prepare(t.Context()))
	must(t, today.Prepare(t.Context()))
	latest := opened(t, registry, jarToday())
	latest.WriteLatest()
	equal(t, "the fold version of rows", latest.RowsVersion(), 2)

	give := func(a *processors.OpenAggregate, row []byte, id string, command any) processors.Handled {
		t.Helper()
		m := eventsourcing.Metadata{ID: id, Subject: "j", Time: at}
		handled, err := a.History.Handle(row, command, m, 4)
		must(t, err)
		return handled
	}
	first := give(today, nil, "1", JarFill{300})
	for id, command := range map[string]any{"2": JarHalve{}, "3": JarFill{1}, "4": JarBreak{}} {
		refused := give(today, first.Row, id, command)
		equal(t, "events of "+id, len(refused.Events), 0)
		if _, _, err := before.Row(refused.Row); err != nil {
			t.Errorf("the release before can't read the row after %s: %v", id, err)
		}
	}
	broken := give(latest, first.Row, "5", JarBreak{})
	equal(t, "events", len(broken.Events), 2)
	odd := give(latest, first.Row, "6", JarFill{1})
	// The operator has gone back to the former version, too late for this one.
	kept := give(today, odd.Row, "7", JarHalve{})
	equal(t, "events of a state that can't be expressed", len(kept.Events), 0)
	_, state, err := latest.Row(kept.Row)
	must(t, err)
	equal(t, "its state", state, any(Jar{Cents: 301, Often: 1}))

	_, err = today.Commands.Encode(JarFill{1})
	equal(t, "a command is not written", errors.Is(err, codecs.ErrNotYetWritable), true)
}

// A record that leads a process to a command that can't be written yet is set aside, until it can be
// replayed; other commands are written as the release before reads them, under its name of the type.
func TestProcessSendsFormerCommands(t *testing.T) {
	registry := registryOf(t)
	before, today := opened(t, registry, jarBefore()), opened(t, registry, jarToday())
	must(t, before.Prepare(t.Context()))
	must(t, today.Prepare(t.Context()))
	sweep := processors.Process[any]{
		Name: "sweep", Of: jarToday(), Commands: []processors.AggregateDefinition{jarToday()},
		React: func(e eventsourcing.Envelope[any]) []eventsourcing.Instruction {
			moved := e.Data.(JarMoved)
			return []eventsourcing.Instruction{
				{Aggregate: "jar", Subject: "all", Command: JarFill{100}},
				{Aggregate: "jar", Subject: "all", Command: JarFill{moved.Cents / 2}},
			}
		},
	}
	process, err := sweep.Open(registry)
	must(t, err)
	must(t, process.Inputs.Prepare(t.Context()))
	graph, err := process.Graph(
		map[string]processors.Target{"jar": {Topic: "jar-commands", Commands: today.Commands}},
		processors.GraphOptions{
			Metrics: processors.NewMetrics(prometheus.NewRegistry()), Logger: slog.New(slog.DiscardHandler),
		})
	must(t, err)
	r := newRunner(t, graph)
	moved := func(sequence, cents int64) {
		t.Helper()
		m := eventsourcing.Metadata{
			ID: fmt.Sprint("j/", sequence), Type: "JarMoved", Subject: "j", Sequence: sequence,
		}
		value, err := today.Events.Encode(JarMoved{cents})
		must(t, err)
		r.handle("jar-events", &kgo.Record{
			Key: []byte("j"), Value: value, Headers: recordHeaders(codecs.Headers(m)), Timestamp: at,
		})
	}
	moved(1, 100)
	letter, _ := r.next(processors.DeadLetters(""))
	equal(t, "reason", string(kafka.Header(letter.Headers, processors.HeaderReason)), "not-yet-writable")
	if _, is := r.next("jar-commands"); is {
		t.Error("a part of what an event leads to was sent")
	}
	moved(2, 400)
	for range 2 {
		sent, is := r.next("jar-commands")
		equal(t, "sent", is, true)
		if _, err := before.Commands.Decode(t.Context(), sent.Value); err != nil {
			t.Errorf("the release before: %v", err)
		}
	}
}
