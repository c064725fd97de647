package processors

import (
	"fmt"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
)

// History makes the past of an aggregate by handling commands, as the graph does, without Kafka. Benchmarks
// and tests fill topics with what it returns.
type History struct {
	// Handle handles a command. The row is that before it; nil if there is none yet. The metadata needs an
	// ID, a subject and a time. The row after it remembers the latest recentSize commands.
	Handle func(row []byte, command any, m eventsourcing.Metadata, recentSize int) (Handled, error)
	// Stale returns a row that lies: it has the state of the row before, and all else of the row after. The
	// error says so if both have the same state.
	Stale func(before, after []byte) ([]byte, error)
}

// Handled is the outcome of a command, as topics have it.
type Handled struct {
	// Events are the new ones, in order; none if the command was rejected.
	Events []HandledEvent
	// Row is the row after the command.
	Row []byte
}

// HandledEvent is the value of an event's record, and the metadata that its headers have.
type HandledEvent struct {
	Metadata eventsourcing.Metadata
	Value    []byte
}

// historyOf returns the history of an aggregate with the behaviour and codecs given.
func historyOf[S, C, E any](
	d eventsourcing.Decider[S, C, E], source string, events *codecs.Set, table goka.Codec,
) History {
	h := &histories[S, C, E]{d, source, events, &RowCodec[S]{initial: d.Initial, rows: table}}
	return History{Handle: h.handle, Stale: h.stale}
}

// histories is a History with the aggregate's types.
type histories[S, C, E any] struct {
	decider eventsourcing.Decider[S, C, E]
	source  string
	events  *codecs.Set
	rows    *RowCodec[S]
}

// before returns the snapshot that a row, or none, is.
func (h *histories[S, C, E]) before(row []byte) (eventsourcing.Snapshot[S], error) {
	if row == nil {
		return eventsourcing.Snapshot[S]{State: h.decider.Initial}, nil
	}
	return h.rows.snapshot(row)
}

func (h *histories[S, C, E]) handle(
	row []byte, command any, m eventsourcing.Metadata, recentSize int,
) (Handled, error) {
	before, err := h.before(row)
	if err != nil {
		return Handled{}, err
	}
	data, is := command.(C)
	if !is {
		return Handled{}, fmt.Errorf("a %T is no command to %s", command, h.source)
	}
	outcome, err := eventsourcing.Handle(h.decider, recentSize, before,
		eventsourcing.Envelope[C]{Metadata: m, Data: data})
	if err != nil {
		return Handled{}, err //nolint:wrapcheck // it names the command and the aggregate
	}
	handled := Handled{Events: make([]HandledEvent, len(outcome.Events))}
	for i, event := range outcome.Events {
		event.Source = h.source
		handled.Events[i].Metadata = event.Metadata
		handled.Events[i].Metadata.Type = h.events.WrittenType(event.Data)
		if handled.Events[i].Value, err = h.events.Encode(event.Data); err != nil {
			return Handled{}, err //nolint:wrapcheck // it names the type
		}
	}
	encode := h.rows.encode
	if len(outcome.Events) == 0 {
		encode = h.rows.keep
	}
	handled.Row, err = encode(outcome.Snapshot)
	return handled, err
}

func (h *histories[S, C, E]) stale(before, after []byte) ([]byte, error) {
	old, err := h.before(before)
	if err != nil {
		return nil, err
	}
	now, err := h.rows.snapshot(after)
	if err != nil {
		return nil, err
	}
	equal, err := h.rows.Equal(&folded[S]{old.State, now.Sequence}, after)
	if err != nil {
		return nil, err
	}
	if equal {
		return nil, fmt.Errorf("a row of %s has the same state as the one before it", h.source)
	}
	now.State = old.State
	return h.rows.encode(now)
}
