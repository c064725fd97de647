package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"refold/projections"
	"refold/readmodels"
)

// OpenSearch searches the documents that a store of package projections/opensearch has written. It is a
// [Searcher]. What was written is found within the index's refresh interval, a second by default.
type OpenSearch struct {
	// Addresses are URLs of nodes. They are asked one after the other, until one answers.
	Addresses []string
	// User and Password are for basic authentication; empty: there is none.
	User, Password string
	// Prefix is that of the store's indices.
	Prefix string
	// Client makes the requests.
	Client *http.Client
}

// maxFoundBytes limits an answer of OpenSearch: a page of the largest documents is less.
const maxFoundBytes = 64 << 20

// noIndex is the error of OpenSearch about an index, or an alias, that is not there.
const noIndex = "index_not_found_exception"

// object is a JSON object.
type object = map[string]any

// SearchOrders finds orders by the words of their terms.
func (o OpenSearch) SearchOrders(
	ctx context.Context, q Question,
) (found []readmodels.OrderDocument, err error) {
	body, err := json.Marshal(searchOf(q))
	if err != nil {
		return nil, fmt.Errorf("write a search: %w", err)
	}
	err = errors.New("there is no address of OpenSearch")
	for _, address := range o.Addresses {
		if found, err = o.search(ctx, address, body); err == nil || errors.Is(err, projections.ErrNoBuild) {
			break
		}
	}
	return found, err
}

// search asks a node.
func (o OpenSearch) search(
	ctx context.Context, address string, body []byte,
) ([]readmodels.OrderDocument, error) {
	index := o.Prefix + readmodels.OrderDocuments.Name
	address = strings.TrimSuffix(address, "/") + "/" + url.PathEscape(index) + "/_search"
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a search: %w", err)
	}
	request.Header.Set("Content-Type", mediaJSON)
	if o.User != "" {
		request.SetBasicAuth(o.User, o.Password)
	}
	response, err := o.Client.Do(request)
	if err != nil {
		return nil, fmt.Errorf("search %s: %w", index, err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, maxFoundBytes))
	switch {
	case err != nil:
		return nil, fmt.Errorf("search %s: %w", index, err)
	case response.StatusCode == http.StatusNotFound && bytes.Contains(text, []byte(noIndex)):
		return nil, fmt.Errorf("no build with the index %s is live: %w", index, projections.ErrNoBuild)
	case response.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("search %s: %s: %.500s", index, response.Status, text)
	}
	return foundIn(text)
}

// searchOf returns the body of a search. The words are terms of the field as it is analyzed, or the
// beginnings of terms; a word of a script without spaces is several terms.
func searchOf(q Question) object {
	var filter []object
	for _, w := range q.Words {
		filter = append(filter, object{"bool": object{"should": []object{
			{"prefix": object{"terms": object{"value": w}}}, {"match_phrase": object{"terms": w}},
		}}})
	}
	for column, text := range map[string]string{"account_id": q.Account, "status": q.Status} {
		if text != "" {
			filter = append(filter, object{"term": object{column + ".keyword": text}})
		}
	}
	search := object{
		"size": q.Limit, "query": object{"bool": object{"filter": filter}},
		"sort": []object{{"order_id.keyword": "asc"}}, "track_total_hits": false,
	}
	if q.After != "" {
		search["search_after"] = []string{q.After}
	}
	return search
}

// foundIn reads the documents of an answer.
func foundIn(text []byte) ([]readmodels.OrderDocument, error) {
	var answer struct {
		Hits struct {
			Hits []struct {
				Source map[string]json.RawMessage `json:"_source"`
			} `json:"hits"`
		} `json:"hits"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("read the answer to a search: %w", err)
	}
	table := readmodels.OrderDocuments
	all := make([]readmodels.OrderDocument, len(answer.Hits.Hits))
	for i, hit := range answer.Hits.Hits {
		values := make([]any, len(table.Columns))
		for at, c := range table.Columns {
			var err error
			if values[at], err = fieldOf(c.Type, hit.Source[c.Name]); err != nil {
				return nil, fmt.Errorf("read the column %s of a document: %w", c.Name, err)
			}
		}
		var err error
		if all[i], err = table.Row(values); err != nil {
			return nil, fmt.Errorf("read a document: %w", err)
		}
	}
	return all, nil
}

// fieldOf returns the value of a column that is a text, a whole number or JSON.
func fieldOf(t projections.ColumnType, field json.RawMessage) (any, error) {
	switch t {
	case projections.Text:
		var text string
		err := json.Unmarshal(field, &text)
		return text, err //nolint:wrapcheck // the caller names the column
	case projections.Integer:
		var n int64
		err := json.Unmarshal(field, &n)
		return n, err //nolint:wrapcheck // the caller names the column
	default:
		return field, nil
	}
}
