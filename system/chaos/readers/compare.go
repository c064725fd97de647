package readers

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"

	"golang.org/x/sync/errgroup"
)

// comparing is how many aggregates are compared at a time.
const comparing = 8

// Compare has each pod show all lists and all aggregates, when nothing moves, and finds answers that are not
// byte for byte the same. It returns how many aggregates there are. The error says that a pod gave no answer
// until ctx ended.
func (g *Group) Compare(ctx context.Context) (aggregates int, err error) {
	for _, kind := range g.options.Kinds {
		ids, err := g.compareLists(ctx, kind)
		if err != nil {
			return aggregates, err
		}
		aggregates += len(ids)
		all, ctx := errgroup.WithContext(ctx)
		all.SetLimit(comparing)
		for _, id := range ids {
			all.Go(func() error {
				_, err := g.compare(ctx, pathOf(aggregate{kind, id}))
				return err
			})
		}
		if err := all.Wait(); err != nil {
			return aggregates, err //nolint:wrapcheck // it names the pod
		}
	}
	return aggregates, nil
}

// compareLists compares the pages of a list, and returns the IDs in them.
func (g *Group) compareLists(ctx context.Context, kind string) (ids []string, err error) {
	const limit = "500"
	for path := "/" + kind + "?" + (url.Values{"limit": {limit}}).Encode(); path != ""; {
		a, err := g.compare(ctx, path)
		if err != nil {
			return nil, err
		}
		page, next, err := readPage(a.body)
		if err != nil {
			return nil, fmt.Errorf("%s of %s: %w", path, a.pod, err)
		}
		for _, shown := range page {
			ids = append(ids, shown.id)
		}
		path = next
	}
	return ids, nil
}

// compare asks all pods for the same, and returns the answer of the first one.
func (g *Group) compare(ctx context.Context, path string) (first answer, err error) {
	for n, pod := range g.options.Pods {
		a, err := g.insist(ctx, pod, path)
		if err != nil {
			return first, err
		}
		switch {
		case n == 0:
			first = a
		case !bytes.Equal(a.body, first.body) || !sameHeader(a.header, first.header):
			f := a.finding(Differing, fmt.Sprintf("%s answers otherwise: %.500s", first.pod, first.body))
			g.record.find(f)
		}
	}
	return first, nil
}

// sameHeader reports whether what is about the content is the same.
func sameHeader(a, b http.Header) bool {
	for _, name := range []string{
		"Content-Type", "Etag", "Link", "Cache-Control", "Refold-Partition-Offset",
	} {
		if a.Get(name) != b.Get(name) {
			return false
		}
	}
	return true
}
