package opensearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"refold/projections"
)

// live returns the numbers of builds that have the alias of one of their tables, ascending: one, or none. If
// there should ever be two, the newest counts, and the next take-over ends it.
func (s *Store) live(ctx context.Context, documents []buildDocument) ([]int, error) {
	var names []string
	for _, d := range documents {
		for _, t := range d.Tables {
			names = append(names, s.alias(t))
		}
	}
	slices.Sort(names)
	if names = slices.Compact(names); len(names) == 0 {
		return nil, nil
	}
	// The answer has the indices that have some of the aliases. Beside them, an error says that others are
	// missing.
	var indices map[string]json.RawMessage
	body, err := s.client.send(ctx, http.MethodGet, "/_alias/"+strings.Join(names, ",")+
		"?ignore_unavailable=true", typeJSON, nil)
	var f *failure
	switch {
	case errors.As(err, &f) && f.status == http.StatusNotFound:
		body = f.body
	case err != nil:
		return nil, err
	}
	if err := json.Unmarshal(body, &indices); err != nil {
		return nil, fmt.Errorf("OpenSearch: the answer about aliases: %w", err)
	}
	var all []int
	for _, d := range documents {
		if slices.ContainsFunc(d.Tables, func(t string) bool {
			_, has := indices[s.tableIndex(t, d.Number)]
			return has
		}) {
			all = append(all, d.Number)
		}
	}
	return all, nil
}

// newest returns the build that counts as live, 0 if there is none.
func newest(live []int) int {
	if len(live) == 0 {
		return 0
	}
	return slices.Max(live)
}

// betweenTries is how long a take-over waits before it looks again whether the build is level.
const betweenTries = 100 * time.Millisecond

// TakeOver makes the build live: it holds the live one, waits until it is level, and swaps the aliases.
func (o *open) TakeOver(ctx context.Context, hold time.Duration) error {
	deadline := time.Now().Add(hold)
	for {
		err := o.store.alone(ctx, o.build.Projection, func(ctx context.Context) error {
			return o.tryTakeOver(ctx, deadline)
		})
		if err == nil {
			return nil
		}
		later := errors.Is(err, projections.ErrBehind) || errors.Is(err, errBusy)
		if !later || !time.Now().Before(deadline) {
			return fmt.Errorf("%s takes over: %w", o.name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s takes over: %w", o.name(), ctx.Err())
		case <-time.After(betweenTries):
		}
	}
}

func (o *open) tryTakeOver(ctx context.Context, deadline time.Time) error {
	if _, err := o.store.document(ctx, o.build.Projection, o.build.Number); err != nil {
		return err
	}
	documents, err := o.store.documents(ctx, o.build.Projection)
	if err != nil {
		return err
	}
	live, err := o.store.live(ctx, documents)
	if err != nil {
		return err
	}
	before := newest(live)
	if before == o.build.Number || before == 0 {
		return o.swap(ctx, documents, live)
	}
	if err := o.levelWith(ctx, before, deadline); err != nil {
		return err
	}
	if err := o.swap(ctx, documents, live); err != nil {
		return err
	}
	return o.store.setHeld(ctx, o.build.Projection, before, held{})
}

// levelWith holds the live build, and returns projections.ErrBehind unless this one has all that it has.
func (o *open) levelWith(ctx context.Context, live int, deadline time.Time) error {
	if err := o.store.hold(ctx, o.build.Projection, live, deadline); err != nil {
		return err
	}
	its, err := o.store.progress(ctx, o.build.Projection, live)
	if err != nil {
		return err
	}
	mine, err := o.store.progress(ctx, o.build.Projection, o.build.Number)
	if err != nil {
		return err
	}
	for _, p := range its {
		var next int64 // of a partition that nobody has claimed: it has no records
		if at := slices.IndexFunc(mine, func(m progress) bool { return m.ID == p.ID }); at >= 0 {
			next = mine[at].Next
		}
		if seen := max(p.Next, p.Reaching); next < seen {
			return fmt.Errorf("%w: %s is at %d, and readers may have seen what is before %d",
				projections.ErrBehind, p.ID, next, seen)
		}
	}
	return nil
}

// hold lets nobody begin to write to a build until then, and returns when each write that is under way was
// announced, or will fail: the progress of all partitions has changed since.
func (s *Store) hold(ctx context.Context, projection string, number int, until time.Time) error {
	if err := s.setHeld(ctx, projection, number, held{until.UnixMilli()}); err != nil {
		return err
	}
	changed := make(map[string]bool)
	for range maxTries {
		all, err := s.progress(ctx, projection, number)
		if err != nil {
			return err
		}
		var actions []action
		var ids []string
		for _, p := range all {
			if !changed[p.ID] {
				actions = append(actions, s.progressAction(projection, number, p))
				ids = append(ids, p.ID)
			}
		}
		if len(actions) == 0 {
			return nil
		}
		results, err := s.client.bulk(ctx, actions, nil)
		if err != nil {
			return err
		}
		for i, r := range results {
			switch {
			case r.failure == nil:
				changed[ids[i]] = true
			case r.failure.status != http.StatusConflict: // in a conflict it is tried again
				return noBuild(r.failure)
			}
		}
	}
	return fmt.Errorf("holding build %d of %s: its progress was never at rest", number, projection)
}

// setHeld says until when nobody may write to a build.
func (s *Store) setHeld(ctx context.Context, projection string, number int, until held) error {
	document, err := json.Marshal(until)
	if err != nil {
		return fmt.Errorf("holding build %d of %s: %w", number, projection, err)
	}
	on := target{Index: forWriting(s.progressIndex(projection, number)), ID: heldID}
	results, err := s.client.bulk(ctx, []action{{op: "index", on: on, document: document}}, nil)
	if err != nil {
		return err
	}
	if f := results[0].failure; f != nil {
		return noBuild(f)
	}
	return nil
}

// swap gives this build the aliases of its tables, and takes those of all others, in one call.
func (o *open) swap(ctx context.Context, documents []buildDocument, live []int) error {
	var mine []string
	for _, t := range o.build.Tables {
		mine = append(mine, o.store.tableIndex(t, o.build.Number))
	}
	if err := o.store.client.refresh(ctx, mine...); err != nil {
		return err
	}
	var actions []object
	for _, d := range documents {
		if d.Number == o.build.Number || !slices.Contains(live, d.Number) {
			continue
		}
		// It is live now. What it becomes is written before that, as a crash may follow.
		if err := o.store.update(ctx, d, object{"was_live": true}); err != nil {
			return err
		}
		for _, t := range d.Tables {
			actions = append(actions, object{"remove": object{
				"index": o.store.tableIndex(t, d.Number), "alias": o.store.alias(t),
			}})
		}
	}
	for i, t := range o.build.Tables {
		actions = append(actions, object{"add": object{"index": mine[i], "alias": o.store.alias(t)}})
	}
	return o.store.client.call(ctx, http.MethodPost, "/_aliases", object{"actions": actions}, nil)
}

// name is what people call the build by.
func (o *open) name() string { return o.build.Projection + "-" + strconv.Itoa(o.build.Number) }
