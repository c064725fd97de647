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

// Ready returns what a worker says of its readiness: a worker that is not ready answers with a *Problem,
// whose Checks say what is missing. Of several workers it asks one after the other, in turns.
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

// Views returns where the views of a worker stand. This and the rebuilds below are about one worker: the
// client should have no other one.
func (c *Client) Views(ctx context.Context) (*Views, error) {
	views := &Views{}
	a, err := c.fetch(ctx, get("/views"), &views.Views)
	if err != nil {
		return nil, err
	}
	views.Raw = a.raw
	return views, nil
}

// Owners says which pod answers for which partition.
type Owners struct {
	wire.Owners

	Raw json.RawMessage // the answer as it came
}

// Owners returns which pod answers for which partition, as a worker knows it. A worker that keeps no views
// has no such list: the error is a *Problem then.
func (c *Client) Owners(ctx context.Context) (*Owners, error) {
	owners := &Owners{}
	a, err := c.fetch(ctx, get("/owners"), &owners.Owners)
	if err != nil {
		return nil, err
	}
	owners.Raw = a.raw
	return owners, nil
}

// RebuildView asks a worker to rebuild a view from offset zero: the partitions named, or all. by is kept with
// it.
func (c *Client) RebuildView(ctx context.Context, name, by string, partitions ...int32) (*wire.View, error) {
	r, err := post("/admin/views/"+wire.Segment(name)+"/rebuilds",
		wire.ViewRebuildRequest{Partitions: append([]int32{}, partitions...)})
	if err != nil {
		return nil, err
	}
	return c.changeView(ctx, r.askedBy(by))
}

// CancelViewRebuild cancels the rebuild of a view. Partitions that are done stay so.
func (c *Client) CancelViewRebuild(ctx context.Context, name string) (*wire.View, error) {
	r, err := post("/admin/views/"+wire.Segment(name)+"/rebuilds/cancel", nil)
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

// Rebuilds returns what is known of the tables and their rebuilds: of one aggregate, or of all if it is
// empty.
func (c *Client) Rebuilds(ctx context.Context, aggregate string) (*wire.Rebuilds, error) {
	query := url.Values{}
	if aggregate != "" {
		query.Set("aggregate", aggregate)
	}
	all := &wire.Rebuilds{}
	if _, err := c.fetch(ctx, get(withQuery("/rebuilds", query)), all); err != nil {
		return nil, err
	}
	return all, nil
}

// Rebuild returns how far a rebuild is.
func (c *Client) Rebuild(ctx context.Context, id string) (*wire.Rebuild, error) {
	return c.rebuild(ctx, get("/rebuilds/"+wire.Segment(id)))
}

// AskRebuild asks for a rebuild of an aggregate's table; a dry run compares only. by is kept with it.
func (c *Client) AskRebuild(ctx context.Context, aggregate string, dryRun bool, by string) (
	*wire.Rebuild, error,
) {
	r, err := post("/admin/rebuilds", wire.RebuildRequest{Aggregate: aggregate, DryRun: dryRun})
	if err != nil {
		return nil, err
	}
	return c.rebuild(ctx, r.askedBy(by))
}

// CancelRebuild cancels a rebuild. Partitions that have ended stay as they are.
func (c *Client) CancelRebuild(ctx context.Context, id, by string) (*wire.Rebuild, error) {
	r, err := post("/admin/rebuilds/"+wire.Segment(id)+"/cancel", nil)
	if err != nil {
		return nil, err
	}
	return c.rebuild(ctx, r.askedBy(by))
}

func (c *Client) rebuild(ctx context.Context, r *request) (*wire.Rebuild, error) {
	rebuild := &wire.Rebuild{}
	if _, err := c.fetch(ctx, r, rebuild, http.StatusOK, http.StatusAccepted); err != nil {
		return nil, err
	}
	return rebuild, nil
}

// askedBy names the person who asks, for the records.
func (r *request) askedBy(by string) *request {
	if by != "" {
		r.header.Set("X-Asked-By", by)
	}
	return r
}
