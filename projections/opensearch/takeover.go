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

// live returns the numbers of builds that have the alias of one of their tables, ascending: one, or none. Two
// may have it for a moment, if two take over at the same time and none was live before: the newest counts.
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
		done, err := o.tryTakeOver(ctx, deadline)
		if done || err != nil && !errors.Is(err, projections.ErrBehind) || !time.Now().Before(deadline) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s takes over: %w", o.name(), ctx.Err())
		case <-time.After(betweenTries):
		}
	}
}

// tryTakeOver reports whether the build is live now.
func (o *open) tryTakeOver(ctx context.Context, deadline time.Time) (done bool, err error) {
	if _, err := o.store.document(ctx, o.build.Projection, o.build.Number); err != nil {
		return false, err
	}
	documents, err := o.store.documents(ctx, o.build.Projection)
	if err != nil {
		return false, err
	}
	live, err := o.store.live(ctx, documents)
	if err != nil {
		return false, err
	}
	before := newest(live)
	if before == o.build.Number && len(live) == 1 {
		return true, nil
	}
	if before != 0 && before != o.build.Number {
		if err := o.levelWith(ctx, before, deadline); err != nil {
			return false, err
		}
	}
	if err := o.swap(ctx, documents, live); err != nil {
		return false, err
	}
	if before != 0 && before != o.build.Number {
		return true, o.store.hold(ctx, o.build.Projection, before, time.Time{})
	}
	return false, nil // another one may have done the same: look again
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
		at := slices.IndexFunc(mine, func(m progress) bool { return m.ID == p.ID })
		if p.Next >= 0 && (at < 0 || mine[at].Next < p.Next) {
			return fmt.Errorf("%s: %w: %s", o.name(), projections.ErrBehind, p.ID)
		}
	}
	return nil
}

// hold lets nobody write to a build until then: it changes all its progress, so that a write that is under way
// fails, too. The zero time ends that.
func (s *Store) hold(ctx context.Context, projection string, number int, until time.Time) error {
	var ms int64
	if !until.IsZero() {
		ms = until.UnixMilli()
	}
	for range maxTries {
		all, err := s.progress(ctx, projection, number)
		if err != nil {
			return err
		}
		var actions []action
		for _, p := range all {
			if p.HeldUntil != ms {
				p.HeldUntil = ms
				actions = append(actions, s.progressAction(projection, number, p))
			}
		}
		failures, err := s.client.bulk(ctx, actions, nil)
		if err != nil {
			return err
		}
		again := false
		for _, f := range failures {
			switch {
			case f == nil:
			case f.status == http.StatusConflict:
				again = true
			default:
				return f
			}
		}
		if !again {
			return nil
		}
	}
	return fmt.Errorf("holding build %d of %s: its progress was never at rest", number, projection)
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
