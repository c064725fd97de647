package audit

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// command takes a record of the commands topic. One that can't be decoded is there all the same:
// it must be among the dead letters then.
func (r *reader) command(ctx context.Context, record *kgo.Record) error {
	_, fields, err := r.schemas.decode(ctx, record.Value)
	if err != nil {
		fields = nil
	}
	r.world.Commands = append(r.world.Commands, Command{
		Place: place(record), ID: header(record, "ce_id"), Type: header(record, "ce_type"),
		Correlation: header(record, "ce_correlationid"),
		Causation:   header(record, "ce_causationid"), Fields: fields,
	})
	return nil
}

func (r *reader) event(ctx context.Context, record *kgo.Record) error {
	name, fields, err := r.schemas.decode(ctx, record.Value)
	if err != nil {
		return err
	}
	if ceType := header(record, "ce_type"); ceType != name {
		return fmt.Errorf("the header says it is a %s, the schema that it is a %s", ceType, name)
	}
	r.world.Events = append(r.world.Events, Event{
		Place: place(record), ID: header(record, "ce_id"), Type: name,
		Subject: header(record, "ce_subject"), Sequence: number(record, "ce_sequence"),
		Correlation: header(record, "ce_correlationid"),
		Causation:   header(record, "ce_causationid"), Fields: fields,
	})
	return nil
}

func (r *reader) result(ctx context.Context, record *kgo.Record) error {
	_, fields, err := r.schemas.decode(ctx, record.Value)
	if err != nil {
		return err
	}
	result := Result{
		Place: place(record), ID: header(record, "ce_id"),
		Correlation: header(record, "ce_correlationid"),
		Causation:   header(record, "ce_causationid"),
		Repeated:    header(record, "refold_repeated") == "true",
	}
	err = fill(fields, map[string]any{
		"commandType": &result.Type, "accepted": &result.Accepted, "code": &result.Code,
		"firstSequence": &result.First, "lastSequence": &result.Last,
	})
	r.world.Results = append(r.world.Results, result)
	return err
}

// row takes a record of the table's topic; the last one of a key counts, and none after a
// tombstone.
func (r *reader) row(ctx context.Context, record *kgo.Record) error {
	if record.Value == nil {
		delete(r.world.Rows, string(record.Key))
		return nil
	}
	_, fields, err := r.schemas.decode(ctx, record.Value)
	if err != nil {
		return err
	}
	row := Row{Place: place(record)}
	err = fill(fields, map[string]any{"sequence": &row.Sequence, "recent": &row.Recent})
	if err != nil {
		return err
	}
	row.State, err = r.world.Kind.row(fields)
	r.world.Rows[row.Key] = row
	return err
}

func (r *reader) deadLetter(_ context.Context, record *kgo.Record) error {
	if header(record, "refold_topic") != r.source.Prefix+r.world.Kind.commands() {
		return nil
	}
	r.world.DeadLetters = append(r.world.DeadLetters, DeadLetter{
		Topic:     header(record, "refold_topic"),
		Partition: int32(number(record, "refold_partition")),
		Offset:    number(record, "refold_offset"),
		Reason:    header(record, "refold_reason"),
	})
	return nil
}
