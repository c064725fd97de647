package audit

import (
	"encoding/json"
	"fmt"
	"time"
)

// served is what a view must show of an aggregate.
type served struct {
	sequence int64
	state    name
	history  name
}

// trace is what a view must show of a trace: how many messages, and the sum of their names.
type trace struct {
	id       string
	messages int
	sum      name
}

// sample keeps some of many traces: those whose names are divisible by a number that doubles
// whenever there are too many.
type sample struct {
	limit   int // 0: none
	modulus name
	kept    map[name]*trace
}

// serve has the ledger remember what views must show.
func (l *ledger) serve(o Options) {
	if len(o.Workers) == 0 {
		return
	}
	l.served = make(map[name]*served)
	l.traces = &sample{limit: o.Sample, modulus: 1, kept: make(map[name]*trace)}
}

// traced notes a message of a trace.
func (l *ledger) traced(root, kind, id string) {
	s := l.traces
	if s == nil || root == "" || beyondLimits(root) {
		return
	}
	hash := l.name(root)
	if hash%s.modulus != 0 {
		return
	}
	t := s.kept[hash]
	if t == nil {
		t = &trace{id: root}
		s.kept[hash] = t
	}
	t.messages++
	t.sum += l.name(kind, "\x00", id)
	for s.limit > 0 && len(s.kept) > s.limit {
		s.modulus *= 2
		for other := range s.kept {
			if other%s.modulus != 0 {
				delete(s.kept, other)
			}
		}
	}
}

// show notes what views must show of a world.
func (l *ledger) show(w *World) {
	if l.served == nil {
		return
	}
	for key, row := range w.Rows {
		if row.Sequence > 0 && row.State != nil {
			s := l.shown(w.Kind, key)
			s.sequence, s.state = row.Sequence, l.shownState(row.State)
		}
	}
	for i := range w.Events {
		e := &w.Events[i]
		s := l.shown(w.Kind, e.Key)
		s.history = l.after(s.history, e.ID, e.Type, e.Sequence, e.Correlation, e.Causation,
			plain(e.Fields, func(t time.Time) any { return t.UnixMilli() }))
	}
}

func (l *ledger) shown(kind Kind, key string) *served {
	hash := l.name(kind.Name, "\x00", key)
	s := l.served[hash]
	if s == nil {
		s = new(served)
		l.served[hash] = s
	}
	return s
}

// after is the name of a history with one more event.
func (l *ledger) after(history name, event ...any) name {
	return l.name(fmt.Sprint(history), fmt.Sprint(l.canonical(event)))
}

// shownState is the name of a state as the API shows it: fields are left out when they are empty.
func (l *ledger) shownState(state map[string]any) name {
	return l.canonical(full(plain(state, func(t time.Time) any { return t })))
}

// full returns a value without what JSON may leave out: the fields of a record that are empty.
func full(value any) any {
	switch v := value.(type) {
	case map[string]any:
		fields := make(map[string]any, len(v))
		for name, field := range v {
			if field = full(field); !isEmpty(field) {
				fields[name] = field
			}
		}
		return fields
	case []any:
		items := make([]any, len(v))
		for i, item := range v {
			items[i] = full(item)
		}
		return items
	}
	return value
}

func isEmpty(value any) bool {
	switch v := value.(type) {
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	case nil:
		return true
	}
	return value == "" || value == false || value == int64(0) || value == int32(0) ||
		value == json.Number("0")
}

// canonical is the name of a value as JSON, with the keys of objects in order.
func (l *ledger) canonical(value any) name {
	text, err := json.Marshal(value)
	if err != nil {
		return 0 // Avro has NaN, JSON has not; no such field is here
	}
	return l.name(string(text))
}
