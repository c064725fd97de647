package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"

	"refold/client/wire"
)

// Trace is everything that a command has led to.
type Trace struct {
	wire.Trace

	Raw json.RawMessage // the answer as it came
}

// Trace returns everything that a command has led to. The ID is that of the command at the beginning.
func (c *Client) Trace(ctx context.Context, correlationID string) (*Trace, error) {
	trace := &Trace{}
	a, err := c.fetch(ctx, get("/traces/"+wire.Segment(correlationID)), &trace.Trace)
	if err != nil {
		return nil, err
	}
	trace.Raw = a.raw
	return trace, nil
}

// Ready returns what a worker says of its readiness: a worker that is not ready answers with a *Problem, whose
// Checks say what is missing. Of several workers it asks one after the other, in turns.
func (c *Client) Ready(ctx context.Context) (*wire.Ready, error) {
	ready := &wire.Ready{}
	_, err := c.fetch(ctx, get("/readyz"), ready)
	if err != nil {
		return nil, err
	}
	return ready, nil
}

// Views tells where the views of a worker stand.
type Views struct {
	wire.Views

	Raw json.RawMessage // the answer as it came
}

// Views returns where the views of a worker stand. This and the resets below are about one worker: the client
// should have no other one.
func (c *Client) Views(ctx context.Context) (*Views, error) {
	views := &Views{}
	a, err := c.fetch(ctx, get("/views"), &views.Views)
	if err != nil {
		return nil, err
	}
	views.Raw = a.raw
	return views, nil
}

// ResetView asks a worker to rebuild a view from offset zero: the partitions named, or all. by is kept with it.
func (c *Client) ResetView(ctx context.Context, name, by string, partitions ...int32) (*wire.View, error) {
	r, err := post("/admin/views/"+wire.Segment(name)+"/resets",
		wire.ResetRequest{Partitions: append([]int32{}, partitions...)})
	if err != nil {
		return nil, err
	}
	return c.changeView(ctx, r.askedBy(by))
}

// CancelReset cancels the reset of a view. Partitions that are done stay so.
func (c *Client) CancelReset(ctx context.Context, name string) (*wire.View, error) {
	r, err := post("/admin/views/"+wire.Segment(name)+"/resets/cancel", nil)
	if err != nil {
		return nil, err
	}
	return c.changeView(ctx, r)
}

func (c *Client) changeView(ctx context.Context, r *request) (*wire.View, error) {
	view := &wire.View{}
	if _, err := c.fetch(ctx, r, view, http.StatusOK, http.StatusAccepted); err != nil {
		return nil, err
	}
	return view, nil
}

// Refolds returns what is known of the tables and their refolds: of one aggregate, or of all if it is empty.
func (c *Client) Refolds(ctx context.Context, aggregate string) (*wire.Refolds, error) {
	query := url.Values{}
	if aggregate != "" {
		query.Set("aggregate", aggregate)
	}
	all := &wire.Refolds{}
	if _, err := c.fetch(ctx, get(withQuery("/refolds", query)), all); err != nil {
		return nil, err
	}
	return all, nil
}

// Refold returns how far a refold is.
func (c *Client) Refold(ctx context.Context, id string) (*wire.Refold, error) {
	return c.refold(ctx, get("/refolds/"+wire.Segment(id)))
}

// AskRefold asks for a refold of an aggregate's table; a dry run compares only. by is kept with it.
func (c *Client) AskRefold(ctx context.Context, aggregate string, dryRun bool, by string) (
	*wire.Refold, error,
) {
	r, err := post("/admin/refolds", wire.RefoldRequest{Aggregate: aggregate, DryRun: dryRun})
	if err != nil {
		return nil, err
	}
	return c.refold(ctx, r.askedBy(by))
}

// CancelRefold cancels a refold. Partitions that have ended stay as they are.
func (c *Client) CancelRefold(ctx context.Context, id, by string) (*wire.Refold, error) {
	r, err := post("/admin/refolds/"+wire.Segment(id)+"/cancel", nil)
	if err != nil {
		return nil, err
	}
	return c.refold(ctx, r.askedBy(by))
}

func (c *Client) refold(ctx context.Context, r *request) (*wire.Refold, error) {
	refold := &wire.Refold{}
	if _, err := c.fetch(ctx, r, refold, http.StatusOK, http.StatusAccepted); err != nil {
		return nil, err
	}
	return refold, nil
}

// askedBy names the person who asks, for the records.
func (r *request) askedBy(by string) *request {
	if by != "" {
		r.header.Set("X-Asked-By", by)
	}
	return r
}
