package rows

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// object is a JSON object.
type object = map[string]any

// pageRows is how many documents a search returns at most.
const pageRows = 5_000

// OfOpenSearch reads a table by the alias by which readers search it, all that was written before.
func OfOpenSearch(ctx context.Context, url, prefix, table string) (Tables, error) {
	index := url + "/" + prefix + table
	if err := ask(ctx, index+"/_refresh", object{}, new(object)); err != nil {
		return nil, err
	}
	all := make(Tables)
	query := object{"size": pageRows, "sort": []object{{keys[table][0] + ".keyword": "asc"}}}
	for {
		var page struct {
			Hits struct {
				Hits []struct {
					Source Row   `json:"_source"`
					Sort   []any `json:"sort"`
				} `json:"hits"`
			} `json:"hits"`
		}
		if err := ask(ctx, index+"/_search", query, &page); err != nil {
			return nil, err
		}
		for _, hit := range page.Hits.Hits {
			if err := all.add(table, hit.Source); err != nil {
				return nil, err
			}
			query["search_after"] = hit.Sort
		}
		if len(page.Hits.Hits) < pageRows {
			return all, nil
		}
	}
}

// statusError is an answer that is not OK.
type statusError struct {
	status int
	url    string
}

func (e *statusError) Error() string { return fmt.Sprintf("%s: status %d", e.url, e.status) }

// ask posts JSON, and reads JSON. Numbers are read as they are written.
func ask(ctx context.Context, url string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return &statusError{response.StatusCode, url}
	}
	decoder := json.NewDecoder(response.Body)
	decoder.UseNumber()
	if err := decoder.Decode(out); err != nil {
		return fmt.Errorf("%s: %w", url, err)
	}
	return nil
}
