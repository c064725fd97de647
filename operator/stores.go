package operator

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/snapshots"
	"refold/snapshots/rebuild/refold"
	"refold/snapshots/verify"
	"refold/views/httpapi"
)

// ErrNoStores says that workers are not found whose stores should be compared.
var ErrNoStores = errors.New("no store can be compared")

// findStores finds the workers whose stores are compared.
func (v *Verification) findStores(ctx context.Context, client *kgo.Client) error {
	if v.options.NoWorkers {
		return nil
	}
	table, group := v.options.Aggregate.Topics.Table, v.options.Aggregate.Topics.Group
	for _, worker := range v.options.Workers {
		v.stores = append(v.stores, newWorkerStore(strings.TrimRight(worker, "/"), table))
	}
	v.Workers = len(v.stores)
	if len(v.options.Workers) > 0 {
		return nil
	}
	members, err := Members(ctx, client, group)
	if err != nil {
		return &StoresError{fmt.Errorf("ask who is in the group %s: %w", group, err)}
	}
	hosts := map[string]bool{}
	for _, member := range members {
		hosts[HostOf(member.Host)] = true
	}
	v.Workers = len(hosts)
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		store := newWorkerStore("http://"+net.JoinHostPort(host, v.options.WorkersPort), table)
		if err := store.answers(ctx); err != nil {
			v.Silent = append(v.Silent, SilentWorker{store.server, err})
			continue
		}
		v.stores = append(v.stores, store)
	}
	if v.Workers > 0 && len(v.stores) == 0 {
		return &StoresError{fmt.Errorf("%w: no worker of the group %s answers", ErrNoStores, group)}
	}
	return nil
}

// StoresError says that stores of workers can't be compared. The caller may name the workers, or do without
// their stores.
type StoresError struct{ Err error }

func (e *StoresError) Error() string { return e.Err.Error() }

// Unwrap returns what went wrong.
func (e *StoresError) Unwrap() error { return e.Err }

// SilentWorker is a member of the group that does not answer by HTTP.
type SilentWorker struct {
	Server string
	Err    error
}

// workerStore is the store of a worker, page by page over HTTP.
type workerStore struct {
	server, table string
	http          *http.Client
}

const (
	// requestTimeout limits a request for a page.
	requestTimeout = 30 * time.Second
	// maxRowBytes limits a key or a value of a page.
	maxRowBytes = 16 << 20
)

func newWorkerStore(server, table string) *workerStore {
	return &workerStore{server, table, &http.Client{Timeout: requestTimeout}}
}

// Name is the worker's URL.
func (s *workerStore) Name() string { return s.server }

func (s *workerStore) answers(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.server+"/healthz", http.NoBody)
	if err != nil {
		return err
	}
	response, err := s.http.Do(request)
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// storePause is between two questions whether a store is new enough, as it is as soon as the commit that
// is under way has ended; storePatience limits all of them.
const (
	storePause    = 20 * time.Millisecond
	storePatience = 3 * time.Second
)

// Open reads the first page, until the store is new enough. One that never is, is compared as it is: the
// table has rows that its owner did not write.
func (s *workerStore) Open(
	ctx context.Context, partition int32, atLeast int64,
) (refold.RowIterator, error) {
	rows := verify.NewPagedRows(func(behind []byte) (snapshots.Page, error) {
		return s.page(ctx, partition, behind)
	})
	for begin := time.Now(); ; {
		next, err := rows.Start()
		if err != nil {
			return nil, err
		}
		if next >= atLeast || time.Since(begin) > storePatience {
			return rows, nil
		}
		if !kafka.Sleep(ctx, storePause) {
			return nil, ctx.Err()
		}
	}
}

// page gets the page behind a key.
func (s *workerStore) page(
	ctx context.Context, partition int32, behind []byte,
) (page snapshots.Page, err error) {
	target := fmt.Sprintf("%s%s/%s/%d", s.server, httpapi.StoresPath, url.PathEscape(s.table), partition)
	if behind != nil {
		target += "?behind=" + base64.RawURLEncoding.EncodeToString(behind)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, http.NoBody)
	if err != nil {
		return page, fmt.Errorf("make the request: %w", err)
	}
	response, err := s.http.Do(request)
	if err != nil {
		return page, err //nolint:wrapcheck // it says what it was doing
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
	case http.StatusNotFound:
		return page, verify.ErrElsewhere
	default:
		return page, fmt.Errorf("%s answers %s", target, response.Status)
	}
	page.More = response.Header.Get(httpapi.HeaderMore) == "true"
	page.Next, err = strconv.ParseInt(response.Header.Get(httpapi.HeaderOffset), 10, 64)
	if err != nil {
		return page, fmt.Errorf("%s says no offset; is it a worker?", target)
	}
	page.Rows, err = readRows(response.Body)
	return page, err
}

// readRows reads what the endpoint of stores writes.
func readRows(from io.Reader) (rows []snapshots.Row, err error) {
	r := bufio.NewReader(from)
	for {
		key, err := readBytes(r)
		if errors.Is(err, io.EOF) {
			return rows, nil
		}
		value, err2 := readBytes(r)
		if err := errors.Join(err, err2); err != nil {
			return nil, fmt.Errorf("read rows: %w", err)
		}
		rows = append(rows, snapshots.Row{Key: key, Value: value})
	}
}

func readBytes(r *bufio.Reader) ([]byte, error) {
	n, err := binary.ReadUvarint(r)
	if err != nil {
		return nil, err
	}
	if n > maxRowBytes {
		return nil, fmt.Errorf("%d bytes are too many", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return b, err
}
