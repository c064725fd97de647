package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"time"

	"refold/kafka"
	"refold/views"
	"refold/views/httpapi"
	"refold/views/httpapi/problem"
)

// ErrNoView says that the worker keeps no views (views.enabled), and so can't read states.
var ErrNoView = errors.New("this worker keeps no views: views.enabled is false")

// reader returns the views of an aggregate by its name.
func (h *Host) reader(aggregate string) (*views.Aggregate, error) {
	if !h.worker.config.Views.Enabled {
		return nil, ErrNoView
	}
	for _, a := range h.worker.opened.Aggregates {
		if a.Name == aggregate {
			return h.worker.views.Aggregate(aggregate), nil
		}
	}
	return nil, fmt.Errorf("there is no aggregate %q", aggregate)
}

// Row is the current state of an aggregate.
type Row[S any] struct {
	ID       string
	Sequence int64 // of the latest event in it
	State    S
}

// State returns the current state of an aggregate. It is as fresh as the worker's view, which is some
// milliseconds behind. If another worker has it, that one is asked, which takes http.forward-timeout at most;
// its answer is read as JSON. The error is views.ErrNotFound, views.ErrNotReady, ErrNoView, a problem of
// package httpapi, or a fault.
func State[S any](h *Host, aggregate, id string) (Row[S], error) {
	reader, err := h.reader(aggregate)
	if err != nil {
		return Row[S]{}, err
	}
	if h.isElsewhere(aggregate, id) {
		row, err := stateElsewhere[S](context.Background(), h, aggregate, id, 0, 0)
		if !errors.Is(err, views.ErrNotHere) {
			return row, err
		}
	}
	row, err := reader.Get(id)
	if err != nil {
		return Row[S]{}, fmt.Errorf("read the %s %q: %w", aggregate, id, err)
	}
	return rowOf[S](row)
}

// StateAtLeast is [State] that waits until the view has the sequence, or ctx ends.
func StateAtLeast[S any](
	ctx context.Context, h *Host, aggregate, id string, atLeast int64,
) (Row[S], error) {
	reader, err := h.reader(aggregate)
	if err != nil {
		return Row[S]{}, err
	}
	for h.isElsewhere(aggregate, id) {
		row, err := stateElsewhere[S](ctx, h, aggregate, id, atLeast, elsewhereWait)
		if !passes(err) || !kafka.Sleep(ctx, elsewherePause) {
			return row, err
		}
	}
	row, err := reader.WaitFor(ctx, id, atLeast)
	if err != nil {
		return Row[S]{}, fmt.Errorf("read the %s %q: %w", aggregate, id, err)
	}
	return rowOf[S](row)
}

// StateAtLeast has another worker wait so long, and asks again after a pause: the aggregate may have moved.
const (
	elsewhereWait  = 5 * time.Second
	elsewherePause = 50 * time.Millisecond
)

// passes reports whether the error of another worker may be another one in a moment.
func passes(err error) bool {
	p, is := errors.AsType[*problem.Problem](err)
	return is && p.Status == http.StatusServiceUnavailable ||
		errors.Is(err, views.ErrNotYet) || errors.Is(err, views.ErrNotHere)
}

// isElsewhere reports whether another worker has the aggregate.
func (h *Host) isElsewhere(aggregate, id string) bool {
	n := h.worker.partitions.Load()
	return n > 0 && placed{h.worker}.Here(aggregate, kafka.Partition([]byte(id), n)) == 0
}

func stateElsewhere[S any](
	ctx context.Context, h *Host, aggregate, id string, atLeast int64, wait time.Duration,
) (Row[S], error) {
	row, err := h.worker.server.Ask(ctx, aggregate, id, atLeast, wait)
	if err != nil {
		return Row[S]{}, fmt.Errorf("ask for the %s %q: %w", aggregate, id, err)
	}
	return shownOf[S](&row)
}

// States goes through all aggregates of a kind, in the order of their IDs. It ends with the first error.
// Those of other workers are read from these, page by page, as JSON; while a partition has no owner, that is
// an error.
func States[S any](h *Host, aggregate string) iter.Seq2[Row[S], error] {
	return func(yield func(Row[S], error) bool) {
		reader, err := h.reader(aggregate)
		if err != nil {
			yield(Row[S]{}, err)
			return
		}
		page := func(after string) ([]Row[S], string, error) { return pageHere[S](reader, after) }
		if h.worker.isOwned() {
			page = func(after string) ([]Row[S], string, error) { return pageOfAll[S](h, aggregate, after) }
		}
		for after, more := "", true; more; {
			rows, next, err := page(after)
			for _, row := range rows {
				if !yield(row, nil) {
					return
				}
			}
			if err != nil {
				yield(Row[S]{}, fmt.Errorf("list the aggregates %s: %w", aggregate, err))
				return
			}
			after, more = next, next != ""
		}
	}
}

// pageRows is how many rows States reads at a time.
const pageRows = 1000

// pageHere reads a page of this worker's rows, up to the first one that can't be read.
func pageHere[S any](reader *views.Aggregate, after string) (rows []Row[S], next string, err error) {
	page, err := reader.List(after, pageRows)
	for _, found := range page.Rows {
		row, err := rowOf[S](found)
		if err != nil {
			return rows, "", err
		}
		rows = append(rows, row)
	}
	return rows, page.Next, err //nolint:wrapcheck // the caller says what it was doing
}

// pageOfAll reads a page of the rows of all workers, up to the first one that can't be read.
func pageOfAll[S any](h *Host, aggregate, after string) (rows []Row[S], next string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), h.worker.config.HTTP.ForwardTimeout)
	defer cancel()
	shown, next, err := h.worker.server.List(ctx, aggregate, after, pageRows)
	for i := range shown {
		row, err := shownOf[S](&shown[i])
		if err != nil {
			return rows, "", err
		}
		rows = append(rows, row)
	}
	return rows, next, err //nolint:wrapcheck // the caller says what it was doing
}

func rowOf[S any](row views.Row) (Row[S], error) {
	if row.Unreadable != nil {
		return Row[S]{ID: row.ID}, row.Unreadable
	}
	state, is := row.State.(S)
	if !is {
		return Row[S]{ID: row.ID}, fmt.Errorf("the state of %q is a %T, not a %T", row.ID, row.State, state)
	}
	return Row[S]{row.ID, row.Sequence, state}, nil
}

// shownOf is rowOf of a row as the API shows it.
func shownOf[S any](row *httpapi.Row) (Row[S], error) {
	if row.Unreadable != nil {
		return Row[S]{ID: row.ID},
			fmt.Errorf("the state of %q can't be read: %s", row.ID, row.Unreadable.Detail)
	}
	var state S
	if err := json.Unmarshal(row.State, &state); err != nil {
		return Row[S]{ID: row.ID}, fmt.Errorf("read the state of %q: %w", row.ID, err)
	}
	return Row[S]{row.ID, row.Sequence, state}, nil
}
