package aggregates

import (
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"refold/client"
	"refold/client/wire"
	"refold/codecs/jsondiff"
	"refold/console/frame"
	"refold/console/values"
)

// askParallel is how many states a page asks for at the same time: each may be a fold of its own.
const askParallel = 4

// moment is a state of an aggregate: that after an event. The one after event 0 is nil.
type moment struct {
	sequence int64
	state    *jsondiff.Value
	time     time.Time
	wrong    string // why there is no state
}

// moments asks for the states after all events from first to last.
func (k *pages) moments(ctx context.Context, id string, first, last int64) ([]moment, error) {
	found := make([]moment, last-first+1)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(askParallel)
	for i := range found {
		group.Go(func() (err error) {
			found[i], err = k.moment(ctx, id, first+int64(i))
			return err
		})
	}
	return found, group.Wait()
}

// moment asks for one state.
func (k *pages) moment(ctx context.Context, id string, sequence int64) (moment, error) {
	if sequence <= 0 {
		return moment{}, nil
	}
	row, err := k.api.Get(ctx, k.Plural, id, client.Get{Sequence: sequence})
	if client.HasCode(err, wire.CodeUnfoldable) {
		return moment{sequence: sequence, wrong: err.Error()}, nil
	}
	if err != nil {
		return moment{}, err //nolint:wrapcheck // it becomes a page
	}
	return momentOf(row), nil
}

func momentOf(row *client.Row) moment {
	m := moment{sequence: row.Sequence}
	if row.Time != nil {
		m.time = *row.Time
	}
	if row.Unreadable != nil {
		m.wrong = row.Unreadable.Detail
	} else {
		m.state = values.Parse(row.State)
	}
	return m
}

// change is a difference as it is shown: empty is what is not there.
type change struct{ path, before, after string }

// changes are the differences between two states as they are shown.
func (k *pages) changes(before, after *jsondiff.Value) (found []change) {
	for _, c := range jsondiff.Between(before, after) {
		if len(c.Path) == 0 && c.Before == nil && c.After != nil {
			for _, m := range c.After.Members { // the first event: each field by itself
				path := jsondiff.Path{}.Named(m.Name)
				found = append(found, change{
					path: path.String(), after: values.Short(m.Value, path, after, k.Money),
				})
			}
			continue
		}
		line := change{path: c.Path.String()}
		if c.Before != nil {
			line.before = values.Short(c.Before, c.Path, before, k.Money)
		}
		if c.After != nil {
			line.after = values.Short(c.After, c.Path, after, k.Money)
		}
		found = append(found, line)
	}
	return found
}

// happened is an event, what it changed, and where it came from.
type happened struct {
	*client.Event

	changes []change
	data    *jsondiff.Value
	wrong   string // why what it changed can't be said
	source  string // of its command, if that was looked up
}

// sender says who sent the command that an event came from. A process's command has an ID made of its cause:
// order-1/1/order-payments.0.
func (h happened) sender() string {
	i := strings.LastIndexByte(h.CausationID, '/')
	switch {
	case h.source != "":
		return h.source
	case h.CausationID == "":
		return "unknown"
	case i < 0:
		return "a client"
	}
	process, _, _ := strings.Cut(h.CausationID[i+1:], ".")
	return "the process " + process
}

// tracePath leads to everything that the command at the beginning has led to; empty if it is not known.
func (h happened) tracePath() string {
	if h.CorrelationID == "" {
		return ""
	}
	return frame.Path("traces", h.CorrelationID)
}

// history returns a page of events before a sequence, the newest first, each with what it changed. The last
// result is the sequence before which the history goes on; 0: it doesn't.
func (k *pages) history(ctx context.Context, id string, before int64) ([]happened, int64, error) {
	page, err := k.api.EventPage(ctx, k.Plural, id, client.Events{
		Newest: true, Before: before, Limit: historyEvents,
	})
	if err != nil || len(page.Events) == 0 {
		return nil, 0, err //nolint:wrapcheck // it becomes a page
	}
	oldest := page.Events[len(page.Events)-1].Sequence
	states, err := k.moments(ctx, id, oldest-1, page.Events[0].Sequence)
	if err != nil {
		return nil, 0, err
	}
	found := make([]happened, len(page.Events))
	for i, e := range page.Events {
		found[i] = k.happened(e, states[e.Sequence-oldest], states[e.Sequence-oldest+1])
	}
	if oldest == 1 || len(page.Events) < historyEvents && !page.HasNext() {
		oldest = 0
	}
	return found, oldest, nil
}

func (k *pages) happened(e *client.Event, before, after moment) happened {
	h := happened{Event: e, wrong: after.wrong}
	if h.wrong == "" {
		h.wrong = before.wrong
	}
	if h.wrong == "" {
		h.changes = k.changes(before.state, after.state)
	}
	if e.Unreadable == nil {
		h.data = values.Parse(e.Event.Data)
	}
	return h
}

// historyEvents is how many events of a history a page has; for each a state is folded.
const historyEvents = 10

// reason is why a field is what it is: the event that last set it.
type reason struct {
	path string
	text string // the field's value
	// event is nil if the field was not set by any of the latest events.
	event *happened
	from  int64 // the first event that was looked at
}

// why asks for the event that last set a field of a state.
func (k *pages) why(ctx context.Context, id string, at moment, text string) (*reason, error) {
	path, err := jsondiff.ParsePath(text)
	if err != nil {
		return nil, frame.Invalid(err.Error() + ".")
	}
	found, err := k.api.Why(ctx, k.Plural, id, client.Why{
		Fields: []string{path.String()}, Sequence: at.sequence,
	})
	if p, is := errors.AsType[*client.Problem](err); is && p.Code == wire.CodeNoField {
		return nil, noField(p)
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // it becomes a page
	}
	because := &found.Fields[0]
	now := values.Short(at.state.At(path), path, at.state, k.Money)
	out := &reason{path: text, text: now, from: because.From}
	if because.Event == nil {
		return out, nil
	}
	set := change{path: text, after: out.text}
	if because.Before != nil {
		set.before = values.Short(values.Parse(because.Before), path, at.state, k.Money)
	}
	out.from = because.Event.Sequence
	out.event = &happened{
		Event: &client.Event{Event: *because.Event}, changes: []change{set}, source: because.Source,
	}
	return out, nil
}

// noField is the problem of a field that the state has never had: it says which there are.
func noField(p *client.Problem) *frame.Problem {
	detail := p.Detail + "."
	for _, mistake := range p.Errors {
		detail += " It must be " + mistake.Allowed + "."
	}
	return &frame.Problem{
		Status: p.Status, Title: "There is no such field", Detail: detail,
		Do: "Take one of these, or go back and choose it on the aggregate's page.",
	}
}
