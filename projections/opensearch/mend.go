package opensearch

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"

	"refold/projections"
)

// Mend writes rows under the versions that they have, so that a batch that is written meanwhile wins. Then it
// returns projections.ErrMoved, and other rows may have been written.
func (o *open) Mend(
	ctx context.Context, at []projections.Progress, rows []projections.Mended,
) error {
	if err := o.mustBeAt(ctx, at); err != nil {
		return err
	}
	var actions []action
	for _, m := range rows {
		a, needed, err := o.mendAction(ctx, m)
		if err != nil {
			return err
		}
		if needed {
			actions = append(actions, a)
		}
	}
	for again := true; ; again = false {
		results, err := o.store.client.bulk(ctx, actions, nil)
		if err != nil {
			return err
		}
		var forgotten []action
		for i, r := range results {
			switch {
			case r.failure == nil:
			case r.failure.status != http.StatusConflict:
				return judge(r.failure)
			case again && *actions[i].on.Version == 0 && tombstone(r.failure) != nil:
				actions[i].on.Version = tombstone(r.failure)
				forgotten = append(forgotten, actions[i])
			default:
				return fmt.Errorf("mending %s: %w: %w", o.name(), projections.ErrMoved, r.failure)
			}
		}
		if actions = forgotten; len(actions) == 0 {
			return nil
		}
	}
}

// mustBeAt returns projections.ErrMoved if the progress of the build is not that.
func (o *open) mustBeAt(ctx context.Context, at []projections.Progress) error {
	if _, err := o.store.document(ctx, o.build.Projection, o.build.Number); err != nil {
		return err
	}
	all, err := o.store.progress(ctx, o.build.Projection, o.build.Number)
	if err != nil {
		return err
	}
	seen := make(map[projections.Partition]int64, len(at))
	for _, p := range at {
		seen[p.Partition] = p.Next
	}
	same := len(seen) == len(all)
	for _, p := range all {
		next, known := seen[p.public().Partition]
		same = same && known && next == p.Next
	}
	if !same {
		return fmt.Errorf("mending %s: %w", o.name(), projections.ErrMoved)
	}
	return nil
}

// mendAction returns the write of a row, under the version of the one that is there, or 0. It is not needed
// if a row should not be there and is not.
func (o *open) mendAction(ctx context.Context, m projections.Mended) (_ action, needed bool, err error) {
	index := o.store.tableIndex(m.Table.Name, o.build.Number)
	id := documentID(m.Table.KeyOf(m.Key...))
	docs, err := o.store.client.get(ctx, index, []string{id})
	if err != nil {
		return action{}, false, noBuild(err)
	}
	a := action{op: "index", on: versioned(index, id, docs[0].Version)}
	if m.Values == nil {
		a.op = "delete"
		return a, docs[0].Found, nil
	}
	if !docs[0].Found {
		*a.on.Version = 0
	}
	a.document, err = encodeRow(m.Table, m.Values)
	return a, true, err
}

var currentVersion = regexp.MustCompile(`current version \[(\d+)\]`)

// tombstone returns the version of a deletion that OpenSearch remembers, which it tells only when a write is
// refused for it; nil if it can't be read.
func tombstone(f *failure) *int64 {
	found := currentVersion.FindStringSubmatch(f.reason)
	if found == nil {
		return nil
	}
	version, err := strconv.ParseInt(found[1], 10, 64)
	if err != nil {
		return nil
	}
	return &version
}
