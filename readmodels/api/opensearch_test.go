package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"refold/client/wire"
	"refold/processors/orders"
	"refold/readmodels"
	"refold/readmodels/api"
)

// index answers every search with the same.
type index struct {
	status int
	answer string
	path   string
	user   string
	asked  map[string]any
}

func (i *index) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	i.path, i.asked = r.URL.EscapedPath(), nil
	i.user, _, _ = r.BasicAuth()
	_ = json.Unmarshal(text, &i.asked)
	w.WriteHeader(i.status)
	_, _ = io.WriteString(w, i.answer)
}

// Orders are searched in OpenSearch, page by page; until a build is live there is no index of that name.
func TestOpenSearch(t *testing.T) {
	i := &index{status: http.StatusOK, answer: `{"hits": {"hits": [
		{"_id": "tea", "_source": {"order_id": "tea", "account_id": "alice", "status": "delivered",
			"payment": "paid", "currency": "EUR", "total": 9007199254740993, "skus": ["tea-500g"],
			"carriers": ["DHL"], "tracking_numbers": [], "terms": "tea", "sequence": 5}},
		{"_id": "zinc", "_source": {"order_id": "zinc", "account_id": "", "status": "", "payment": "",
			"currency": "", "total": 0, "skus": [], "carriers": [], "tracking_numbers": [], "terms": "",
			"sequence": 1}}]}}`}
	server := httptest.NewServer(i)
	t.Cleanup(server.Close)
	s := serve(t, api.Options{Database: empty(t), Orders: api.OpenSearch{
		Addresses: []string{"http://127.0.0.1:1", server.URL + "/"}, // nobody listens at the first one
		User:      "reader", Password: "secret", Prefix: "shop-", Client: server.Client(),
	}})
	a := s.get(t, "/read-models/orders/search?q=T%C3%A9a+dhl&account=alice&limit=1")
	page := read[api.Page[readmodels.OrderDocument]](t, a)
	same(t, "what was found", []readmodels.OrderDocument{{
		OrderID: "tea", AccountID: "alice", Status: orders.StatusDelivered, Payment: orders.PaymentPaid,
		Currency: "EUR", Total: 9007199254740993, SKUs: []string{"tea-500g"}, Carriers: []string{"DHL"},
		TrackingNumbers: []string{}, Sequence: 5,
	}}, page.Items)
	word := func(w string) any {
		return map[string]any{"bool": map[string]any{"should": []any{
			map[string]any{"prefix": map[string]any{"terms": map[string]any{"value": w}}},
			map[string]any{"match_phrase": map[string]any{"terms": w}},
		}}}
	}
	want := map[string]any{
		"size": 2.0, "sort": []any{map[string]any{"order_id.keyword": "asc"}}, "track_total_hits": false,
		"query": map[string]any{"bool": map[string]any{"filter": []any{
			word("tea"), word("dhl"), map[string]any{"term": map[string]any{"account_id.keyword": "alice"}},
		}}},
	}
	same(t, "what was asked", want, i.asked)
	same(t, "whom", "reader /shop-order_search/_search", i.user+" "+i.path)
	s.get(t, page.Next)
	want["search_after"] = []any{"tea"}
	same(t, "what was asked for the next page", want, i.asked)

	i.status, i.answer = http.StatusNotFound, `{"error": {"type": "index_not_found_exception"}}`
	refused(t, s.get(t, page.Next), http.StatusServiceUnavailable, wire.CodeNoReadModel)
	for _, answer := range []string{`{}`, ``, `{"hits": {"hits": [{"_source": {"order_id": 7}}]}}`} {
		i.status, i.answer = http.StatusTooManyRequests, answer
		refused(t, s.get(t, page.Next), http.StatusServiceUnavailable, wire.CodeReadModelAway)
	}
	i.status = http.StatusOK // with the last of these answers, which is no document
	refused(t, s.get(t, page.Next), http.StatusServiceUnavailable, wire.CodeReadModelAway)
}
