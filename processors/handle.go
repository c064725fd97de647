package processors

import (
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
)

// handle is the graph's one callback: a record of the commands topic becomes events, a row and a
// result, or a dead letter. It neither blocks nor reads a clock, so that handling the record
// again gives the same bytes.
func (a *Aggregate[S, C, E]) handle(ctx goka.Context, msg any) {
	record, _ := msg.(received) // the zero record of a tombstone is no command: a dead letter
	command, poison := a.command(ctx, record.value)
	if poison != nil {
		a.setAside(ctx, record.bytes, poison)
		return
	}
	snapshot, _ := ctx.Value().(eventsourcing.Snapshot[S]) // none: the zero snapshot
	outcome, err := a.decide(snapshot, command)
	switch {
	case errors.Is(err, eventsourcing.ErrBrokenSnapshot):
		ctx.Fail(fmt.Errorf("row %q of %s: %w", ctx.Key(), a.Topics.Table, err))
	case err != nil:
		a.setAside(ctx, record.bytes, &codecs.Malformed{Reason: ReasonBug, Err: err})
	default:
		a.emit(ctx, command.Metadata, outcome)
	}
}

// command puts a decoded record and its headers together, or says what is wrong with them.
func (a *Aggregate[S, C, E]) command(ctx goka.Context, value any) (
	eventsourcing.Envelope[C], *codecs.Malformed,
) {
	var none eventsourcing.Envelope[C]
	if malformed, is := value.(*codecs.Malformed); is {
		return none, malformed
	}
	if value == nil {
		return none, &codecs.Malformed{
			Reason: codecs.ReasonNotWireFormat,
			Err:    errors.New("the record has no value: a tombstone is no command"),
		}
	}
	data, is := value.(C)
	if !is {
		return none, &codecs.Malformed{
			Reason: codecs.ReasonUnknownType,
			Err:    fmt.Errorf("%T is no command of %s", value, a.Name),
		}
	}
	metadata, err := codecs.MetadataFrom(ctx.Headers())
	if err != nil {
		return none, asMalformed(err)
	}
	if poison := a.contradiction(ctx.Key(), metadata, data); poison != nil {
		return none, poison
	}
	metadata.Subject = ctx.Key()
	metadata.Time = ctx.Timestamp().UTC()
	return eventsourcing.Envelope[C]{Metadata: metadata, Data: data}, nil
}

// contradiction finds headers that say something else than the record's key and value do.
func (a *Aggregate[S, C, E]) contradiction(key string, m eventsourcing.Metadata, data C,
) *codecs.Malformed {
	switch name := eventsourcing.TypeName(data); {
	case key == "":
		return badHeader("the record has no key; it must be the ID of the %s", a.Name)
	case m.Subject != "" && m.Subject != key:
		return badHeader("ce_subject is %q, the record's key is %q", m.Subject, key)
	case m.Type != name:
		return badHeader("ce_type is %q, the value is a %s", m.Type, name)
	}
	return nil
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

// emit hands everything that came of a command to Goka.
func (a *Aggregate[S, C, E]) emit(ctx goka.Context, command eventsourcing.Metadata,
	outcome eventsourcing.Outcome[S, E],
) {
	for i := range outcome.Events {
		event := &outcome.Events[i]
		event.Source = a.Topics.Group
		ctx.Emit(goka.Stream(a.Topics.Events), ctx.Key(), event.Data,
			goka.WithCtxEmitHeaders(a.Headers(event.Metadata)))
	}
	result, metadata := resultOf(outcome.Result, command, a.Topics.Group)
	headers := a.Headers(metadata)
	if outcome.Result.Repeated {
		headers[HeaderRepeated] = []byte("true")
	} else {
		ctx.SetValue(outcome.Snapshot)
	}
	ctx.Emit(goka.Stream(a.Topics.Results), ctx.Key(), result, goka.WithCtxEmitHeaders(headers))
	a.Metrics.handled(a.Name, outcome.Result)
}

// asMalformed returns err as the poison that it is.
func asMalformed(err error) *codecs.Malformed {
	var malformed *codecs.Malformed
	if errors.As(err, &malformed) {
		return malformed
	}
	return &codecs.Malformed{Reason: codecs.ReasonBadHeader, Err: err}
}

func badHeader(format string, args ...any) *codecs.Malformed {
	return &codecs.Malformed{Reason: codecs.ReasonBadHeader, Err: fmt.Errorf(format, args...)}
}

// logDeadLetter tells the operator; the record itself holds all that is known.
func logDeadLetter(logger *slog.Logger, ctx goka.Context, poison *codecs.Malformed) {
	logger.Warn("record set aside in the dead letters",
		"topic", ctx.Topic(), "partition", ctx.Partition(), "offset", ctx.Offset(),
		"reason", poison.Reason, "error", poison.Err)
}
