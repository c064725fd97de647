package program

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
	"os"
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

func listed(names map[string]bool) string {
	return strings.Join(slices.Sorted(maps.Keys(names)), ", ")
}

// tableCopy is the table's topic as rows in the order of their keys: a copy on the disk.
type tableCopy struct {
	kafka  kafka.Settings
	topic  string
	dir    string
	stores *snapshots.Stores
}

// Open reads the topic to its end.
func (t *tableCopy) Open(ctx context.Context, partition int32) (refold.RowIterator, int64, error) {
	follower, next, err := t.follow(ctx, partition)
	if err != nil {
		return nil, 0, err
	}
	rows, err := follower.Iterator()
	if err != nil {
		return nil, 0, err
	}
	return rows, next, nil
}

// follow makes the copy, and returns the offset behind the last record in it.
func (t *tableCopy) follow(ctx context.Context, partition int32) (*snapshots.Follower, int64, error) {
	if err := t.close(); err != nil {
		return nil, 0, err
	}
	var err error
	t.stores, err = snapshots.Open(snapshots.Options{
		Name: "copy", Dir: t.dir, Kafka: t.kafka, CacheBytes: copyCacheBytes, MaxOpenFiles: copyOpenFiles,
	})
	if err != nil {
		return nil, 0, err
	}
	var next int64
	follower, err := t.stores.Follower(ctx, t.topic, partition, snapshots.Projection{
		File: func(w snapshots.Writer, r *kgo.Record) error {
			next = r.Offset + 1
			if r.Value == nil {
				return w.Delete(r.Key)
			}
			return w.Set(r.Key, r.Value)
		},
	})
	if err != nil {
		return nil, 0, err
	}
	if err := follower.Open(); err != nil {
		return nil, 0, err
	}
	return follower, next, nil
}

// copyCacheBytes is enough to write a copy in bulk and to go through it once.
const copyCacheBytes = 32 << 20

// copyOpenFiles is enough for the few files of one copy, and stays below what systems allow a process.
const copyOpenFiles = 640

// close removes the copy.
func (t *tableCopy) close() error {
	var err error
	if t.stores != nil {
		err = t.stores.Close()
		t.stores = nil
	}
	return errors.Join(err, os.RemoveAll(t.dir))
}

// findStores finds the workers whose stores are compared.
func (v *verification) findStores(ctx context.Context, client *kgo.Client) error {
	if v.flags.noWorkers {
		return nil
	}
	for _, worker := range v.flags.workers {
		u, err := url.Parse(worker)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return fmt.Errorf("--worker %q is no URL such as http://10.0.0.7:8080", worker)
		}
		v.stores = append(v.stores, newWorkerStore(strings.TrimRight(worker, "/"), v.topics.Table))
	}
	v.workers = len(v.stores)
	if len(v.flags.workers) > 0 {
		return nil
	}
	_, port, err := net.SplitHostPort(v.config.HTTP.Address)
	if err != nil {
		return fmt.Errorf("http.address: %w", err)
	}
	members, err := settledMembers(ctx, client, v.topics.Group)
	if err != nil {
		return fmt.Errorf("ask who is in the group %s: %w; %s", v.topics.Group, err, otherStores)
	}
	hosts := map[string]bool{}
	for _, member := range members {
		hosts[hostOf(member.Host)] = true
	}
	v.workers = len(hosts)
	for _, host := range slices.Sorted(maps.Keys(hosts)) {
		store := newWorkerStore("http://"+net.JoinHostPort(host, port), v.topics.Table)
		if err := store.answers(ctx); err != nil {
			fmt.Fprintf(v.err, "the store of %s is not compared: %v\n", store.server, err)
			continue
		}
		v.stores = append(v.stores, store)
	}
	if v.workers > 0 && len(v.stores) == 0 {
		return fmt.Errorf("no store can be compared: no worker of the group %s answers; %s",
			v.topics.Group, otherStores)
	}
	return nil
}

// otherStores is what to do where workers are not found.
const otherStores = "name the workers with --worker, or compare the table alone with --no-workers"

// hostOf is the host of a member: brokers write /10.0.0.7, and others 10.0.0.7:51234.
func hostOf(text string) string {
	text = strings.TrimPrefix(text, "/")
	if host, _, err := net.SplitHostPort(text); err == nil {
		return host
	}
	return text
}

// workerStore is the store of a worker, page by page over HTTP.
type workerStore struct {
	server, table string
	http          *http.Client
}

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

// Open reads the first page, until the store is new enough. One that never is, is compared as it is: the
// table has rows that its owner did not write.
func (s *workerStore) Open(
	ctx context.Context, partition int32, atLeast int64,
) (refold.RowIterator, error) {
	rows := &verify.PagedRows{Page: func(behind []byte) (snapshots.Page, error) {
		return s.page(ctx, partition, behind)
	}}
	for begin := time.Now(); ; {
		if err := rows.Begin(); err != nil {
			return nil, err
		}
		if rows.Offset() >= atLeast || time.Since(begin) > storePatience {
			return rows, nil
		}
		if !kafka.Sleep(ctx, storePause) {
			return nil, ctx.Err()
		}
	}
}

// storePause is between two questions whether a store is new enough, as it is as soon as the commit that
// is under way has ended; storePatience is how long they are asked.
const (
	storePause    = 20 * time.Millisecond
	storePatience = 3 * time.Second
)

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
	if n > maxAnswerBytes {
		return nil, fmt.Errorf("%d bytes are too many", n)
	}
	b := make([]byte, n)
	_, err = io.ReadFull(r, b)
	return b, err
}
