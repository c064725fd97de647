//go:build system

package system_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"refold/kafka"
	"refold/system/realkafka"
)

// stopsWithin is how long the program may take to end after SIGTERM.
const stopsWithin = 10 * time.Second

// installation is the program as an operator has set it up: its binary, and its environment.
type installation struct {
	t       *testing.T
	cluster *cluster
	prefix  string // of all topics and groups, so that tests don't meet
	program string
	env     []string
}

// install prepares everything that a worker needs but topics and schemas.
func install(t *testing.T, c *cluster, prefix string) *installation {
	t.Helper()
	program, err := filepath.Abs("../bin/processor")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("the program is not built (make build): %v", err)
	}
	return &installation{
		t: t, cluster: c, prefix: prefix, program: program,
		env: append(os.Environ(),
			"REFOLD_KAFKA_BROKERS="+c.broker.Address(),
			"REFOLD_KAFKA_SESSION_TIMEOUT=6s",
			"REFOLD_KAFKA_TRANSACTION_TIMEOUT=10s",
			"REFOLD_REGISTRY_URLS="+c.registry.URL(),
			"REFOLD_TOPICS_PREFIX="+prefix,
			"REFOLD_TOPICS_PARTITIONS=4",
			"REFOLD_TOPICS_REPLICATION_FACTOR=1"),
	}
}

// run runs a command of the program to its end, which must have the exit code, and returns what
// it printed.
func (i *installation) run(exitCode int, args ...string) string {
	i.t.Helper()
	ctx, cancel := context.WithTimeout(i.t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, i.program, args...)
	cmd.Env = i.env
	printed, err := cmd.CombinedOutput()
	code := 0
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		code = exit.ExitCode()
	} else if err != nil {
		i.t.Fatal(err)
	}
	if code != exitCode {
		i.t.Fatalf("processor %s: exit code %d, want %d\n%s", strings.Join(args, " "), code,
			exitCode, printed)
	}
	return string(printed)
}

// worker is one pod.
type worker struct {
	*installation
	name    string
	command []string // of the program, with flags of its own
	dir     string   // of its stores
	address string   // of its API, the same after a restart
	url     string
	process *realkafka.Process
}

// worker prepares a pod with a disk and a port of its own.
func (i *installation) worker(name string) *worker {
	i.t.Helper()
	listener, err := new(net.ListenConfig).Listen(i.t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		i.t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()
	w := &worker{
		installation: i, name: i.prefix + name, dir: i.t.TempDir(),
		address: address, url: "http://" + address,
	}
	w.command = []string{"run", "--processor.transactional-id", w.name}
	i.t.Cleanup(w.end)
	return w
}

// projector prepares a pod that only fills read models.
func (i *installation) projector(name string) *worker {
	i.t.Helper()
	w := i.worker(name)
	w.command = []string{"project", "--kafka.client-id", w.name}
	return w
}

// end kills the pod. If the test has failed, the pod writes into its log first what it was doing.
func (w *worker) end() {
	if w.process == nil {
		return
	}
	if w.t.Failed() {
		w.t.Logf("%s, /readyz: %v", w.name,
			w.ask(context.Background(), http.MethodGet, "/readyz", ""))
		w.process.Signal(syscall.SIGCONT)
		w.process.Signal(syscall.SIGQUIT)
		select {
		case <-w.process.Exited():
		case <-time.After(stopsWithin):
		}
	}
	w.process.Kill()
}

// start starts the pod.
func (w *worker) start() {
	w.t.Helper()
	var err error
	w.process, err = realkafka.Start(realkafka.Command{
		Name: w.name, Dir: servers.dir,
		Args: slices.Concat([]string{w.program}, w.command,
			[]string{"--http.address", w.address, "--store.directory", w.dir}),
		Env: w.env,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// isReady waits for the readiness probe.
func (w *worker) isReady() *worker {
	w.t.Helper()
	eventually(w.t, time.Minute, func(ctx context.Context) error {
		select {
		case <-w.process.Exited():
			w.t.Fatalf("the worker ended: %v\n%s", w.process.Wait(), w.process.Tail())
		default:
		}
		return w.says(ctx, http.StatusOK, "")
	})
	return w
}

// stop asks the worker to end, as Kubernetes does, and expects that it does so cleanly.
func (w *worker) stop() {
	w.t.Helper()
	w.process.Signal(syscall.SIGTERM)
	select {
	case <-w.process.Exited():
	case <-time.After(stopsWithin):
		w.t.Fatalf("not stopped %v after SIGTERM\n%s", stopsWithin, w.process.Tail())
	}
	if err := w.process.Wait(); err != nil {
		w.t.Fatalf("after SIGTERM: %v\n%s", err, w.process.Tail())
	}
}

// kill ends the pod as a lost machine does.
func (w *worker) kill() { w.process.Kill() }

// answer is what came of a request.
type answer struct {
	status int // 0: there was no answer; body says why
	header http.Header
	body   string
}

func (a answer) String() string { return fmt.Sprintf("status %d: %s", a.status, a.body) }

// ask makes a request; headers are "Name: value".
func (w *worker) ask(ctx context.Context, method, path, body string, headers ...string) answer {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{body: err.Error()}
	}
	defer response.Body.Close()
	b, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{body: err.Error()}
	}
	return answer{response.StatusCode, response.Header, string(bytes.TrimSpace(b))}
}

// movePatience is how long a read is tried again while its partition moves.
const movePatience = time.Minute

// expect is ask, for an answer with the status that says all of the texts. As clients do, it asks again for
// what moves to another worker now.
func (w *worker) expect(
	status int, says []string, method, path, body string, headers ...string,
) answer {
	w.t.Helper()
	got := w.ask(w.t.Context(), method, path, body, headers...)
	for end := time.Now().Add(movePatience); method == http.MethodGet && got.moves() &&
		time.Now().Before(end); got = w.ask(w.t.Context(), method, path, body, headers...) {
		kafka.Sleep(w.t.Context(), 100*time.Millisecond)
	}
	if got.status != status {
		w.t.Fatalf("%s %s: want status %d, got %v", method, path, status, got)
	}
	contains(w.t, got.body, says...)
	return got
}

// account is what the API says of one.
type account struct {
	Sequence int64
	State    struct {
		Status  string
		Balance int64
	}
}

func (w *worker) account(ctx context.Context, id string) (a account, err error) {
	got := w.ask(ctx, http.MethodGet, "/accounts/"+id, "")
	if got.status != http.StatusOK {
		return a, fmt.Errorf("account %s: %v", id, got)
	}
	err = json.Unmarshal([]byte(got.body), &a)
	return a, err
}

// restoredFrom returns the least offset from which a partition of the accounts' table has been
// restored since the last start, as the log says.
func (w *worker) restoredFrom() int64 {
	w.t.Helper()
	log, err := os.ReadFile(w.process.Log())
	if err != nil {
		w.t.Fatal(err)
	}
	least := int64(-1)
	for line := range bytes.Lines(log) {
		var entry struct {
			Message string `json:"msg"`
			Stores  string
			Topic   string
			From    int64
		}
		if err := json.Unmarshal(line, &entry); err != nil {
			w.t.Fatalf("the log has %q: %v", line, err)
		}
		switch {
		case entry.Message == "starting":
			least = -1
		case entry.Message == "restored" && entry.Stores == "tables" &&
			strings.HasSuffix(entry.Topic, "accounts-table"):
			if least < 0 || entry.From < least {
				least = entry.From
			}
		}
	}
	if least < 0 {
		w.t.Fatalf("no table was restored\n%s", w.process.Tail())
	}
	return least
}

// metric sums up a metric's series whose labels contain a text.
func (w *worker) metric(name, labels string) float64 {
	w.t.Helper()
	sum, err := w.measured(w.t.Context(), name, labels)
	if err != nil {
		w.t.Fatal(err)
	}
	return sum
}

// measured is metric, for a pod that may not answer.
func (w *worker) measured(ctx context.Context, name, labels string) (sum float64, err error) {
	w.t.Helper()
	got := w.ask(ctx, http.MethodGet, "/metrics", "")
	if got.status != http.StatusOK {
		return 0, fmt.Errorf("the metrics of %s: %v", w.name, got)
	}
	for line := range strings.Lines(got.body) {
		if !strings.HasPrefix(line, name+"{") || !strings.Contains(line, labels) {
			continue
		}
		var value float64
		if _, err := fmt.Sscan(line[strings.LastIndexByte(line, ' '):], &value); err != nil {
			return 0, fmt.Errorf("%s: %w", line, err)
		}
		sum += value
	}
	return sum, nil
}

func contains(t *testing.T, printed string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(printed, text) {
			t.Fatalf("no %q in:\n%s", text, printed)
		}
	}
}

// moves reports whether nobody has the partition that was asked for.
func (a answer) moves() bool {
	return a.status == http.StatusServiceUnavailable &&
		(strings.Contains(a.body, `"code":"no-owner"`) || strings.Contains(a.body, `"code":"not-here"`))
}
