package rebuild

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// KeptRebuilds is how many rebuilds of a group the topic keeps after they have ended.
const KeptRebuilds = 20

// OpenError says that another rebuild of the group has not ended yet.
type OpenError struct{ Rebuild Rebuild }

func (e *OpenError) Error() string {
	return fmt.Sprintf("a rebuild of %s has not ended: %s, asked for by %s at %s; wait for it or cancel it",
		e.Rebuild.Group, e.Rebuild.ID, e.Rebuild.By, e.Rebuild.Time.Format(time.RFC3339))
}

// Errors of requests, for errors.Is.
var (
	ErrNoRebuild = errors.New("there is no such rebuild")
	ErrEnded     = errors.New("the rebuild has ended")
	// ErrPartitions says that no table has so many partitions.
	ErrPartitions = errors.New("no table has so many partitions")
)

// Ask requests a rebuild of the group's table and returns the request. The error is an *OpenError while
// another rebuild has not ended, and ErrPartitions if the table can't have so many partitions. Two callers at
// the same moment may both succeed; the rebuilds are then done one after the other.
func (t *Topic) Ask(
	ctx context.Context, group string, partitions int32, dryRun bool, by string,
) (Request, error) {
	if err := checkPartitions(partitions); err != nil {
		return Request{}, fmt.Errorf("ask for a rebuild of %s: %w", group, err)
	}
	if err := t.CatchUp(ctx); err != nil {
		return Request{}, err
	}
	records := make(map[key]any)
	var open *OpenError
	t.Look(func(s *State) {
		if r, is := s.Open(group); is {
			open = &OpenError{r}
		}
		forget(records, s.Rebuilds(group))
	})
	if open != nil {
		return Request{}, open
	}
	now := time.Now().UTC()
	r := Request{
		ID: newID(now), Group: group, Partitions: partitions, DryRun: dryRun, By: by, Time: now,
	}
	if len(records) > 0 {
		if err := t.put(ctx, records); err != nil {
			return Request{}, err
		}
	}
	return r, t.put(ctx, map[key]any{{group: group, request: r.ID, partition: none}: r})
}

// forget adds tombstones for the oldest rebuilds, so that KeptRebuilds allows one more.
func forget(records map[key]any, newestFirst []Rebuild) {
	for i, r := range newestFirst {
		if i < KeptRebuilds-1 {
			continue
		}
		records[key{group: r.Group, request: r.ID, partition: none}] = nil
		for p := range r.Progress {
			records[key{group: r.Group, request: r.ID, partition: int32(p)}] = nil
		}
	}
}

// Cancel cancels a rebuild. Partitions that have ended stay as they are. The error is ErrNoRebuild or
// ErrEnded.
func (t *Topic) Cancel(ctx context.Context, id, by string) (Rebuild, error) {
	if err := t.CatchUp(ctx); err != nil {
		return Rebuild{}, err
	}
	r, known := t.Rebuild(id)
	switch {
	case !known:
		return r, fmt.Errorf("%w: %s", ErrNoRebuild, id)
	case r.Stage().Final():
		return r, fmt.Errorf("%w: %s is %s", ErrEnded, id, r.Stage())
	}
	r.Cancelled = &Cancellation{By: by, Time: time.Now().UTC()}
	return r, t.put(ctx, map[key]any{{group: r.Group, request: r.ID, partition: none}: r.Request})
}

// Rebuild returns the rebuild with the ID, by what this Topic has read.
func (t *Topic) Rebuild(id string) (r Rebuild, known bool) {
	t.Look(func(s *State) { r, known = s.Rebuild(id) })
	return r, known
}

// newID returns an ID that sorts by time and may stand in a URL path.
func newID(now time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return now.Format("20060102-150405-") + hex.EncodeToString(b[:])
}
