//go:build system

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"refold/bench"
	"refold/bench/report"
	"refold/codecs"
	"refold/kafka"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
	"refold/projections/postgres/postgrestest"
	"refold/system/realkafka"
)

// lab is a real Kafka, a registry, and the programs that are compared.
type lab struct {
	options
	dir      string
	broker   *realkafka.Broker
	registry *realkafka.Registry
	schemas  *codecs.Registry
	accounts *processors.OpenAggregate
	orders   *processors.OpenAggregate
	client   *kgo.Client
	logs     *os.File
	results  *report.Run
	taken    int                  // rounds
	table    table                // that is restored
	pasts    map[int]*written     // of read models, by their events
	postgres *postgrestest.Server // started when it is needed

	processor, java, jars, franz, goka string // programs
}

// newLab builds the programs that a plan needs, and starts the servers.
func newLab(ctx context.Context, o options, plan []measurement) (l *lab, err error) {
	l = &lab{options: o, pasts: make(map[int]*written)}
	defer func() {
		if err != nil {
			l.close()
			l = nil
		}
	}()
	if l.dir, err = os.MkdirTemp("", "refold-compare-"); err != nil {
		return l, fmt.Errorf("making a folder: %w", err)
	}
	if l.logs, err = os.Create(filepath.Join(l.dir, "processes.log")); err != nil {
		return l, fmt.Errorf("making a log: %w", err)
	}
	fmt.Println("building the peers, and starting Kafka and a registry …")
	var all errgroup.Group
	all.Go(func() error { return l.build(ctx, plan) })
	all.Go(func() (err error) {
		l.broker, err = realkafka.StartBroker(ctx, realkafka.BrokerOptions{Dir: l.dir})
		return err
	})
	all.Go(func() (err error) {
		l.registry, err = realkafka.StartRegistry(ctx, realkafka.RegistryOptions{Dir: l.dir})
		return err
	})
	if err := all.Wait(); err != nil {
		return l, err
	}
	if err := l.connect(ctx); err != nil {
		return l, err
	}
	l.results, err = l.about(ctx, plan)
	return l, err
}

// connect opens what the lab itself asks of the servers, and registers the schemas.
func (l *lab) connect(ctx context.Context) (err error) {
	if l.client, err = kgo.NewClient(kgo.SeedBrokers(l.broker.Address())); err != nil {
		return fmt.Errorf("connecting to Kafka: %w", err)
	}
	l.schemas, err = codecs.NewRegistry(codecs.RegistrySettings{
		URLs: []string{l.registry.URL()}, Mode: codecs.Register,
	})
	if err != nil {
		return fmt.Errorf("connecting to the registry: %w", err)
	}
	if l.accounts, err = accounts.Definition.Open(l.schemas); err == nil {
		l.orders, err = orders.Definition.Open(l.schemas)
	}
	if err == nil {
		err = errors.Join(l.accounts.Prepare(ctx), l.orders.Prepare(ctx))
	}
	if err != nil {
		return fmt.Errorf("registering schemas: %w", err)
	}
	return l.refold(ctx, "schemas", "register")
}

// close stops the servers, and removes what was made.
func (l *lab) close() {
	if l.client != nil {
		l.client.Close()
	}
	if l.schemas != nil {
		l.schemas.Close()
	}
	if l.registry != nil {
		l.registry.Stop()
	}
	if l.broker != nil {
		l.broker.Stop()
	}
	if l.postgres != nil {
		_ = l.postgres.Close() // its folder is below the system's for temporary files
	}
	if l.keep {
		fmt.Println("logs are in", l.dir)
		return
	}
	_ = os.RemoveAll(l.dir)
}

// The peer's sources, and what its pom.xml makes of them.
const (
	streamsFolder = "bench/peers/kafka-streams"
	streamsApp    = "bin/kafka-streams/app"
	streamsJar    = "kafka-streams-peer-1.jar"
)

// build builds the programs that a plan needs.
func (l *lab) build(ctx context.Context, plan []measurement) (err error) {
	if l.processor, err = filepath.Abs(l.program); err != nil {
		return fmt.Errorf("finding the program: %w", err)
	}
	if _, err := os.Stat(l.processor); err != nil {
		return fmt.Errorf("finding the program (make build makes it): %w", err)
	}
	planned := func(of func(*subject) bool) bool {
		return slices.ContainsFunc(plan, func(m measurement) bool { return of(m.subject) })
	}
	for name, into := range map[string]*string{report.Franz: &l.franz, report.Goka: &l.goka} {
		if !planned(func(s *subject) bool { return s.name == name }) {
			continue
		}
		*into = filepath.Join(l.dir, name)
		out, err := exec.CommandContext(ctx, "go", "build", "-tags", "system", "-o", *into,
			"./bench/peers/"+name).CombinedOutput()
		if err != nil {
			return fmt.Errorf("building %s: %w\n%s", name, err, out)
		}
	}
	app, err := filepath.Abs(streamsApp)
	if err != nil {
		return fmt.Errorf("finding the peer: %w", err)
	}
	l.jars = filepath.Join(app, "*")
	if built(filepath.Join(app, streamsJar)) || !planned(func(s *subject) bool { return s.peer }) {
		l.java, err = realkafka.Java(ctx)
		return err
	}
	l.java, err = realkafka.Maven(ctx, streamsFolder, "package") // with its tests
	return err
}

// built reports whether the peer's jar is newer than all of its sources.
func built(jar string) bool {
	made, err := os.Stat(jar)
	if err != nil {
		return false
	}
	newest := time.Time{}
	for _, root := range []string{"src", "pom.xml"} {
		from := filepath.Join(streamsFolder, root)
		_ = filepath.WalkDir(from, func(_ string, e fs.DirEntry, err error) error {
			if err == nil {
				if about, err := e.Info(); err == nil && about.ModTime().After(newest) {
					newest = about.ModTime()
				}
			}
			return nil
		})
	}
	return made.ModTime().After(newest)
}

// refold runs a command of Refold's program to its end.
func (l *lab) refold(ctx context.Context, args ...string) error {
	args = append(args, "--kafka.brokers", l.broker.Address(), "--registry.urls", l.registry.URL())
	out, err := exec.CommandContext(ctx, l.processor, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("processor %s: %w\n%s", strings.Join(args[:2], " "), err, out)
	}
	return nil
}

// place is where a measurement has its topics and its files.
type place struct {
	prefix, dir string
	partitions  int
}

// within makes a place with the topics of the subject, and removes everything afterwards.
func (l *lab) within(
	ctx context.Context, s *subject, partitions int, unbuffered bool, measure func(*bench.Bench, place) error,
) (err error) {
	p := place{prefix: bench.NewPrefix(), partitions: partitions}
	if err := s.topics(ctx, l, p); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.removeTopics(context.WithoutCancel(ctx), p.prefix)) }()
	settings := bench.Settings{
		Kafka:      kafka.Settings{Brokers: []string{l.broker.Address()}, ClientID: "refold-bench"},
		Unbuffered: unbuffered, Logs: l.logs,
	}
	return bench.With(ctx, settings, func(b *bench.Bench) error {
		p.dir = b.Directory()
		return measure(b, p)
	})
}

// removeTopics deletes all topics of a prefix, those of Kafka Streams itself included.
func (l *lab) removeTopics(ctx context.Context, prefix string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	admin := kadm.NewClient(l.client)
	all, err := admin.ListTopics(ctx)
	if err != nil {
		return fmt.Errorf("listing topics: %w", err)
	}
	var ours []string
	for _, name := range all.Names() {
		if strings.HasPrefix(name, prefix) {
			ours = append(ours, name)
		}
	}
	if len(ours) == 0 {
		return nil
	}
	if _, err := admin.DeleteTopics(ctx, ours...); err != nil {
		return fmt.Errorf("deleting topics: %w", err)
	}
	return nil
}

// freePort returns a port on which nobody listens.
func freePort(ctx context.Context) (string, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port), nil
}
