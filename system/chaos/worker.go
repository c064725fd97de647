//go:build system

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"refold/system/proxy"
	"refold/system/realkafka"
)

const (
	// restartAfter is how long whatever runs the workers waits before it starts one again that
	// ended by itself, as Kubernetes does.
	restartAfter = 2 * time.Second
	// stopsWithin is how long a worker may take for a clean stop; then it is killed.
	stopsWithin = time.Minute
	pollEvery   = 200 * time.Millisecond
)

// worker is a pod with a disk and an address of its own. While it is wanted, it is started again
// when it ends by itself.
type worker struct {
	site          *site
	name, address string
	disk          *disk
	// peers is the way of other pods to it, whose address it advertises.
	peers *proxy.Proxy
	// fault is held by whoever lets something happen to it.
	fault sync.Mutex

	mu      sync.Mutex
	wanted  bool
	process *realkafka.Process // the latest one
	// advertised is where it says that it is reached.
	advertised string
}

// newWorker makes a pod that clients reach at an address, and other pods at another.
func (s *site) newWorker(name, address, forPeers string) (*worker, error) {
	d, err := newDisk(filepath.Join(s.dir, name))
	if err != nil {
		return nil, err
	}
	peers, err := proxy.Start("peers of "+name, forPeers, address)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the address
	}
	return &worker{
		site: s, name: name, address: address, disk: d, peers: peers, advertised: peers.Address(),
	}, nil
}

// start starts the pod, and from then on whenever it ends, until it is killed or stopped.
func (w *worker) start() error { return w.startAt(w.peers.Address()) }

// startAt starts the pod with an address that it tells others.
func (w *worker) startAt(advertised string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted, w.advertised = true, advertised
	return w.startLocked()
}

func (w *worker) startLocked() error {
	var brokers []string
	for _, path := range w.site.paths[w.name] {
		brokers = append(brokers, path.Address())
	}
	p, err := realkafka.Start(realkafka.Command{
		Name: w.name, Dir: w.site.dir,
		Args: []string{
			w.site.program, "run", "--http.address", w.address, "--http.advertise", w.advertised,
			"--store.directory", w.disk.stores(), "--processor.transactional-id", w.name,
		},
		Env: append(w.site.environment(brokers, w.site.registryURL),
			"REFOLD_KAFKA_SASL_MECHANISM=PLAIN", "REFOLD_KAFKA_SASL_USERNAME="+user,
			"REFOLD_KAFKA_SASL_PASSWORD="+realkafka.Password),
	})
	if err != nil {
		return err //nolint:wrapcheck // it names the worker
	}
	w.process = p
	go w.watch(p)
	return nil
}

// watch starts the pod again if it ends without having been asked to.
func (w *worker) watch(p *realkafka.Process) {
	<-p.Exited()
	w.mu.Lock()
	surprising := w.wanted && w.process == p
	w.mu.Unlock()
	if !surprising {
		return
	}
	w.site.count("ended-by-itself")
	w.site.say("%s ended by itself: %v", w.name, p.Wait())
	time.AfterFunc(restartAfter, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.wanted || w.process != p {
			return
		}
		if err := w.startLocked(); err != nil {
			w.site.say("%s: %v", w.name, err)
		}
	})
}

// unwanted returns the process, which is not started again when it ends.
func (w *worker) unwanted() *realkafka.Process {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wanted = false
	return w.process
}

// kill ends the pod as a lost machine does.
func (w *worker) kill() { w.unwanted().Kill() }

// stop asks the pod to end, as Kubernetes does. The error says that it had to be killed.
func (w *worker) stop() error {
	p := w.unwanted()
	p.Signal(syscall.SIGTERM)
	select {
	case <-p.Exited():
		return nil
	case <-time.After(stopsWithin):
		p.Signal(syscall.SIGQUIT) // it writes into its log what it was doing
		select {
		case <-p.Exited():
		case <-time.After(stopsWithin):
			p.Kill()
		}
		return fmt.Errorf("%s did not stop within %v of SIGTERM; see the end of %s", w.name, stopsWithin,
			p.Log())
	}
}

func (w *worker) signal(s syscall.Signal) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.process.Signal(s)
}

// heal ends what was done to the pod, its disk and its peers, and starts it if it isn't running.
func (w *worker) heal() {
	w.signal(syscall.SIGCONT)
	if err := errors.Join(w.disk.empty(), w.peers.Accept()); err != nil {
		w.site.say("%s: %v", w.name, err)
	}
	w.mu.Lock()
	wanted, lost := w.wanted, w.advertised != w.peers.Address()
	w.mu.Unlock()
	if lost {
		w.kill()
	}
	if !wanted || lost {
		if err := w.start(); err != nil {
			w.site.say("%s: %v", w.name, err)
		}
	}
}

// end kills the pod for good.
func (w *worker) end() {
	if p := w.unwanted(); p != nil {
		p.Kill()
	}
}

// waitReady waits for the readiness probe.
func (w *worker) waitReady(ctx context.Context, within time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return until(ctx, func() error {
		status, body, err := w.readiness(ctx)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("%s is not ready: %d %s", w.name, status, strings.TrimSpace(body))
		}
		return err
	})
}

// readiness asks the readiness probe once.
func (w *worker) readiness(ctx context.Context) (status int, body string, err error) {
	return w.call(ctx, http.MethodGet, "/readyz", "")
}

// url is where clients reach the pod.
func (w *worker) url() string { return "http://" + w.address }

// call asks the pod for something, once.
func (w *worker) call(ctx context.Context, method, path, body string) (int, string, error) {
	client := http.Client{Timeout: 5 * time.Second}
	request, err := http.NewRequestWithContext(ctx, method, w.url()+path,
		strings.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("making a request: %w", err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	answer, err := client.Do(request)
	if err != nil {
		return 0, "", fmt.Errorf("%s does not answer: %w", w.name, err)
	}
	defer answer.Body.Close()
	const most = 1 << 20
	text, err := io.ReadAll(io.LimitReader(answer.Body, most))
	if err != nil {
		return 0, "", fmt.Errorf("%s does not answer: %w", w.name, err)
	}
	return answer.StatusCode, string(text), nil
}

// until waits for a condition; the error is the last reason why it isn't met.
func until(ctx context.Context, condition func() error) error {
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	var last error
	for {
		err := condition()
		if err == nil {
			return nil
		}
		if last == nil || ctx.Err() == nil { // else it only says that time is up
			last = err
		}
		select {
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), last)
		case <-ticker.C:
		}
	}
}

// pause waits, and reports whether ctx went on meanwhile.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
