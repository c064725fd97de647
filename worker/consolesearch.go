package worker

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"

	"refold/client/wire"
	"refold/console"
	"refold/console/letters"
	"refold/console/search"
	"refold/projections"
)

// HasLetter reports whether there is a dead letter at a place.
func (d *deadLetterBox) HasLetter(ctx context.Context, partition int32, offset int64) (bool, error) {
	_, err := d.Get(ctx, letters.Ref{Partition: partition, Offset: offset})
	if errors.Is(err, letters.ErrMissing) {
		return false, nil
	}
	return err == nil, err
}

func (w *Worker) searchKinds() []search.Kind {
	kinds := make([]search.Kind, len(w.opened.Aggregates))
	for i, a := range w.opened.Aggregates {
		kinds[i] = search.Kind{Name: a.Name, Plural: a.Plural}
	}
	return kinds
}

// texts asks the endpoints of search projections: of the projection order_search it is
// /read-models/orders/search, if the program has that one.
type texts struct {
	http *http.Client
	has  []string // names of aggregates
}

// searchesTexts returns what finds by words; nil if the program has no search projection.
func (w *Worker) searchesTexts() search.Texts {
	t := &texts{http: &http.Client{
		Transport: console.NewTransport(func() http.Handler { return w.server.Handler() }),
	}}
	for _, a := range w.opened.Aggregates {
		if slices.ContainsFunc(w.in.Projections(), func(p projections.Projection) bool {
			return p.Name == a.Name+"_search"
		}) {
			t.has = append(t.has, a.Name)
		}
	}
	if len(t.has) == 0 {
		return nil
	}
	return t
}

// maxFoundBytes limits an answer of a search.
const maxFoundBytes = 4 << 20

// Find asks for the aggregates with some words.
func (t *texts) Find(
	ctx context.Context, k search.Kind, words string,
) (ids []string, supported bool, err error) {
	if !slices.Contains(t.has, k.Name) {
		return nil, false, nil
	}
	address := console.ServerURL + "/read-models/" + wire.Segment(k.Plural) + "/search?" +
		url.Values{"q": {words}}.Encode()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return nil, false, fmt.Errorf("search for text: %w", err)
	}
	answer, err := t.http.Do(r)
	if err != nil {
		return nil, true, fmt.Errorf("search for text: %w", err)
	}
	defer answer.Body.Close()
	switch {
	case answer.StatusCode == http.StatusNotFound, answer.StatusCode == http.StatusBadRequest,
		answer.StatusCode == http.StatusUnprocessableEntity:
		return nil, false, nil // it has no such endpoint, or these are no words
	case answer.StatusCode != http.StatusOK:
		return nil, true, fmt.Errorf(
			"search for text: the read model answers with the status %d", answer.StatusCode)
	}
	var page struct {
		Items []map[string]json.RawMessage `json:"items"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, maxFoundBytes)).Decode(&page); err != nil {
		return nil, true, fmt.Errorf("search for text: %w", err)
	}
	for _, item := range page.Items {
		var id string
		if json.Unmarshal(item[k.Name+"Id"], &id) == nil && id != "" {
			ids = append(ids, id)
		}
	}
	return ids, true, nil
}
