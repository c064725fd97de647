package opensearch

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// found is a document as OpenSearch returns it.
type found struct {
	ID          string          `json:"_id"`
	Index       string          `json:"_index"`
	Found       bool            `json:"found"` // by its ID; a search returns none that is not there
	Version     int64           `json:"_version"`
	SeqNo       int64           `json:"_seq_no"`
	PrimaryTerm int64           `json:"_primary_term"`
	Source      json.RawMessage `json:"_source"`
	Error       *cause          `json:"error"`
}

// readAtOnce is how many documents a request reads.
const readAtOnce = 1_000

// get returns documents by their IDs, in this order, as they are now. The error may be a failure of the type
// noIndex.
func (c *client) get(ctx context.Context, index string, ids []string) ([]found, error) {
	all := make([]found, 0, len(ids))
	path := "/" + url.PathEscape(index) + "/_mget"
	for begin := 0; begin < len(ids); begin += readAtOnce {
		some := ids[begin:min(begin+readAtOnce, len(ids))]
		var answer struct {
			Docs []found `json:"docs"`
		}
		if err := c.call(ctx, http.MethodPost, path, object{"ids": some}, &answer); err != nil {
			return nil, err
		}
		if len(answer.Docs) != len(some) {
			return nil, fmt.Errorf("OpenSearch: POST %s: %d documents are asked for, and %d returned", path,
				len(some), len(answer.Docs))
		}
		for _, d := range answer.Docs {
			if d.Error != nil {
				return nil, &failure{
					what: "POST " + path, status: http.StatusNotFound,
					kind: d.Error.Type, reason: d.Error.full(),
				}
			}
		}
		all = append(all, answer.Docs...)
	}
	return all, nil
}

// refresh lets searches see all that was written to indices before.
func (c *client) refresh(ctx context.Context, indices ...string) error {
	return c.call(ctx, http.MethodPost, "/"+strings.Join(indices, ",")+"/_refresh", nil, nil)
}

// page is the answer to a search.
type page struct {
	Scroll string `json:"_scroll_id"`
	Hits   struct {
		Hits []found `json:"hits"`
	} `json:"hits"`
}

// maxHits is how many documents a search returns that does not scroll: index.max_result_window by default.
const maxHits = 10_000

// search returns documents of an index, all that were written before. There may be maxHits at most.
func (c *client) search(ctx context.Context, index string, query any) ([]found, error) {
	if err := c.refresh(ctx, index); err != nil {
		return nil, err
	}
	body := object{"size": maxHits, "query": query, "seq_no_primary_term": true}
	var answer page
	err := c.call(ctx, http.MethodPost, "/"+index+"/_search", body, &answer)
	return answer.Hits.Hits, err
}

// scrollFor is how long OpenSearch keeps a scroll from page to page.
const scrollFor = "2m"

// scroll calls each with all documents of an index that a query finds, as of now.
func (c *client) scroll(ctx context.Context, index string, query any, each func(found) error) error {
	if err := c.refresh(ctx, index); err != nil {
		return err
	}
	var answer page
	defer func() {
		if answer.Scroll != "" { // it would go by itself after a while
			_ = c.call(context.WithoutCancel(ctx), http.MethodDelete, "/_search/scroll",
				object{"scroll_id": answer.Scroll}, nil)
		}
	}()
	err := c.call(ctx, http.MethodPost, "/"+index+"/_search?scroll="+scrollFor,
		object{"size": readAtOnce, "query": query, "sort": []string{"_doc"}}, &answer)
	for {
		if err != nil || len(answer.Hits.Hits) == 0 {
			return err
		}
		for _, hit := range answer.Hits.Hits {
			if err := each(hit); err != nil {
				return err
			}
		}
		next := page{Scroll: answer.Scroll}
		err = c.call(ctx, http.MethodPost, "/_search/scroll",
			object{"scroll": scrollFor, "scroll_id": answer.Scroll}, &next)
		answer = next
	}
}
