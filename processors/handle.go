package processors

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
)

// handle is the graph's one callback: a record of the commands topic becomes events, a row and a
// result, or a dead letter. It neither blocks nor reads a clock, so that handling the record
// again gives the same bytes.
func (a *Aggregate[S, C, E]) handle(ctx goka.Context, msg any) {
	record, _ := msg.(*received)
	if record == nil {
		record = &received{} // of a tombstone, which is no command: a dead letter
	}
	command, poison := a.command(ctx, record)
	if poison != nil {
		a.aside.setAside(ctx, record, poison)
		return
	}
	snapshot, _ := ctx.Value().(eventsourcing.Snapshot[S]) // none: the zero snapshot
	outcome, err := a.decide(snapshot, command)
	switch {
	case errors.Is(err, eventsourcing.ErrBrokenSnapshot):
		ctx.Fail(fmt.Errorf("row %q of %s: %w", ctx.Key(), a.Topics.Table, err))
	case err != nil:
		a.aside.setAside(ctx, record, bug(err))
	default:
		a.emit(ctx, &command.Metadata, &outcome)
	}
}

// command puts a decoded record and its headers together, or says what is wrong with them.
func (a *Aggregate[S, C, E]) command(ctx goka.Context, record *received) (
	eventsourcing.Envelope[C], *codecs.Malformed,
) {
	var none eventsourcing.Envelope[C]
	metadata, poison := record.describe(ctx)
	if poison != nil {
		return none, poison
	}
	data, is := record.value.(C)
	if !is {
		return none, &codecs.Malformed{
			Reason: codecs.ReasonUnknownType,
			Err:    fmt.Errorf("%T is no command of %s", record.value, a.Name),
		}
	}
	return eventsourcing.Envelope[C]{Metadata: metadata, Data: data}, nil
}

// decide calls the domain. A panic there is a bug of the domain, and this command's alone: it
// comes back as an error, so that the line goes on (G8).
func (a *Aggregate[S, C, E]) decide(
	snapshot eventsourcing.Snapshot[S], command eventsourcing.Envelope[C],
) (outcome eventsourcing.Outcome[S, E], err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
			a.Logger.Error("panic while deciding a command", "aggregate", a.Name,
				"command", command.ID, "panic", p, "stack", string(debug.Stack()))
		}
	}()
	outcome, err = eventsourcing.Handle(a.Decider, a.RecentSize, snapshot, command)
	return outcome, err
}

// emission is what one command's records are written with, one after the other.
type emission struct {
	message  codecs.Message
	metadata eventsourcing.Metadata // the result's
	result   Result
}

// emissions are used again: Goka encodes what it is given before it returns.
var emissions = sync.Pool{New: func() any { return new(emission) }}

// emit hands everything that came of a command to Goka.
func (a *Aggregate[S, C, E]) emit(ctx goka.Context, command *eventsourcing.Metadata,
	outcome *eventsourcing.Outcome[S, E],
) {
	e, _ := emissions.Get().(*emission)
	for i := range outcome.Events {
		event := &outcome.Events[i]
		event.Source = a.Topics.Group
		e.message = codecs.Message{Metadata: &event.Metadata, Data: event.Data}
		a.write(ctx, a.Topics.Events, &e.message)
	}
	e.describe(&outcome.Result, command, a.Topics.Group)
	e.message = codecs.Message{Metadata: &e.metadata, Data: &e.result}
	if outcome.Result.Repeated {
		e.message.Extra = repeatedHeaders
	} else {
		ctx.SetValue(outcome.Snapshot)
	}
	a.write(ctx, a.Topics.Results, &e.message)
	*e = emission{}
	emissions.Put(e)
	a.Metrics.handled(a.Name, outcome.Result)
}

var repeatedHeaders = []codecs.Header{{Name: HeaderRepeated, Value: "true"}}

// write hands a record of this aggregate to Goka.
func (a *Aggregate[S, C, E]) write(ctx goka.Context, topic string, m *codecs.Message) {
	emit(ctx, topic, ctx.Key(), a.Framed, m)
}
