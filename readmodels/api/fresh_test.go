package api_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"refold/client/wire"
	"refold/projections"
	"refold/projections/sqlite"
	"refold/readmodels"
	"refold/readmodels/api"
	"refold/readmodels/readmodelstest"
)

const header = wire.HeaderPosition + ": "

// An answer that shows what the client has written comes at once.
func TestPositionIsShown(t *testing.T) {
	s := shop(t)
	for path, position := range map[string]string{
		"/read-models/accounts":                 "account/alice@7",
		"/read-models/accounts/alice/card":      "account/alice@1",
		"/read-models/accounts/alice/statement": "account/alice@7",
		"/read-models/orders":                   "order/tea@5",
		"/read-models/orders/search?q=tea":      "order/tea@5",
		"/read-models/customers/alice":          "order/tea@5",
		"/read-models/customers/bob":            "account/bob@4",
		"/read-models/accounts/%3Ddave+1/card":  "account/=dave+1@1",
		"/read-models/accounts/carol/card":      "account/carol@2",
	} {
		plain := s.get(t, path)
		a := s.get(t, path, header+position)
		if a.Status != http.StatusOK || a.Text != plain.Text || a.Header.Get("Preference-Applied") != "" {
			t.Errorf("%s, at %s: %d, %v: %s", path, position, a.Status, a.Header, a.Text)
		}
		and := map[bool]string{true: "&", false: "?"}[strings.Contains(path, "?")]
		query := and + "atLeast=" + strings.NewReplacer("+", "%2B", "=", "%3D").Replace(position)
		a = s.get(t, path+query, header+position, "Prefer: wait=90")
		if a.Status != http.StatusOK || a.Text != plain.Text ||
			a.Header.Get("Preference-Applied") != "wait=30" {
			t.Errorf("%s, with a wait: %d, %v: %s", path+query, a.Status, a.Header, a.Text)
		}
		again := s.get(t, path+query, "If-None-Match: "+plain.Header.Get("ETag"))
		if again.Status != http.StatusNotModified {
			t.Errorf("%s, had before: %d", path+query, again.Status)
		}
	}
}

// A position that is not shown yet is an error at once, or after the wait that the client prefers.
func TestPositionIsNotShownYet(t *testing.T) {
	s := shop(t)
	for _, path := range everyPath {
		position := "account/alice@99"
		if strings.HasPrefix(path, "/read-models/orders") {
			position = "order/later@1"
		}
		a := s.get(t, path, header+position)
		p := refused(t, a, http.StatusServiceUnavailable, wire.CodeNotYet)
		if a.Header.Get("Retry-After") == "" || !strings.Contains(p.Detail, position+" yet; try again, or") {
			t.Errorf("%s: %v, %s", path, a.Header, p.Detail)
		}
		a = s.get(t, path, header+position, "Prefer: wait=0")
		p = refused(t, a, http.StatusServiceUnavailable, wire.CodeNotYet)
		if a.Header.Get("Preference-Applied") != "wait=0" || !strings.Contains(p.Detail, "within 0 s") {
			t.Errorf("%s, with a wait: %v, %s", path, a.Header, p.Detail)
		}
	}
}

func TestPositionWithoutABuild(t *testing.T) {
	s := serve(t, api.Options{Database: empty(t)})
	for _, prefer := range []string{"Prefer: none", "Prefer: wait=0"} {
		a := s.get(t, "/read-models/accounts", header+"account/alice@7", prefer)
		refused(t, a, http.StatusServiceUnavailable, wire.CodeNoReadModel)
	}
	d := filled(t, readmodelstest.Shop())
	s = serve(t, api.Options{Database: d})
	d.must(t, d.db.Close())
	a := s.get(t, "/read-models/accounts", header+"account/alice@7", "Prefer: wait=30")
	refused(t, a, http.StatusServiceUnavailable, wire.CodeReadModelAway)
}

func TestPositionMistakes(t *testing.T) {
	s := shop(t)
	for path, position := range map[string]string{
		"/read-models/accounts":                       "account/alice",
		"/read-models/accounts?limit=1":               "order/tea@5",
		"/read-models/orders":                         "account/alice@7",
		"/read-models/orders?status=placed":           "account-events:3@7",
		"/read-models/customers/bob":                  "account/" + strings.Repeat("a", 5000) + "@1",
		"/read-models/accounts?atLeast=":              "account/alice@1",
		"/read-models/accounts?atLeast=7":             "account/alice@1",
		"/read-models/accounts?atLeast=order/tea%401": "account/alice@1",
	} {
		p := refused(t, s.get(t, path, header+position), http.StatusBadRequest, wire.CodeInvalid)
		where := "header.X-Refold-Position"
		if strings.Contains(path, "atLeast") {
			where = "query.atLeast"
		}
		if len(p.Errors) != 1 || p.Errors[0].Path != where || p.Errors[0].Allowed == "" {
			t.Errorf("%s, at %.80s: %+v", path, position, p.Errors)
		}
	}
}

// watched tells when it was looked at for the second time: a request waits then.
type watched struct {
	projections.LiveReader

	mu     sync.Mutex
	looks  int
	second chan struct{}
}

func (w *watched) LookLive(
	ctx context.Context, p *projections.Projection, look func(projections.View) error,
) error {
	w.mu.Lock()
	w.looks++
	if w.looks == 2 {
		close(w.second)
	}
	w.mu.Unlock()
	return w.LiveReader.LookLive(ctx, p, look)
}

// A request waits until the read model has the event, and is then answered from what has it. Another one that
// would wait beside it, beyond the limit, is refused.
func TestPositionIsAwaited(t *testing.T) {
	ctx := t.Context()
	store, err := sqlite.Open(filepath.Join(t.TempDir(), "readmodels.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	cards := &watched{LiveReader: store, second: make(chan struct{})}
	s := serve(t, api.Options{Database: store, Cards: cards, Waits: 1})
	p, history := &readmodels.AccountCard, readmodelstest.Shop()
	if err := readmodelstest.Fill(ctx, store, p, history[:2], 4); err != nil {
		t.Fatal(err)
	}
	const path = "/read-models/accounts/alice/card"
	answers := make(chan answered, 1)
	go func() { answers <- s.get(t, path, header+"account/alice@7", "Prefer: wait=30") }()
	<-cards.second
	a := s.get(t, path, header+"account/alice@7", "Prefer: wait=30")
	refused(t, a, http.StatusServiceUnavailable, wire.CodeTooManyWaits)
	if err := readmodelstest.Fill(ctx, store, p, history, 4); err != nil {
		t.Fatal(err)
	}
	a = <-answers
	if card := read[readmodels.CardRow](t, a); card.Sequence != 7 ||
		a.Header.Get("Preference-Applied") != "wait=30" {
		t.Errorf("the answer is %+v, %v", card, a.Header)
	}
}
