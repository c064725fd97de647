package worker

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"refold/codecs"
	"refold/console/letters"
	"refold/processors/deadletters"
)

// deadLetterBox are the dead letters for the console.
type deadLetterBox struct {
	settings deadletters.Settings
	index    *deadletters.Index
	registry *codecs.Registry
}

// openDeadLetters makes what reads them when it is asked.
func (w *Worker) openDeadLetters() (*deadLetterBox, error) {
	options, err := w.kafka.Options()
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the setting
	}
	settings := w.in.DeadLetters(options, w.logger)
	return &deadLetterBox{settings, deadletters.NewIndex(settings), w.registry}, nil
}

func (d *deadLetterBox) close() {
	if d != nil {
		d.index.Close()
	}
}

// List returns the letters that are committed now.
func (d *deadLetterBox) List(ctx context.Context) (letters.Listing, error) {
	all, err := d.index.List(ctx, false)
	if err != nil {
		return letters.Listing{}, err //nolint:wrapcheck // it becomes a page
	}
	out := letters.Listing{
		Letters: make([]letters.Letter, len(all.Letters)), Older: all.Older, Foreign: all.Foreign,
		Held: all.Held,
	}
	for i, l := range all.Letters {
		out.Letters[i] = letterOf(l.Letter, l.Bytes)
	}
	return out, nil
}

// Get returns one letter with all that is in it.
func (d *deadLetterBox) Get(ctx context.Context, ref letters.Ref) (*letters.Whole, error) {
	l, err := d.index.Get(ctx, deadletters.Ref(ref))
	switch {
	case errors.Is(err, deadletters.ErrMissing), errors.Is(err, deadletters.ErrNoDeadLetter):
		return nil, &missingLetter{err.Error()}
	case err != nil:
		return nil, err //nolint:wrapcheck // it becomes a page
	}
	whole := &letters.Whole{Letter: letterOf(l, len(l.Value)), Value: l.Value}
	for _, h := range l.Headers {
		whole.Headers = append(whole.Headers, letters.Header{Name: h.Key, Value: h.Value})
	}
	if l.Value != nil {
		whole.Decoded = d.decode(ctx, l)
	}
	return whole, nil
}

// missingLetter is letters.ErrMissing with a text of its own.
type missingLetter struct{ text string }

func (m *missingLetter) Error() string { return m.text }

func (*missingLetter) Unwrap() error { return letters.ErrMissing }

// decodeWait is how long a page waits for the registry: the bytes are shown without it, too.
const decodeWait = 3 * time.Second

// decode returns the value by the schema that it was written with.
func (d *deadLetterBox) decode(ctx context.Context, l *deadletters.Letter) (out letters.Decoded) {
	framed := codecs.Framed(l.Headers, l.Value)
	id, _, err := codecs.SplitWire(framed)
	if err == nil {
		out.SchemaID = id.String()
		ctx, cancel := context.WithTimeout(ctx, decodeWait)
		defer cancel()
		out.Schema, out.JSON, err = d.registry.ToJSON(ctx, framed)
	}
	if err == nil {
		return out
	}
	out.Why, out.JSON = err, nil
	if out.From, out.To, out.Placed = codecs.PlaceOf(err); out.Placed {
		before := len(framed) - len(l.Value) // the schema ID, if it stands in a header
		out.From, out.To = out.From-before, out.To-before
	}
	return out
}

// Settle replays or discards letters.
func (d *deadLetterBox) Settle(ctx context.Context, o letters.Order) (out letters.Outcome, err error) {
	queue, err := deadletters.Open(ctx, d.settings)
	if err != nil {
		return out, err //nolint:wrapcheck // it becomes a page
	}
	defer queue.Close()
	s := deadletters.Selection{Refs: make([]deadletters.Ref, len(o.Refs))}
	for i, ref := range o.Refs {
		s.Refs[i] = deadletters.Ref(ref)
	}
	a := deadletters.Action{Disposition: deadletters.Replayed, By: o.By, Note: o.Note, Time: time.Now()}
	if o.Discard {
		a.Disposition = deadletters.Discarded
	}
	_, err = queue.Settle(ctx, s, a, func(r deadletters.Report) error {
		switch r.Status {
		case deadletters.Done:
			out.Done++
		case deadletters.Already:
			out.Already = append(out.Already, letters.Ref(r.Ref))
		case deadletters.Impossible:
			out.Failed = append(out.Failed, letters.Failed{Ref: letters.Ref(r.Ref), Why: r.Err.Error()})
		}
		return nil
	})
	// The page that is shown next must have what was done; if that can't be read now, that page reads it.
	_, _ = d.index.List(ctx, true)
	return out, err //nolint:wrapcheck // it becomes a page
}

// reactionReasons begin the reasons of letters that reactions write.
const reactionReasons = "reaction-"

func letterOf(l *deadletters.Letter, size int) letters.Letter {
	out := letters.Letter{
		Ref: letters.Ref(l.Ref), Time: l.Time, Topic: l.Origin.Topic, OriginPartition: l.Origin.Partition,
		OriginOffset: l.Origin.Offset, OriginTime: l.Origin.Time, Reason: l.Reason, Message: l.Message,
		Version: l.Version, Group: l.Group, Back: l.ReplayTopic, Projection: l.Projection,
		CutBytes: l.CutBytes, ReplayOf: l.ReplayOf, Key: l.Key, Type: l.Header(codecs.HeaderType),
		ID: l.Header(codecs.HeaderID), Subject: l.Header(codecs.HeaderSubject),
		CorrelationID: l.Header(codecs.HeaderCorrelationID), Bytes: size,
	}
	if strings.HasPrefix(l.Reason, reactionReasons) {
		out.Reaction = cmp.Or(l.Group, l.Reason)
	}
	if s := l.Settled; s != nil {
		out.Settled = &letters.Settled{
			Outcome: string(s.Disposition), Time: s.Time, By: s.By, Note: s.Note, Topic: s.Topic,
		}
	}
	return out
}

// letterKinds are the aggregates as the pages of dead letters know them.
func (w *Worker) letterKinds() []letters.Kind {
	kinds := make([]letters.Kind, len(w.opened.Aggregates))
	for i, a := range w.opened.Aggregates {
		t := w.in.Topics(a.AggregateName)
		kinds[i] = letters.Kind{
			Name: a.Name, Plural: a.Plural, Commands: t.Commands, Events: t.Events,
			Others: []string{t.Results, t.Table},
		}
	}
	return kinds
}
