package audit

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
	"time"
)

const (
	// workerTimeout is more than a worker takes for any answer by its defaults.
	workerTimeout = 30 * time.Second
	// maxAnswerBytes limits what is read of an answer.
	maxAnswerBytes = 64 << 20
	// readyPatience is how long a worker may be not ready.
	readyPatience = time.Minute
	readyPause    = 200 * time.Millisecond
)

// worker is a running worker whose views are compared with the topics.
type worker struct {
	breaches
	url     string
	client  *http.Client
	ledger  *ledger
	options Options
	notes   []string
	without map[string]bool // what it says that it has not got

	rows, histories, traces int
}

// workers compares the views of all workers.
func (r *run) workers(ctx context.Context) error {
	for _, address := range r.options.Workers {
		w := &worker{
			url: strings.TrimRight(address, "/"), client: &http.Client{Timeout: workerTimeout},
			ledger: r.ledger, options: r.options, without: make(map[string]bool),
		}
		for _, kind := range r.options.Kinds {
			if err := w.table(ctx, kind); err != nil {
				return fmt.Errorf("worker %s: %w", address, err)
			}
		}
		if err := w.checkTraces(ctx); err != nil {
			return fmt.Errorf("worker %s: %w", address, err)
		}
		w.client.CloseIdleConnections()
		r.line("worker %s: %d rows, %d histories, %d traces", address, w.rows, w.histories, w.traces)
		r.summary.Add(w.found...)
		r.summary.Notes = append(r.summary.Notes, w.notes...)
	}
	return nil
}

// shownRow is a row as the API shows it.
type shownRow struct {
	ID       string         `json:"id"`
	Sequence int64          `json:"sequence"`
	State    map[string]any `json:"state"`
}

// table goes through all rows of a kind, and the histories of some.
func (w *worker) table(ctx context.Context, kind Kind) error {
	want := w.ledger.rows[kind.Name]
	every := name(1)
	if w.options.Sample > 0 {
		every = name(want)/name(w.options.Sample) + 1
	}
	var seen int64
	var last string
	for next := "/" + kind.Plural; next != ""; {
		var page struct {
			Items []shownRow `json:"items"`
			Next  string     `json:"next"`
		}
		if err := w.get(ctx, next, &page); err != nil {
			return err
		}
		next = page.Next
		for _, row := range page.Items {
			if shownBeyond(row.ID) {
				continue
			}
			if row.ID <= last {
				w.breach("G4", Rows, "%s shows %s %s behind %s", w.url, kind.Name, row.ID, last)
			}
			last = row.ID
			seen++
			if err := w.row(ctx, kind, row, every); err != nil {
				return err
			}
		}
	}
	w.rows += int(seen)
	for ; seen < want; seen++ {
		w.breach("G4", Rows, "%s shows fewer %s than there are: one is missing", w.url, kind.Plural)
	}
	return nil
}

// row compares a row, and its history if it is one of the sample.
func (w *worker) row(ctx context.Context, kind Kind, row shownRow, every name) error {
	hash := w.ledger.name(kind.Name, "\x00", row.ID)
	want, known := w.ledger.served[hash]
	if !known {
		w.breach("G4", Rows, "%s shows a %s %s, and there is none", w.url, kind.Name, row.ID)
		return nil
	}
	if row.Sequence < want.sequence { // a view is some milliseconds behind
		path := fmt.Sprintf("/%s/%s?atLeast=%d", kind.Plural, url.PathEscape(row.ID), want.sequence)
		if err := w.unless("not-yet", w.get(ctx, path, &row)); err != nil {
			return err
		}
	}
	if row.Sequence != want.sequence || w.ledger.shownState(row.State) != want.state {
		w.breach("G4", Rows, "%s shows %s %s as %v at %d; its row, at %d, is another", w.url, kind.Name,
			row.ID, row.State, row.Sequence, want.sequence)
	}
	if hash%every != 0 || w.without["no-history"] {
		return nil
	}
	return w.history(ctx, kind, row.ID, want)
}

// history compares the history of an aggregate.
func (w *worker) history(ctx context.Context, kind Kind, id string, want *served) error {
	var got name
	next := fmt.Sprintf("/%s/%s/events?after=0", kind.Plural, url.PathEscape(id))
	for next != "" {
		var page struct {
			Items []struct {
				ID            string         `json:"id"`
				Type          string         `json:"type"`
				Sequence      int64          `json:"sequence"`
				CorrelationID string         `json:"correlationId"`
				CausationID   string         `json:"causationId"`
				Data          map[string]any `json:"data"`
			} `json:"items"`
			Next string `json:"next"`
		}
		if err := w.get(ctx, next, &page); err != nil {
			return w.unless("no-history", err)
		}
		next = page.Next
		for _, e := range page.Items {
			got = w.ledger.after(got, e.ID, e.Type, e.Sequence, e.CorrelationID, e.CausationID, e.Data)
		}
	}
	w.histories++
	if got != want.history {
		w.breach("G2", Rows, "%s shows another history of %s %s than its topic has", w.url, kind.Name, id)
	}
	return nil
}

// shownNode is a message of a trace as the API shows it.
type shownNode struct {
	Kind     string      `json:"kind"`
	ID       string      `json:"id"`
	Children []shownNode `json:"children"`
}

// checkTraces compares traces, if the worker has them.
func (w *worker) checkTraces(ctx context.Context) error {
	var index struct {
		Endpoints []struct {
			Path string `json:"path"`
		} `json:"endpoints"`
	}
	if err := w.get(ctx, "/", &index); err != nil {
		return err
	}
	known := false
	for _, endpoint := range index.Endpoints {
		known = known || endpoint.Path == "/traces/{id}"
	}
	if !known {
		w.lacks("no-traces")
	}
	for _, want := range w.ledger.traces.kept {
		if w.without["no-traces"] {
			return nil
		}
		if err := w.trace(ctx, want); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker) trace(ctx context.Context, want *trace) error {
	var shown struct {
		Truncated bool        `json:"truncated"`
		Roots     []shownNode `json:"roots"`
	}
	err := w.get(ctx, "/traces/"+url.PathEscape(want.id), &shown)
	if refused, is := errors.AsType[*refusal](err); is && refused.Status == http.StatusNotFound {
		err = nil
	}
	if err != nil {
		return w.unless("no-traces", err)
	}
	got := trace{id: want.id}
	w.addNodes(&got, shown.Roots)
	w.traces++
	if got != *want && !shown.Truncated {
		w.breach("trace", Traces, "%s shows another trace %s than the topics have: %d messages, "+
			"expected %d", w.url, want.id, got.messages, want.messages)
	}
	return nil
}

func (w *worker) addNodes(t *trace, nodes []shownNode) {
	for i := range nodes {
		if n := &nodes[i]; n.Kind != "dead-letter" {
			t.messages++
			t.sum += w.ledger.name(n.Kind, "\x00", n.ID)
		}
		w.addNodes(t, nodes[i].Children)
	}
}

// refusal is an answer that is none.
type refusal struct {
	Status int    `json:"-"`
	Code   string `json:"code"`
	Detail string `json:"detail"`
}

func (r *refusal) Error() string { return fmt.Sprintf("%d %s: %s", r.Status, r.Code, r.Detail) }

// lacks notes that the worker has not got something.
func (w *worker) lacks(code string) {
	w.without[code] = true
	w.notes = append(w.notes, w.url+" says "+code+": not checked")
}

// unless passes an error on, if it is not one that says something of its own: that the worker has no
// such views, that it has not come so far (what it has is judged then), or that there is no such thing,
// which is an answer, and not the one that was wanted.
func (w *worker) unless(code string, err error) error {
	refused, is := errors.AsType[*refusal](err)
	switch {
	case !is:
		return err
	case refused.Code == code && code == "not-yet":
	case refused.Code == code:
		w.lacks(code)
	case refused.Status == http.StatusNotFound:
		w.breach("G4", Rows, "%s: %v", w.url, err)
	default:
		return err
	}
	return nil
}

// get asks the worker, and waits until it is ready.
func (w *worker) get(ctx context.Context, path string, into any) error {
	for end := time.Now().Add(readyPatience); ; {
		err := w.ask(ctx, path, into)
		refused, is := errors.AsType[*refusal](err)
		if !is || refused.Status != http.StatusServiceUnavailable || time.Now().After(end) ||
			strings.HasPrefix(refused.Code, "no-") || refused.Code == "not-yet" {
			return err
		}
		select {
		case <-time.After(readyPause):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

func (w *worker) ask(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.url+path, http.NoBody)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	request.Header.Set("Prefer", "wait=5")
	response, err := w.client.Do(request)
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswerBytes))
	if err != nil {
		return fmt.Errorf("asking for %s: %w", path, err)
	}
	if response.StatusCode != http.StatusOK {
		refused := &refusal{Status: response.StatusCode}
		_ = json.Unmarshal(body, refused) // whoever answered may not be a worker
		return fmt.Errorf("GET %s: %w", path, refused)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("GET %s: %w", path, err)
	}
	return nil
}
