package httpapi_test

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"refold/kafka"
	"refold/views"
	"refold/views/httpapi"
)

// allHere is the placement of a pod that has everything.
type allHere struct{}

func (allHere) Partitions(string) int32             { return 1 }
func (allHere) Here(string, int32) uint64           { return 1 }
func (allHere) Misled(string, int32, httpapi.Place) {}
func (allHere) Owner(string, int32) (httpapi.Place, bool) {
	return httpapi.Place{Instance: "pod-0", Address: "localhost:1", Since: at, Here: true}, true
}

// partitions is how many partitions the accounts of these tests have.
const partitions = 6

// where returns the partition of an ID.
func where(id string) int32 { return kafka.Partition([]byte(id), partitions) }

// in returns an ID that is in the partition.
func in(partition int32) string {
	for i := 0; ; i++ {
		if id := "account-" + strconv.Itoa(i); where(id) == partition {
			return id
		}
	}
}

// pod is a server, what it has, and what it believes of others.
type pod struct {
	*bench

	name    string
	http    *httptest.Server
	asked   atomic.Int32 // requests that reached it
	handler atomic.Pointer[http.HandlerFunc]

	mu      sync.Mutex
	here    map[int32]uint64
	numbers uint64
	believe map[int32][]*pod // the owners of a partition, the likeliest first
	misled  []string
	vain    chan struct{} // told when it is asked for an owner that nobody is
	all     *town
}

// town is pods that tell each other nothing: a test says what each of them has and believes. Their rows are
// in one store, of which each shows the partitions that it has.
type town struct {
	mu   sync.Mutex
	rows map[string]views.Row
	pods []*pod
}

func newTown(tb testing.TB, n int, change ...func(*pod, *httpapi.Options)) *town {
	tb.Helper()
	town := &town{rows: map[string]views.Row{}}
	for i := range n {
		p := &pod{
			name: "pod-" + strconv.Itoa(i), all: town, here: map[int32]uint64{}, believe: map[int32][]*pod{},
			vain: make(chan struct{}, 1),
		}
		p.bench = newBench(tb, func(o *httpapi.Options) {
			o.Placement, o.Instance = p, p.name
			o.Limits.Wait, o.Limits.UnknownWait = 5*time.Second, 50*time.Millisecond
			for _, f := range change {
				f(p, o)
			}
		})
		p.readsItsOwn()
		p.http = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			p.asked.Add(1)
			if instead := p.handler.Load(); instead != nil {
				(*instead)(w, r)
				return
			}
			p.server.Handler().ServeHTTP(w, r)
		}))
		tb.Cleanup(p.http.Close)
		town.pods = append(town.pods, p)
	}
	return town
}

// own gives a partition to a pod; all others believe it.
func (o *town) own(partition int32, owner int) {
	for _, p := range o.pods {
		p.mu.Lock()
		delete(p.here, partition)
		p.believe[partition] = []*pod{o.pods[owner]}
		p.mu.Unlock()
	}
	o.pods[owner].have(partition, true)
}

// spread gives each pod its share of the partitions.
func (o *town) spread() *town {
	for partition := range int32(partitions) {
		o.own(partition, int(partition)%len(o.pods))
	}
	return o
}

func (o *town) put(ids ...string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, id := range ids {
		o.rows[id] = views.Row{
			ID: id, Sequence: 3, State: accountState{Owner: "<" + id + ">", Balance: int64(len(id))},
			Position: views.Position{Partition: where(id), Offset: 41},
		}
	}
}

func (p *pod) have(partition int32, here bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.numbers++
	if p.here[partition] = 0; here {
		p.here[partition] = p.numbers
	}
}

func (p *pod) takeFor(partition int32, owners ...*pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.believe[partition] = owners
}

// instead has a handler answer in the place of the server.
func (p *pod) instead(h http.HandlerFunc) { p.handler.Store(&h) }

func (*pod) Partitions(string) int32 { return partitions }

func (p *pod) Here(_ string, partition int32) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.here[partition]
}

func (p *pod) Owner(_ string, partition int32) (httpapi.Place, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.here[partition] != 0 {
		return httpapi.Place{Instance: p.name, Address: p.address(), Since: at, Here: true}, true
	}
	for _, owner := range p.believe[partition] {
		if owner != p {
			return httpapi.Place{Instance: owner.name, Address: owner.address(), Since: at}, true
		}
	}
	select {
	case p.vain <- struct{}{}:
	default:
	}
	return httpapi.Place{}, false
}

func (p *pod) Misled(_ string, partition int32, told httpapi.Place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.misled = append(p.misled, fmt.Sprintf("%s for %d", told.Instance, partition))
	p.believe[partition] = slices.DeleteFunc(slices.Clone(p.believe[partition]),
		func(owner *pod) bool { return owner.name == told.Instance })
}

func (p *pod) address() string {
	if p.http == nil {
		return p.name + ":1"
	}
	return strings.TrimPrefix(p.http.URL, "http://")
}

// readsItsOwn has the fakes of a pod answer for the partitions that it has.
func (p *pod) readsItsOwn() {
	get := func(id string) (views.Row, error) {
		if p.Here("account", where(id)) == 0 {
			return views.Row{}, views.ErrNotHere
		}
		p.all.mu.Lock()
		defer p.all.mu.Unlock()
		row, has := p.all.rows[id]
		if !has {
			return row, views.ErrNotFound
		}
		return row, nil
	}
	p.rows.GetFn = get
	p.rows.WaitForFn = func(ctx context.Context, id string, atLeast int64) (views.Row, error) {
		row, err := get(id)
		if err == nil && row.Sequence < atLeast {
			<-ctx.Done()
			err = views.ErrNotYet
		}
		return row, err
	}
	p.rows.ListFn = func(after string, limit int) (page views.Page, err error) {
		p.all.mu.Lock()
		defer p.all.mu.Unlock()
		for _, id := range slices.Sorted(maps.Keys(p.all.rows)) {
			if id <= after || p.Here("account", where(id)) == 0 {
				continue
			}
			if len(page.Rows) == limit {
				page.Next = page.Rows[limit-1].ID
				break
			}
			page.Rows = append(page.Rows, p.all.rows[id])
		}
		return page, nil
	}
	p.events.EventsFn = func(id string, q views.EventQuery) (views.EventPage, error) {
		row, err := get(id)
		return views.EventPage{
			Sequence: row.Sequence, Next: int64(q.Limit),
			Events: []views.Event{{Sequence: 1, Time: at}},
		}, err
	}
	p.commands.CommandFn = func(key views.CommandKey) (views.Command, error) {
		if _, err := get(key.Subject); err != nil || key.ID != "known" {
			return views.Command{}, views.ErrNotFound
		}
		return views.Command{CommandKey: key, Type: "DepositMoney", Time: at, Status: views.Accepted}, nil
	}
	p.commands.WaitCommandFn = func(
		ctx context.Context, key views.CommandKey, _ views.Status,
	) (views.Command, error) {
		command, err := p.commands.CommandFn(key)
		if err != nil {
			<-ctx.Done()
			err = views.ErrNotYet
		}
		return command, err
	}
}

// request sends a request over the network, without following links. It returns nil if the answer is cut off.
func (p *pod) request(tb testing.TB, method, path, body string, header ...string) *answer {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), method, p.http.URL+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Set(name, value)
	}
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		tb.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		return nil
	}
	response.Body = io.NopCloser(strings.NewReader(string(text)))
	response.Header.Del("Date")
	return newAnswer(tb, response)
}

// nowhere is an address at which nobody listens.
func nowhere(t *testing.T) *pod {
	t.Helper()
	listener, err := net.Listen("tcp", "localhost:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return &pod{name: "gone", http: &httptest.Server{URL: "http://" + address}}
}
