package redis

import (
	"context"
	"fmt"
	"strconv"

	"refold/projections"
)

// Look shows the build. Each call of the view sees it as it is then.
func (o *open) Look(ctx context.Context, look func(projections.View) error) error {
	if _, err := o.store.build(ctx, o.build.Projection, o.build.Number); err != nil {
		return err
	}
	return look(&view{o})
}

// view reads a build as it is at each call.
type view struct{ *open }

// OfOneMoment returns false: a script that returns all rows would block Redis.
func (*view) OfOneMoment() bool { return false }

// Progress returns that of all partitions, of one moment.
func (v *view) Progress(ctx context.Context) ([]projections.Progress, error) {
	key := v.store.tag(v.build.Projection) + ":" + strconv.Itoa(v.build.Number) + ":.progress"
	hash, err := v.store.client.HGetAll(ctx, key).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the progress of %s: %w", v.build.Name(), err)
	}
	fields := make([]string, 0, 2*len(hash))
	for field, text := range hash {
		fields = append(fields, field, text)
	}
	progress, err := decodeProgress(fields)
	if err != nil {
		return nil, err
	}
	all := make([]projections.Progress, 0, len(progress))
	for _, p := range progress {
		all = append(all, p)
	}
	return all, nil
}

// Row returns a row by its key.
func (v *view) Row(ctx context.Context, t *projections.Table, key ...any) ([]any, error) {
	rows, err := v.store.read(ctx, v.build.Projection, strconv.Itoa(v.build.Number), t,
		[]string{t.KeyOf(key...)})
	if err != nil {
		return nil, err
	}
	return rows[0], nil
}

// rowsAtOnce is how many rows a page has.
const rowsAtOnce = 500

// Rows calls each with every row of a table, in the order of their keys. A page is of one moment; a row that
// is there all the time is shown once.
func (v *view) Rows(ctx context.Context, t *projections.Table, each func(values []any) error) error {
	return v.pages(ctx, t, ".keys", 0, "-", "+", each)
}

// About calls each with every row of a table that is about a subject.
func (v *view) About(
	ctx context.Context, t *projections.Table, subject string, each func(values []any) error,
) error {
	if len(t.Subjects()) == 0 {
		return nil
	}
	before := strconv.Itoa(len(subject)) + ":" + subject
	// A semicolon comes after the colon.
	return v.pages(ctx, t, ".about", len(before)+1, "["+before+":", "("+before+";", each)
}

// pages goes through a sorted set from the least member to the greatest: see page.lua.
func (v *view) pages(
	ctx context.Context, t *projections.Table, set string, before int, least, greatest string,
	each func(values []any) error,
) error {
	for {
		a := arguments{t.Name, set, before, least, greatest, rowsAtOnce}
		a.columns(t)
		answer, err := v.run(ctx, pageScript, a)
		if err != nil {
			return fmt.Errorf("reading %s of %s: %w", t.Name, v.build.Name(), err)
		}
		if len(answer) != 2 {
			return fmt.Errorf("page in Redis: the answer has %d items", len(answer))
		}
		rows, err := decodeRows(t, answer[1])
		if err != nil {
			return err
		}
		for _, values := range rows {
			if values == nil {
				return fmt.Errorf("a row of %s in %s is missing, but its key is kept", t.Name, v.build.Name())
			}
			if err := each(values); err != nil {
				return err
			}
		}
		if len(rows) < rowsAtOnce {
			return nil
		}
		least = "(" + fmt.Sprint(answer[0])
	}
}

// State returns the state of an aggregate.
func (v *view) State(ctx context.Context, aggregate, subject string) (*projections.StoredState, error) {
	all, err := v.States(ctx, aggregate, []string{subject})
	if err != nil || len(all) == 0 {
		return nil, err
	}
	return &all[0], nil
}
