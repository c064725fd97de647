package program

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"refold/kafka/local"
)

// testbed is an embedded cluster and what its workers are started with.
type testbed struct {
	t       *testing.T
	cluster *local.Cluster
	store   string
	program Program
}

func newTestbed(t *testing.T) *testbed {
	t.Helper()
	cluster, err := local.Start(local.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Close(); err != nil {
			t.Error(err)
		}
	})
	return &testbed{t: t, cluster: cluster, store: t.TempDir(), program: shop}
}

// reach are the flags that lead to the cluster.
func (i *testbed) reach() []string {
	return []string{
		"--kafka.brokers", strings.Join(i.cluster.Brokers(), ","),
		"--registry.urls", i.cluster.RegistryURL(), "--registry.mode", "register",
		"--topics.partitions", "2", "--topics.replication-factor", "1",
		"--kafka.session-timeout", "6s",
	}
}

// runningWorker is a processor run that is ready.
type runningWorker struct {
	t      *testing.T
	server string
	out    *output
	cancel context.CancelFunc
	code   chan int
}

// start starts a worker on the installation's store and waits until it is ready.
func (i *testbed) start(flags ...string) *runningWorker {
	i.t.Helper()
	w := i.begin(flags...)
	eventually(i.t, func() bool {
		return w.ask(http.MethodGet, "/readyz", "").status == http.StatusOK
	}, w.out)
	return w
}

// begin starts a worker on the installation's store and waits until it answers.
func (i *testbed) begin(flags ...string) *runningWorker {
	i.t.Helper()
	ctx, cancel := context.WithCancel(i.t.Context())
	w := &runningWorker{t: i.t, out: new(output), cancel: cancel, code: make(chan int, 1)}
	args := append([]string{
		"run", "--http.address", "127.0.0.1:0", "--log.format", "json", "--store.directory", i.store,
	}, i.reach()...)
	root, err := newRoot(i.program, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		w.code <- executeRoot(ctx, root, w.out, append(args, flags...)...)
	}()
	i.t.Cleanup(func() { // before the cluster ends, and before another test looks for leaks
		cancel()
		<-ended
	})
	eventually(i.t, func() bool {
		_, after, found := strings.Cut(w.out.String(), `"http":"`)
		address, _, _ := strings.Cut(after, `"`)
		w.server = "http://" + address
		return found
	}, w.out)
	return w
}

// stop ends the worker as SIGTERM does.
func (w *runningWorker) stop() {
	w.t.Helper()
	w.cancel()
	if code := <-w.code; code != 0 {
		w.t.Errorf("exit code %d\n%s", code, w.out)
	}
}

// A worker that has not prepared yet knows nothing of tables: a rebuild is refused with the reason and when
// to
// ask again, rather than written for none of the partitions. Run with -race, this also finds fields of Worker
// that HTTP reads while prepare writes them.
func TestUnpreparedWorkerTakesNoRefold(t *testing.T) {
	t.Parallel()
	i := newTestbed(t)
	i.start().stop() // makes the topics
	var away atomic.Bool
	away.Store(true)
	i.cluster.Registry().Intercept(func(w http.ResponseWriter, _ *http.Request) bool {
		if away.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		return away.Load()
	})
	w := i.begin("--processor.backoff-max", "50ms", "--registry.retry-limit", "100ms",
		"--registry.cache-directory", "")
	const accounts = `{"aggregate": "accounts"}`
	refusals := 0
	eventually(t, func() bool { // while it tries, and so writes what it has learned, again and again
		r := w.ask(http.MethodPost, "/admin/rebuilds", accounts)
		if detail, _ := r.body["detail"].(string); r.status != http.StatusServiceUnavailable ||
			r.body["code"] != "not-ready" || !strings.Contains(detail, "tables are not known yet") {
			t.Fatalf("it answers %+v", r)
		}
		if r.header.Get("Retry-After") == "" {
			t.Fatalf("it does not say when to ask again: %v", r.header)
		}
		w.ask(http.MethodGet, "/readyz", "")
		refusals++
		return refusals >= 20 && strings.Contains(w.out.String(), "prepare topics and schemas")
	}, w.out)
	away.Store(false)
	eventually(t, func() bool {
		return w.ask(http.MethodGet, "/readyz", "").status == http.StatusOK
	}, w.out)
	if all := w.ask(http.MethodGet, "/rebuilds?aggregate=accounts", ""); strings.Contains(
		fmt.Sprint(all.body), "done") {
		t.Errorf("a rebuild was written: %+v", all.body)
	}
	if r := w.ask(http.MethodPost, "/admin/rebuilds", accounts); r.status != http.StatusAccepted {
		t.Errorf("once prepared it answers %+v", r)
	}
	w.stop()
}

// reply is an answer of the API: its JSON, by its members' names.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

// number is a member that is a number; 0 if there is none.
func (r reply) number(name string) int64 {
	n, _ := r.body[name].(float64)
	return int64(n)
}

// state is a member of an aggregate's state.
func (r reply) state(name string) any {
	state, _ := r.body["state"].(map[string]any)
	return state[name]
}

// ask sends a request over a connection of its own; header holds names and values in turn.
func (w *runningWorker) ask(method, path, body string, header ...string) reply {
	w.t.Helper()
	request, err := http.NewRequestWithContext(w.t.Context(), method, w.server+path,
		strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for n := 0; n < len(header); n += 2 {
		request.Header.Set(header[n], header[n+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		w.t.Errorf("%s %s: %v", method, path, err)
		return reply{}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.t.Errorf("%s %s: %v", method, path, err)
	}
	r := reply{status: response.StatusCode, header: response.Header}
	if bytes.HasPrefix(text, []byte("{")) {
		if err := json.Unmarshal(text, &r.body); err != nil {
			w.t.Errorf("%s %s: %v", method, path, err)
		}
	}
	return r
}

// send sends a command and waits for its outcome.
func (w *runningWorker) send(to, id, command, data string, header ...string) reply {
	w.t.Helper()
	return w.ask(http.MethodPost, to+"/commands",
		`{"type": "`+command+`", "data": `+data+`}`,
		append([]string{"Prefer", "wait=30", "Idempotency-Key", id}, header...)...)
}
