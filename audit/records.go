package audit

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
)

// neededOfCommands are the fields of commands that the checks of accounts and orders look at.
var neededOfCommands = []string{"amount", "currency", "reference", "code", "paymentId", "refundId"}

// command takes a record of the commands topic. One that can't be decoded is there all the same:
// it must be among the dead letters then.
func (r *reader) command(ctx context.Context, record *kgo.Record) error {
	_, fields, err := r.schemas.decode(ctx, record)
	if err != nil && !errors.Is(err, errUndecodable) {
		return err
	}
	// What is of no use goes: it is the larger half of all that is read.
	maps.DeleteFunc(fields, func(name string, _ any) bool { return !slices.Contains(neededOfCommands, name) })
	r.world.Commands = append(r.world.Commands, Command{
		Place: r.place(record), ID: r.header(record, "ce_id"), Type: r.header(record, "ce_type"),
		Correlation: r.header(record, "ce_correlationid"),
		Causation:   r.header(record, "ce_causationid"), Fields: fields,
	})
	return nil
}

// event takes a record of the events topic. One that can't be decoded has no fields, and what it is
// said to have done to its aggregate is missed.
func (r *reader) event(ctx context.Context, record *kgo.Record) error {
	ceType := r.header(record, "ce_type")
	found, fields, err := r.schemas.decode(ctx, record)
	switch {
	case errors.Is(err, errUndecodable):
		ceType = "(can't be decoded: " + ceType + ")"
	case err != nil:
		return err
	case ceType != found.name:
		ceType = "(by its header a " + ceType + ", by its schema a " + found.name + ")"
	}
	r.passed.note(record.Topic, r.place(record), r.header(record, "ce_id"))
	r.world.Events = append(r.world.Events, Event{
		Place: r.place(record), ID: r.header(record, "ce_id"), Type: ceType,
		Subject: r.header(record, "ce_subject"), Sequence: number(record, "ce_sequence"),
		Time:        moment(record),
		Correlation: r.header(record, "ce_correlationid"),
		Causation:   r.header(record, "ce_causationid"), Fields: fields,
	})
	return nil
}

func (r *reader) result(ctx context.Context, record *kgo.Record) error {
	_, fields, err := r.schemas.decode(ctx, record)
	if err != nil && !errors.Is(err, errUndecodable) {
		return err
	}
	result := Result{
		Place: r.place(record), ID: r.header(record, "ce_id"),
		Correlation: r.header(record, "ce_correlationid"),
		Causation:   r.header(record, "ce_causationid"),
		Repeated:    string(value(record, "refold_repeated")) == "true",
	}
	if fill(fields, map[string]any{
		"commandType": &result.Type, "accepted": &result.Accepted, "code": &result.Code,
		"firstSequence": &result.First, "lastSequence": &result.Last,
	}) != nil {
		result.Type = "(can't be decoded)" // no command has that type
	}
	r.passed.note(record.Topic, result.Place, result.ID, result.Causation)
	r.world.Results = append(r.world.Results, result)
	return nil
}

// row takes a record of the table's topic; the last one of a key counts, and none after a
// tombstone. One that can't be decoded is there all the same, and wrong.
func (r *reader) row(ctx context.Context, record *kgo.Record) error {
	if record.Value == nil {
		delete(r.world.Rows, string(record.Key))
		return nil
	}
	row := Row{Place: r.place(record), Value: bytes.Clone(record.Value)}
	found, fields, err := r.schemas.decode(ctx, record)
	switch {
	case errors.Is(err, errUndecodable):
		row.Unreadable = err
	case err != nil:
		return err
	default:
		row.codec = found.codec
		row.Unreadable = row.read(r.world.Kind, fields)
	}
	r.world.Rows[row.Key] = row
	return nil
}

// read takes the fields of a row.
func (r *Row) read(kind Kind, fields map[string]any) error {
	err := fill(fields, map[string]any{"sequence": &r.Sequence, "recent": &r.Recent})
	if err != nil {
		return err
	}
	delete(fields, "sequence")
	delete(fields, "recent")
	r.State = fields
	if kind.Former != nil && kind.Former(r.State) {
		r.codec = nil // its bytes are not those of today's state
	}
	return nil
}

func (r *reader) deadLetter(record *kgo.Record) error {
	topic := r.header(record, "refold_topic")
	if projection := r.header(record, "refold_projection"); projection != "" {
		r.aside[asidePlace{projection, Poison{
			topic, int32(number(record, "refold_partition")), number(record, "refold_offset"),
		}}] = r.header(record, "refold_reason")
		return nil
	}
	r.letters[topic] = append(r.letters[topic], DeadLetter{
		Topic:     topic,
		Partition: int32(number(record, "refold_partition")),
		Offset:    number(record, "refold_offset"),
		Reason:    r.header(record, "refold_reason"),
	})
	return nil
}
