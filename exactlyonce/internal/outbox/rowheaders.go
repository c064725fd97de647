package outbox

import (
	"sync"
	"sync/atomic"

	"github.com/lovoo/goka"
	"github.com/twmb/franz-go/pkg/kgo"
)

// rowHeaders holds the headers of rows that were written with some: a table's store knows only keys and
// values.
type rowHeaders struct {
	any atomic.Bool // whether byKey may have entries: most graphs never use it
	mu  sync.Mutex
	// byKey is of the open batch.
	byKey map[string][]kgo.RecordHeader
	bytes int // of all headers that were noted, those of a row each time that it was written
}

func (h *rowHeaders) note(key string, headers goka.Headers) {
	if len(headers) == 0 && !h.any.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(headers) == 0 {
		delete(h.byKey, key)
		return
	}
	if h.byKey == nil {
		h.byKey = make(map[string][]kgo.RecordHeader)
	}
	h.byKey[key] = sortedHeaders(headers)
	h.bytes += headersSize(h.byKey[key])
	h.any.Store(true)
}

// size returns how many bytes of headers the open batch has written.
func (h *rowHeaders) size() int {
	if !h.any.Load() {
		return 0
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.bytes
}

func (h *rowHeaders) take() map[string][]kgo.RecordHeader {
	if !h.any.Load() {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	taken := h.byKey
	h.byKey, h.bytes = nil, 0
	h.any.Store(false)
	return taken
}
