package processors

import (
	"errors"
	"fmt"
	"runtime/debug"
	"sync"

	"github.com/lovoo/goka"

	"refold/codecs"
	"refold/eventsourcing"
	"refold/kafka"
)

// handle is the graph's one callback: each record of the commands topic becomes events, a row and a
// result, or a dead letter. It neither blocks nor reads a clock, so that handling the record
// again gives the same bytes.
func (a *AggregateGraph[S, C, E]) handle(ctx goka.Context, _ any) {
	records := given(ctx)
	var record received
	for record.next(records) {
		record.decode(a.Commands)
		traced(a.Tracer, records, &record, "handle", a.Name, a.work)
	}
}

// work is handle without its span.
func (a *AggregateGraph[S, C, E]) work(records kafka.Records, record *received) verdict {
	a.aside.wait(records, record)
	command, poison := a.command(record)
	if poison != nil {
		return a.aside.setAside(records, record, poison)
	}
	row := records.Row()
	snapshot, err := a.snapshot(record.Key, row)
	if err != nil {
		records.Fail(fmt.Errorf("row %q of %s: %w", record.Key, a.Topics.Table, err))
		return verdict{} // not reached: Fail panics
	}
	outcome, err := a.decide(snapshot, command)
	switch {
	case errors.Is(err, eventsourcing.ErrBrokenSnapshot):
		records.Fail(fmt.Errorf("row %q of %s: %w", record.Key, a.Topics.Table, err))
		return verdict{} // not reached: Fail panics
	case err != nil:
		return a.aside.setAside(records, record, bug(err))
	}
	if outcome.Result.Repeated { // the row stays as it is
		a.decoded.put(record.Key, row, snapshot)
	}
	return a.emit(records, record, &command.Metadata, &outcome)
}

// snapshot returns the snapshot of a key's row; no row is the zero snapshot.
func (a *AggregateGraph[S, C, E]) snapshot(key, row []byte) (s eventsourcing.Snapshot[S], err error) {
	if row == nil {
		return s, nil
	}
	if s, is := a.decoded.take(key, row); is {
		return s, nil
	}
	decoded, err := a.Rows.Decode(row)
	if err != nil {
		return s, err //nolint:wrapcheck // it says what it was doing
	}
	s, is := decoded.(eventsourcing.Snapshot[S])
	if !is {
		return s, fmt.Errorf("it is a %T", decoded)
	}
	return s, nil
}

// command puts a decoded record and its headers together, or says what is wrong with them.
func (a *AggregateGraph[S, C, E]) command(record *received) (
	eventsourcing.Envelope[C], *codecs.Malformed,
) {
	var none eventsourcing.Envelope[C]
	metadata, poison := record.describe(a.recordBytes())
	if poison != nil {
		return none, poison
	}
	if wrong := eventsourcing.CheckCommand(metadata.ID, metadata.Subject); wrong != nil {
		return none, beyondLimits(wrong)
	}
	if err := kafka.CheckTime(metadata.Time); err != nil {
		return none, &codecs.Malformed{Reason: ReasonBadTime, Err: err}
	}
	if poison := a.misplaced(record); poison != nil {
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

// misplaced tells of a command that is not in the partition of its key. Were it handled, there would
// be two aggregates of one ID. Commands get there when the commands topic is given more partitions,
// too: producers know of them first, and until the worker does, and stops, they place keys anew.
func (a *AggregateGraph[S, C, E]) misplaced(record *received) *codecs.Malformed {
	if a.Partitions == nil {
		return nil
	}
	count := a.Partitions()
	belongs := kafka.Partition(record.Key, count)
	if belongs == record.Partition {
		return nil
	}
	return &codecs.Malformed{
		Reason: ReasonWrongPartition,
		Err: fmt.Errorf("its key belongs into partition %d of %d by murmur2, as Kafka's Java client "+
			"places it; it came in partition %d", belongs, count, record.Partition),
	}
}

// decide calls the domain, unless the command is remembered. A panic there is a bug of the domain, and this
// command's alone: it comes back as an error, so that the line goes on (G8).
func (a *AggregateGraph[S, C, E]) decide(
	snapshot eventsourcing.Snapshot[S], command eventsourcing.Envelope[C],
) (outcome eventsourcing.Outcome[S, E], err error) {
	if first, is := a.remembered(snapshot.Sequence, &command.Metadata); is {
		return eventsourcing.Repeat[S, C, E](snapshot, command, first), nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = a.panicked("deciding", command.ID, p)
		}
	}()
	outcome, err = eventsourcing.Handle(a.Decider, a.RecentSize, snapshot, command)
	return outcome, err
}

// remembered returns the first outcome of a command that is remembered beside the row. One of events that the
// aggregate does not have any more, because they were lost with a topic, counts no more.
func (a *AggregateGraph[S, C, E]) remembered(
	sequence int64, command *eventsourcing.Metadata,
) (eventsourcing.Entry, bool) {
	if a.Outcomes == nil {
		return eventsourcing.Entry{}, false
	}
	first, found := a.Outcomes.Find(command.Subject, command.ID)
	return first, found && first.LastSequence <= sequence
}

// remember remembers the outcome of a command that is decided.
func (a *AggregateGraph[S, C, E]) remember(
	partition int32, command *eventsourcing.Metadata, r *eventsourcing.Result,
) {
	if a.Outcomes == nil || r.Repeated {
		return
	}
	a.Outcomes.Add(partition, command.Subject, command.ID, command.Time, eventsourcing.Entry{
		FirstSequence: r.FirstSequence, LastSequence: r.LastSequence, Code: r.Code,
	})
}

// panicked makes an error of a panic of the domain.
func (a *AggregateGraph[S, C, E]) panicked(doing, command string, p any) error {
	a.Logger.Error("panic while "+doing+" a command", "aggregate", a.Name, "command", command,
		"panic", p, "stack", string(debug.Stack()))
	return fmt.Errorf("panic: %v", p)
}

// emit sends everything that came of a command: all of it, or a dead letter.
func (a *AggregateGraph[S, C, E]) emit(records kafka.Records, record *received,
	command *eventsourcing.Metadata, outcome *eventsourcing.Outcome[S, E],
) verdict {
	out := newOutbox(a.recordBytes())
	defer out.close()
	if err := a.encode(out, command, outcome); err != nil {
		return a.aside.refuse(records, record, err)
	}
	a.aside.count(records, record, nil)
	out.send(records)
	a.remember(record.Partition, command, &outcome.Result)
	a.decoded.put(record.Key, out.row, outcome.Snapshot)
	a.Metrics.handled(a.Name, outcome.Result)
	return verdictOn(outcome.Result)
}

// encode puts events, row and result into the outbox.
func (a *AggregateGraph[S, C, E]) encode(
	out *outbox, command *eventsourcing.Metadata, outcome *eventsourcing.Outcome[S, E],
) (err error) {
	defer func() { // what makes a row of a state is the domain's, too
		if p := recover(); p != nil {
			err = bug(a.panicked("encoding what came of", command.ID, p))
		}
	}()
	for i := range outcome.Events {
		event := &outcome.Events[i]
		event.Source = a.Topics.Group
		err := out.add(a.Topics.Events, command.Subject, a.Events,
			codecs.Message{Metadata: &event.Metadata, Data: event.Data})
		if err != nil {
			return err
		}
	}
	if !outcome.Result.Repeated { // or the row stays as it is
		rows := a.Rows
		if len(outcome.Events) == 0 {
			rows = a.kept
		}
		if err := out.set(command.Subject, rows, outcome.Snapshot); err != nil {
			return err
		}
	}
	return a.encodeResult(out, command, &outcome.Result)
}

// encodeResult puts the result into the outbox, unless the aggregate writes none.
func (a *AggregateGraph[S, C, E]) encodeResult(
	out *outbox, command *eventsourcing.Metadata, outcome *eventsourcing.Result,
) error {
	if a.Results == nil {
		return nil
	}
	e, _ := emissions.Get().(*emission)
	defer e.close()
	e.describe(outcome, command, a.Topics.Group)
	result := codecs.Message{Metadata: &e.metadata, Data: &e.result}
	if outcome.Repeated {
		result.Extra = repeatedHeaders
	}
	return out.add(a.Topics.Results, command.Subject, a.Results, result)
}

// emission is what a result is encoded from. It is used again.
type emission struct {
	metadata eventsourcing.Metadata
	result   Result
}

var emissions = sync.Pool{New: func() any { return new(emission) }}

func (e *emission) close() {
	*e = emission{}
	emissions.Put(e)
}

var repeatedHeaders = []codecs.Header{{Name: HeaderRepeated, Value: "true"}}
