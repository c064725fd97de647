//go:build system

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"refold/projections/postgres/postgrestest"
	"refold/system/chaos/readers"
	"refold/system/chaos/schedule"
	"refold/system/proxy"
	"refold/system/realkafka"
	"refold/system/realstores"
)

// partitions of every topic: more than workers, so that there is something to share.
const partitions = 6

// site is all that a run consists of.
type site struct {
	options
	dir   string
	plan  schedule.Schedule
	begun time.Time

	cluster  *realkafka.Cluster
	admin    *realkafka.Admin
	registry *realkafka.Registry
	// paths lead each client to each broker; toRegistry, all workers to the gatekeeper of the registry.
	paths      map[string][]*proxy.Proxy
	toRegistry *proxy.Proxy
	gatekeeper *gatekeeper
	// registryURL is the registry as workers see it.
	registryURL string
	workers     []*worker
	poisoner    *poisoner
	readers     *readers.Group
	postgres    *postgrestest.Server
	redis       *realstores.Redis
	watcher     *watcher
	// nowhere is an address at which nobody listens.
	nowhere string

	mu       sync.Mutex
	counts   map[string]int // what happened how often
	problems []string       // what should not have happened, apart from what the audit finds
}

// say prints what happens, and when.
func (s *site) say(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Printf("%7.1f s  %s\n", time.Since(s.begun).Seconds(), fmt.Sprintf(format, args...))
}

func (s *site) count(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts[what]++
}

// problem notes what makes the run a failure, though it goes on.
func (s *site) problem(format string, args ...any) {
	s.say("PROBLEM: "+format, args...)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.problems = append(s.problems, fmt.Sprintf(format, args...))
}

// run is the whole story.
func (s *site) run(ctx context.Context) error {
	if err := s.setUp(ctx); err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	s.begun = time.Now()
	traffic, err := s.startTraffic()
	if err != nil {
		return err
	}
	if err := s.startReaders(); err != nil {
		return err
	}
	defer s.readers.Stop()
	if err := s.startWatcher(); err != nil {
		return err
	}
	defer s.watcher.end()
	err = s.perform(ctx)
	s.heal()
	s.say("everything is healed: %s", s.summary())
	if err != nil {
		return err
	}
	for _, wait := range []func(context.Context) error{
		traffic.end, s.waitQuiet, s.waitLevel, s.waitAnswered, s.rebuildAll, s.compare,
	} {
		err := wait(ctx)
		if ctx.Err() != nil {
			return err
		}
		if err != nil { // what the audit says tells more
			s.problem("%v", err)
		}
	}
	s.watcher.end()
	return s.verdict(ctx, traffic)
}

// summary is what happened how often.
func (s *site) summary() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var parts []string
	for _, what := range slices.Sorted(maps.Keys(s.counts)) {
		parts = append(parts, fmt.Sprintf("%s=%d", what, s.counts[what]))
	}
	return strings.Join(parts, " ")
}

// clients are those who go through proxies: the workers and the load.
func clients() []string {
	names := []string{schedule.Load}
	for n := range schedule.Workers {
		names = append(names, schedule.WorkerName(n))
	}
	return names
}

// listener is a client's name as one of Kafka's listeners.
func listener(client string) string { return strings.ReplaceAll(client, "-", "") }

// setUp starts everything, until all workers are ready.
func (s *site) setUp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, setUpWithin)
	defer cancel()
	if _, err := os.Stat(s.program); err != nil {
		return fmt.Errorf("the program is not built (make build): %w", err)
	}
	if err := s.startServers(ctx); err != nil {
		return err
	}
	if err := s.startPaths(); err != nil {
		return err
	}
	var err error
	if s.admin, err = s.cluster.NewAdmin(); err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	if err := s.persist(ctx, func() error { return s.admin.Allow(ctx, user) }); err != nil {
		return err
	}
	for _, args := range [][]string{{"topics", "apply"}, {"schemas", "register"}} {
		cmd := exec.CommandContext(ctx, s.program, args...)
		cmd.Env = s.environment(s.cluster.Addresses(), s.registry.URL())
		if printed, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("processor %v: %w\n%s", args, err, printed)
		}
	}
	list := filepath.Join(s.dir, "poison.jsonl")
	if s.poisoner, err = newPoisoner(s.cluster.Addresses(), list); err != nil {
		return err
	}
	if err := s.startWorkers(ctx); err != nil {
		return err
	}
	for _, w := range s.workers {
		if err := w.waitReady(ctx, setUpWithin); err != nil {
			return err
		}
	}
	return nil
}

// startWorkers starts the workers. Each has an address for clients and one for other pods.
func (s *site) startWorkers(ctx context.Context) error {
	ports, err := realkafka.StablePorts(ctx, 2*schedule.Workers+1)
	if err != nil {
		return err //nolint:wrapcheck // it says what it was doing
	}
	addresses := make([]string, len(ports))
	for i, port := range ports {
		addresses[i] = "127.0.0.1:" + strconv.Itoa(port)
	}
	s.nowhere = addresses[2*schedule.Workers]
	for n := range schedule.Workers {
		w, err := s.newWorker(schedule.WorkerName(n), addresses[n], addresses[schedule.Workers+n])
		if err != nil {
			return err
		}
		s.workers = append(s.workers, w)
		if err := w.start(); err != nil {
			return err
		}
	}
	return nil
}

// startServers starts the cluster, the registry and the servers of read models.
func (s *site) startServers(ctx context.Context) error {
	listeners := []realkafka.Client{{Name: listener(schedule.Load)}}
	for _, client := range clients()[1:] {
		listeners = append(listeners, realkafka.Client{Name: listener(client), User: user})
	}
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() (err error) {
		s.cluster, err = realkafka.NewCluster(ctx, realkafka.ClusterOptions{Dir: s.dir, Clients: listeners})
		if err != nil {
			return err
		}
		return s.cluster.Start(ctx)
	})
	all.Go(func() (err error) {
		s.registry, err = realkafka.StartRegistry(ctx, realkafka.RegistryOptions{Dir: s.dir})
		return err
	})
	all.Go(func() error { return s.startPostgres(ctx) })
	all.Go(func() error { return s.startRedis(ctx) })
	return all.Wait() //nolint:wrapcheck // it names the server
}

// startPaths puts the proxies in between.
func (s *site) startPaths() error {
	s.paths = make(map[string][]*proxy.Proxy)
	for _, client := range clients() {
		for _, node := range s.cluster.Nodes() {
			route := node.Route(listener(client))
			p, err := proxy.Start(client, route.Advertised, route.Broker)
			if err != nil {
				return err //nolint:wrapcheck // it names the address
			}
			s.paths[client] = append(s.paths[client], p)
		}
	}
	address, err := url.Parse(s.registry.URL())
	if err == nil {
		s.gatekeeper, err = newGatekeeper(address)
	}
	if err == nil {
		s.toRegistry, err = proxy.Start("registry", "127.0.0.1:0", s.gatekeeper.address)
	}
	if err != nil {
		return fmt.Errorf("a path to the registry: %w", err)
	}
	address.Host = s.toRegistry.Address()
	s.registryURL = address.String()
	return nil
}

// environment is the configuration of a process that is told these addresses.
func (s *site) environment(brokers []string, registry string) []string {
	return append(os.Environ(),
		"REFOLD_KAFKA_BROKERS="+strings.Join(brokers, ","),
		"REFOLD_KAFKA_SESSION_TIMEOUT="+schedule.SessionTimeout.String(),
		"REFOLD_KAFKA_TRANSACTION_TIMEOUT="+schedule.TransactionTimeout.String(),
		"REFOLD_REGISTRY_URLS="+registry,
		"REFOLD_PROCESSOR_STALL_AFTER="+stalledAfter.String(),
		// Rebuilds take long enough for something to go wrong, and don't wait long when it has.
		"REFOLD_REBUILD_EVENTS_PER_SECOND=400", "REFOLD_REBUILD_RETRY=1s",
		"REFOLD_PROJECTIONS_POSTGRES_URL="+s.database(),
		"REFOLD_PROJECTIONS_REDIS_ADDRESSES="+s.redis.Address(),
		"REFOLD_TOPICS_PARTITIONS="+strconv.Itoa(partitions),
		"REFOLD_TOPICS_REPLICATION_FACTOR=3",
		"REFOLD_LOG_FORMAT=json")
}

// heal ends whatever has not been ended yet.
func (s *site) heal() {
	s.toRegistry.Heal()
	for _, paths := range s.paths {
		for _, path := range paths {
			path.Heal()
		}
	}
	for _, w := range s.workers {
		w.heal()
	}
}

// cleanUp ends all processes and removes the folder, but for the logs if they are to be kept.
func (s *site) cleanUp(keep bool) {
	for _, w := range s.workers {
		w.end()
		w.peers.Close()
	}
	if s.poisoner != nil {
		s.poisoner.close()
	}
	if s.admin != nil {
		s.admin.Close()
	}
	if s.cluster != nil {
		s.cluster.Kill()
	}
	if s.registry != nil {
		s.registry.Stop()
	}
	s.endStores()
	for _, paths := range s.paths {
		for _, path := range paths {
			path.Close()
		}
	}
	if s.toRegistry != nil {
		s.toRegistry.Close()
	}
	if s.gatekeeper != nil {
		s.gatekeeper.close()
	}
	s.unmount()
	if !keep {
		if err := os.RemoveAll(s.dir); err != nil {
			fmt.Println("chaos: removing its folder:", err)
		}
		return
	}
	if !s.keep {
		s.removeData()
	}
	fmt.Println("logs, records and schedule:", s.dir)
}

// removeData leaves logs, records and the schedule.
func (s *site) removeData() {
	var errs []error
	for n := range realkafka.Nodes {
		errs = append(errs, os.RemoveAll(filepath.Join(s.dir, fmt.Sprintf("kafka-%d", n+1), "data")))
	}
	for _, w := range s.workers {
		errs = append(errs, os.RemoveAll(w.disk.dir))
	}
	if err := errors.Join(errs...); err != nil {
		fmt.Println("chaos: removing data:", err)
	}
}

// unmount releases the workers' disks.
func (s *site) unmount() {
	for _, w := range s.workers {
		w.disk.release()
	}
}
