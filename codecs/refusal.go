package codecs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/sr"
)

// refusals are the schema IDs for which the registry refuses to answer, or can't, while it answers for
// others, and since when.
type refusals struct {
	mu    sync.Mutex
	since map[SchemaID]time.Time
}

// note returns since when an ID is refused.
func (r *refusals) note(id SchemaID, limit int) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	since, known := r.since[id]
	if !known {
		if r.since == nil {
			r.since = make(map[SchemaID]time.Time)
		}
		makeRoom(r.since, limit)
		since = time.Now()
		r.since[id] = since
	}
	return since
}

// forget ends what is known of one ID, or of all.
func (r *refusals) forget(ids ...SchemaID) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(ids) == 0 {
		clear(r.since)
	}
	for _, id := range ids {
		delete(r.since, id)
	}
}

// judge decides about an ID that was not answered. A registry that answers for nothing is a fault of ours,
// or of the network: records wait for it, as long as it takes. One that goes on refusing a single ID, for
// RefusedAfter, while it answers for another one, says something about that ID: its records will never be
// read, and are poison (ErrSchemaRefused).
func (r *Registry) judge(ctx context.Context, id SchemaID, err error) error {
	if !errors.Is(err, ErrRegistryUnavailable) {
		r.refused.forget(id)
		return err
	}
	if r.settings.RefusedAfter < 0 || ctx.Err() != nil {
		return err
	}
	if !r.answersOthers(ctx, id) {
		r.refused.forget()
		return err
	}
	since := r.refused.note(id, r.settings.Limits.Schemas)
	if left := r.settings.RefusedAfter - time.Since(since); left > 0 {
		return fmt.Errorf("it answers for other schemas, so this is about schema %v alone, whose "+
			"records are set aside from %s on: %w", id, time.Now().Add(left).UTC().Format(time.RFC3339), err)
	}
	// Not wrapped: it must not be taken for a fault.
	return fmt.Errorf("%w: schema %v since %s: %s", ErrSchemaRefused, id,
		since.UTC().Format(time.RFC3339), err.Error())
}

// answersOthers asks for a schema that the registry has: one of ours, or one that it told before.
func (r *Registry) answersOthers(ctx context.Context, id SchemaID) bool {
	known := slices.DeleteFunc(r.known.knownIDs(), func(other int) bool { return other == id.Number })
	if len(known) == 0 {
		return false
	}
	return r.request(ctx, "schema", func(ctx context.Context, c *sr.Client) error {
		_, err := c.SchemaByID(ctx, slices.Min(known))
		return err
	}) == nil
}

// knownIDs are the numbers of schemas that the registry has told, or that are ours.
func (c *cache) knownIDs() (ids []int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	for _, id := range c.ids {
		ids = append(ids, id)
	}
	for id, known := range c.schemas {
		if known.err == nil && !id.HasGUID() {
			ids = append(ids, id.Number)
		}
	}
	return ids
}
