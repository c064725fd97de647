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
		Fields: fields,
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
		Causation: header(record, "ce_causationid"), Fields: fields,
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
		Causation: header(record, "ce_causationid"),
		Repeated:  header(record, "refold_repeated") == "true",
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
	err = fill(fields, map[string]any{
		"status": &row.Status, "owner": &row.Owner, "currency": &row.Currency,
		"balance": &row.Balance, "sequence": &row.Sequence, "recent": &row.Recent,
	})
	if err != nil {
		return err
	}
	charges, _ := fields["charges"].([]any)
	for _, item := range charges {
		var charge Charge
		itemFields, _ := item.(map[string]any)
		err := fill(itemFields, map[string]any{
			"reference": &charge.Reference, "refundable": &charge.Refundable,
		})
		if err != nil {
			return err
		}
		row.Charges = append(row.Charges, charge)
	}
	r.world.Rows[row.Key] = row
	return nil
}

func (r *reader) deadLetter(_ context.Context, record *kgo.Record) error {
	r.world.DeadLetters = append(r.world.DeadLetters, DeadLetter{
		Topic:     header(record, "refold_topic"),
		Partition: int32(number(record, "refold_partition")),
		Offset:    number(record, "refold_offset"),
		Reason:    header(record, "refold_reason"),
	})
	return nil
}

// fill copies fields of a record into variables of their types.
func fill(fields, into map[string]any) error {
	for name, variable := range into {
		ok := false
		switch v := variable.(type) {
		case *string:
			*v, ok = fields[name].(string)
		case *int64:
			*v, ok = fields[name].(int64)
		case *bool:
			*v, ok = fields[name].(bool)
		case *[]byte:
			*v, ok = fields[name].([]byte)
		}
		if !ok {
			return fmt.Errorf("field %s is %T", name, fields[name])
		}
	}
	return nil
}
