package opensearch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// fake is as much of an OpenSearch as the store uses: versions and sequence numbers of documents, aliases,
// and nothing of searching but a few queries. It is not what the store is proved by, but what faults are put
// into.
type fake struct {
	*httptest.Server

	mu      sync.Mutex
	indices map[string]*index
	aliases map[string]map[string]bool // indices of each
	seq     int64
	log     []string // what was written, in order: op index id
	// fault is asked before each request, and each item of a bulk request. An answer other than 0 is the
	// status of a failure.
	fault func(what string) int
}

type index struct {
	mapping map[string]any
	docs    map[string]*doc
}

// doc is a document, or what is remembered of a deleted one.
type doc struct {
	source       json.RawMessage
	version, seq int64
	deleted      bool
}

func newFake(t *testing.T) *fake {
	t.Helper()
	f := &fake{indices: make(map[string]*index), aliases: make(map[string]map[string]bool)}
	routes := http.NewServeMux()
	for pattern, handle := range map[string]func(*http.Request, []byte) (int, any){
		"PUT /{index}":               f.create,
		"DELETE /{index}":            f.remove,
		"POST /{index}/_mget":        f.get,
		"PUT /{index}/_create/{id}":  f.createDocument,
		"POST /{index}/_update/{id}": f.update,
		"POST /_bulk":                f.bulk,
		"POST /{index}/_refresh":     f.refresh,
		"POST /{index}/_search":      f.search,
		"POST /_search/scroll":       f.scrolled,
		"DELETE /_search/scroll":     f.scrolled,
		"GET /_alias/{names}":        f.aliased,
		"POST /_aliases":             f.swap,
	} {
		routes.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			f.mu.Lock()
			defer f.mu.Unlock()
			status, answer := http.StatusOK, any(nil)
			if f.fault != nil {
				status = max(status, f.fault(r.Method+" "+r.URL.Path))
			}
			if status == http.StatusOK {
				status, answer = handle(r, body)
			} else {
				answer = failed("fault", "as the test wants it")
			}
			w.WriteHeader(status)
			_ = json.NewEncoder(w).Encode(answer)
		})
	}
	f.Server = httptest.NewServer(routes)
	t.Cleanup(f.Close)
	return f
}

func failed(kind, reason string) map[string]any {
	return map[string]any{"error": map[string]any{"type": kind, "reason": reason}}
}

func noIndex(name string) map[string]any {
	return failed("index_not_found_exception", "no such index ["+name+"]")
}

// resolve returns an index by its name or alias.
func (f *fake) resolve(name string) *index {
	for of := range f.aliases[name] {
		return f.indices[of]
	}
	return f.indices[name]
}

func (f *fake) create(r *http.Request, body []byte) (int, any) {
	name := r.PathValue("index")
	if f.indices[name] != nil {
		return http.StatusBadRequest, failed("resource_already_exists_exception", name)
	}
	var asked struct {
		Mappings map[string]any `json:"mappings"`
		Aliases  map[string]any `json:"aliases"`
	}
	_ = json.Unmarshal(body, &asked)
	f.indices[name] = &index{mapping: asked.Mappings, docs: make(map[string]*doc)}
	for alias := range asked.Aliases {
		f.aliases[alias] = map[string]bool{name: true}
	}
	return http.StatusOK, nil
}

func (f *fake) remove(r *http.Request, _ []byte) (int, any) {
	for name := range strings.SplitSeq(r.PathValue("index"), ",") {
		delete(f.indices, name)
		for alias, of := range f.aliases {
			delete(of, name)
			if len(of) == 0 {
				delete(f.aliases, alias)
			}
		}
	}
	return http.StatusOK, nil
}

func (f *fake) get(r *http.Request, body []byte) (int, any) {
	var asked struct {
		IDs []string `json:"ids"`
	}
	_ = json.Unmarshal(body, &asked)
	in := f.resolve(r.PathValue("index"))
	docs := make([]map[string]any, len(asked.IDs))
	for i, id := range asked.IDs {
		if in == nil {
			docs[i] = noIndex(r.PathValue("index"))
			continue
		}
		docs[i] = map[string]any{"_id": id, "found": false}
		if d := in.docs[id]; d != nil && !d.deleted {
			docs[i] = d.shown(id)
			docs[i]["found"] = true
		}
	}
	return http.StatusOK, map[string]any{"docs": docs}
}

func (d *doc) shown(id string) map[string]any {
	return map[string]any{
		"_id": id, "_source": d.source, "_version": d.version, "_seq_no": d.seq, "_primary_term": 1,
	}
}

func (f *fake) createDocument(r *http.Request, body []byte) (int, any) {
	in := f.resolve(r.PathValue("index"))
	if d := in.docs[r.PathValue("id")]; d != nil && !d.deleted {
		return http.StatusConflict, failed("version_conflict_engine_exception", "it is there")
	}
	f.seq++
	in.docs[r.PathValue("id")] = &doc{source: body, version: 1, seq: f.seq}
	return http.StatusCreated, nil
}

func (f *fake) update(r *http.Request, body []byte) (int, any) {
	d := f.resolve(r.PathValue("index")).docs[r.PathValue("id")]
	var asked struct {
		Doc map[string]any `json:"doc"`
	}
	var fields map[string]any
	_ = json.Unmarshal(body, &asked)
	_ = json.Unmarshal(d.source, &fields)
	maps.Copy(fields, asked.Doc)
	d.source, _ = json.Marshal(fields)
	return http.StatusOK, nil
}

// written is an action of a bulk request.
type written struct {
	Index   string `json:"_index"`
	ID      string `json:"_id"`
	Version *int64 `json:"version"`
	SeqNo   *int64 `json:"if_seq_no"`
}

func (f *fake) bulk(_ *http.Request, body []byte) (int, any) {
	lines := bytes.Split(bytes.TrimSuffix(body, []byte("\n")), []byte("\n"))
	var items []map[string]any
	for i := 0; i < len(lines); i++ {
		var head map[string]written
		if err := json.Unmarshal(lines[i], &head); err != nil {
			return http.StatusBadRequest, failed("illegal_argument_exception", err.Error())
		}
		for op, w := range head {
			var source []byte
			if op != "delete" {
				i++
				source = lines[i]
			}
			item := f.write(op, w, source)
			item["_id"], item["_index"] = w.ID, w.Index
			items = append(items, map[string]any{op: item})
		}
	}
	return http.StatusOK, map[string]any{"items": items}
}

func (f *fake) write(op string, w written, source []byte) map[string]any {
	no := func(status int, kind, reason string) map[string]any {
		item := failed(kind, reason)
		item["status"] = status
		return item
	}
	name := strings.TrimSuffix(w.Index, ".write")
	in := f.resolve(w.Index)
	if in == nil {
		return no(http.StatusNotFound, "index_not_found_exception", w.Index)
	}
	if f.fault != nil {
		if status := f.fault(fmt.Sprint(op, " ", name, " ", w.ID)); status != 0 {
			return no(status, "fault", "as the test wants it")
		}
	}
	d := in.docs[w.ID]
	has := d != nil && !d.deleted
	conflict := func(reason string) map[string]any {
		return no(http.StatusConflict, "version_conflict_engine_exception", reason)
	}
	switch {
	case op == "create" && has:
		return conflict("it is there")
	case w.SeqNo != nil && (!has || d.seq != *w.SeqNo):
		return conflict("it has changed")
	case w.Version != nil && d != nil && d.version > *w.Version:
		return conflict(fmt.Sprintf("current version [%d] is higher than the one provided [%d]", d.version,
			*w.Version))
	}
	f.seq++
	next := &doc{source: source, version: 1, seq: f.seq, deleted: op == "delete"}
	if w.Version != nil {
		next.version = *w.Version
	}
	in.docs[w.ID] = next
	f.log = append(f.log, op+" "+name+" "+w.ID)
	status := http.StatusOK
	if op == "delete" && !has {
		status = http.StatusNotFound
	}
	return map[string]any{"status": status, "_seq_no": f.seq, "_primary_term": 1}
}

func (f *fake) refresh(r *http.Request, _ []byte) (int, any) {
	for name := range strings.SplitSeq(r.PathValue("index"), ",") {
		if f.resolve(name) == nil {
			return http.StatusNotFound, noIndex(name)
		}
	}
	return http.StatusOK, nil
}

// term is a query for a value of a field.
var term = regexp.MustCompile(`"term":\{"([a-z_]+)(?:\.keyword)?":("(?:[^"\\]|\\.)*")\}`)

// search returns all hits at once, also to a scroll.
func (f *fake) search(r *http.Request, body []byte) (int, any) {
	in := f.resolve(r.PathValue("index"))
	if in == nil {
		return http.StatusNotFound, noIndex(r.PathValue("index"))
	}
	terms := term.FindAllSubmatch(body, -1)
	var hits []map[string]any
	for _, id := range slices.Sorted(maps.Keys(in.docs)) {
		d := in.docs[id]
		var fields map[string]any
		_ = json.Unmarshal(d.source, &fields)
		found := len(terms) == 0
		for _, t := range terms {
			var value string
			_ = json.Unmarshal(t[2], &value)
			found = found || fields[string(t[1])] == value
		}
		if found && !d.deleted {
			hits = append(hits, d.shown(id))
		}
	}
	return http.StatusOK, map[string]any{
		"_scroll_id": strconv.Itoa(len(hits)), "hits": map[string]any{"hits": hits},
	}
}

func (f *fake) scrolled(*http.Request, []byte) (int, any) {
	return http.StatusOK, map[string]any{"hits": map[string]any{}}
}

func (f *fake) aliased(r *http.Request, _ []byte) (int, any) {
	answer := make(map[string]any)
	status := http.StatusOK
	for name := range strings.SplitSeq(r.PathValue("names"), ",") {
		for of := range f.aliases[name] {
			answer[of] = map[string]any{"aliases": map[string]any{name: map[string]any{}}}
		}
		if f.aliases[name] == nil {
			status = http.StatusNotFound
			answer["error"], answer["status"] = "alias ["+name+"] missing", status
		}
	}
	return status, answer
}

func (f *fake) swap(_ *http.Request, body []byte) (int, any) {
	var asked struct {
		Actions []map[string]struct {
			Index, Alias string
		} `json:"actions"`
	}
	_ = json.Unmarshal(body, &asked)
	for _, actions := range asked.Actions {
		for op, a := range actions {
			if f.aliases[a.Alias] == nil {
				f.aliases[a.Alias] = make(map[string]bool)
			}
			if op == "add" {
				f.aliases[a.Alias][a.Index] = true
			} else {
				delete(f.aliases[a.Alias], a.Index)
			}
		}
	}
	return http.StatusOK, nil
}
