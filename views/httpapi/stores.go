package httpapi

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"net/http"
	"strconv"

	"refold/client/wire"
	"refold/snapshots"
	"refold/views/httpapi/problem"
)

func init() { ofServer = append(ofServer, registerStores) }

// Stores reads a worker's own stores, page by page. snapshots.Stores is one.
type Stores interface {
	Page(topic string, partition int32, behind []byte, rows, size int) (snapshots.Page, error)
}

const (
	// StoresPath leads to a worker's stores: /internal/stores/{topic}/{partition}?behind=, for
	// the program that verifies them. It is no part of the API's description: no client has a use for it.
	StoresPath = "/internal/stores"

	// HeaderOffset tells the offset of the table that the store was the state of before the page was
	// read.
	HeaderOffset = "Refold-Table-Offset"
	// HeaderMore is "true" if there may be rows behind the page.
	HeaderMore = "Refold-More"
)

// The limits of a page of a store: a tenth of a second's work of a worker that has others to do.
const (
	storeRows  = 5_000
	storeBytes = 1 << 20
)

func registerStores(s *Server) error {
	if s.options.Stores != nil {
		s.endpoints.HandleFunc("GET "+StoresPath+"/{topic}/{partition}", s.storePage)
	}
	return nil
}

// storePage writes keys and values, each with its length as a varint in front.
func (s *Server) storePage(w http.ResponseWriter, r *http.Request) {
	partition, err := strconv.ParseInt(r.PathValue("partition"), 10, 32)
	behind, err2 := behindOf(r)
	if errors.Join(err, err2) != nil {
		problem.Write(w, problem.New(http.StatusNotFound, wire.CodeNoRoute,
			"a partition is a number, and ?behind a key in base64 (raw, URL)"))
		return
	}
	page, err := s.options.Stores.Page(r.PathValue("topic"), int32(partition), behind, storeRows,
		storeBytes)
	if errors.Is(err, snapshots.ErrClosed) {
		problem.Write(w, problem.New(http.StatusNotFound, wire.CodeNoRoute, "the store is not open here"))
		return
	}
	if err != nil {
		problem.Write(w, problem.Of(err))
		return
	}
	var body []byte
	for _, row := range page.Rows {
		for _, b := range [][]byte{row.Key, row.Value} {
			body = binary.AppendUvarint(body, uint64(len(b)))
			body = append(body, b...)
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set(HeaderOffset, strconv.FormatInt(page.Next, 10))
	w.Header().Set(HeaderMore, strconv.FormatBool(page.More))
	_, _ = w.Write(body) // a reader that has left
}

// behindOf is the key that the page follows; nil for the first one.
func behindOf(r *http.Request) ([]byte, error) {
	text := r.URL.Query().Get("behind")
	if text == "" {
		return nil, nil
	}
	return base64.RawURLEncoding.DecodeString(text) //nolint:wrapcheck // the client is told what is right
}
