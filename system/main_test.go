//go:build system

package system_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"refold/system/realkafka"
)

// TestMain removes the folder with the logs of everything that ran, unless a test failed.
func TestMain(m *testing.M) {
	if os.Getenv(wordCountVariable) != "" {
		os.Exit(runWordCount())
	}
	if text := os.Getenv(carelessVariable); text != "" {
		os.Exit(runCareless(text))
	}
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	dir, err := os.MkdirTemp("", "refold-system-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	servers = &testServers{dir: dir}
	code := m.Run()
	servers.stop()
	if code != 0 {
		fmt.Fprintln(os.Stderr, "logs of all servers and workers:", dir)
		return code
	}
	os.RemoveAll(dir)
	return 0
}

// servers are started by the first test that asks, and used by all.
var servers *testServers

type testServers struct {
	dir string

	mu       sync.Mutex
	clusters map[int]*cluster // by transaction version
}

// cluster is a real Kafka, and a registry beside the newer one.
type cluster struct {
	broker   *realkafka.Broker
	registry *realkafka.Registry
	err      error
}

func (c *cluster) brokers() []string { return []string{c.broker.Address()} }

// startCluster returns the shared cluster with that transaction version.
func startCluster(t *testing.T, transactionVersion int) *cluster {
	t.Helper()
	servers.mu.Lock()
	defer servers.mu.Unlock()
	c := servers.clusters[transactionVersion]
	if c == nil {
		c = servers.start(fmt.Sprintf("transactions-%d", transactionVersion), transactionVersion)
		if servers.clusters == nil {
			servers.clusters = make(map[int]*cluster)
		}
		servers.clusters[transactionVersion] = c
	}
	c.check(t)
	return c
}

// startEmptyCluster starts a cluster for one test: without topics, not even the brokers' own, and
// without schemas.
func startEmptyCluster(t *testing.T) *cluster {
	t.Helper()
	c := servers.start(t.Name(), 2)
	t.Cleanup(c.stop)
	c.check(t)
	return c
}

// check ends a test whose cluster could not be started.
func (c *cluster) check(t *testing.T) {
	t.Helper()
	if errors.Is(c.err, realkafka.ErrMissing) {
		t.Fatalf("the system tests can't run here: %v", c.err)
	}
	if c.err != nil {
		t.Fatal(c.err)
	}
}

// start starts a cluster that outlives the test that asks for it.
func (s *testServers) start(name string, transactionVersion int) *cluster {
	c := &cluster{}
	dir := filepath.Join(s.dir, name)
	if c.err = os.MkdirAll(dir, 0o750); c.err != nil {
		return c
	}
	// The first start downloads.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() (err error) {
		c.broker, err = realkafka.StartBroker(ctx, realkafka.BrokerOptions{
			Dir: dir, TransactionVersion: transactionVersion,
		})
		return err
	})
	if transactionVersion == 2 {
		both.Go(func() (err error) {
			c.registry, err = realkafka.StartRegistry(ctx, realkafka.RegistryOptions{Dir: dir})
			return err
		})
	}
	c.err = both.Wait()
	return c
}

func (s *testServers) stop() {
	for _, c := range s.clusters {
		c.stop()
	}
}

// stop throws all data away.
func (c *cluster) stop() {
	if c.broker != nil {
		c.broker.Kill()
	}
	if c.registry != nil {
		c.registry.Stop()
	}
}

// eventually waits for a condition, which is asked ten times a second, and fails the test with
// what it said last when time is up.
func eventually(t *testing.T, within time.Duration, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	var last error
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		if last == nil || ctx.Err() == nil { // else it only says that time is up
			last = err
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not within %v: %v", within, last)
		case <-ticker.C:
		}
	}
}
