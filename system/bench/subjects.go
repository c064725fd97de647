//go:build system

package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"

	"refold/bench"
	"refold/bench/report"
	"refold/kafka"
)

// subject is what is compared.
type subject struct {
	name string
	// topics makes what the subject needs in the cluster.
	topics func(context.Context, *lab, place) error
	// traffic returns its commands.
	traffic func(*lab, place, traffic) (bench.Subject, error)
	// worker is the command line of a pod.
	worker func(*lab, place, pod) []string
	// slow is how many times less it is given to drain, so that no measurement takes for ever.
	slow int
	// peer says that it is a program in Java, of bench/peers/kafka-streams.
	peer bool
	// most is the highest rate, a second, that it is asked for; 0: any.
	most int
}

// traffic says which commands there are.
type traffic struct {
	keys bench.Keys
	more int // bytes of a value
}

// pod is one of the workers that share the work.
type pod struct {
	number  int
	port    string // of its HTTP API
	session string // time-out of its membership, ms; empty: as it ships
	posts   bool   // it takes commands over HTTP, too
	project bool   // it fills the read models, in SQLite
	standby bool   // it follows the tables of other pods, if it can
	threads int    // of Kafka Streams; 0: one for each core
}

// The three kinds of work.
var (
	bare    = subject{topics: bareTopics, traffic: bareTraffic, slow: 1}
	account = subject{topics: realTopics, traffic: accountTraffic, slow: 6}
	order   = subject{topics: realTopics, traffic: orderTraffic, slow: 15, most: 5_000}
)

var subjects = []*subject{
	bare.by(report.Franz, franzWorker),
	bare.by(report.Goka, gokaWorker),
	bare.by(report.Engine, engineWorker),
	bare.onStreams(report.StreamsCount, "count", false),
	bare.onStreams(report.StreamsCountLow, "count", true),
	account.by(report.Commanded, refold(false)),
	account.by(report.Accounts, refold(true)),
	account.onStreams(report.StreamsAccounts, "accounts", false),
	account.onStreams(report.StreamsLow, "accounts", true),
	order.by(report.Orders, refold(true)),
	{name: report.Project},
	{name: report.Sink},
	{name: report.Copy},
}

// workers are the subjects that handle commands.
func workers() []*subject {
	return slices.DeleteFunc(slices.Clone(subjects), func(s *subject) bool { return s.worker == nil })
}

// by returns the work as done by a worker.
func (s subject) by(name string, worker func(*lab, place, pod) []string) *subject {
	s.name, s.worker = name, worker
	return &s
}

// onStreams returns the work as done by the peer, as cheap as it can be or as fast.
func (s subject) onStreams(name, work string, low bool) *subject {
	s.peer = true
	return s.by(name, streams(work, low))
}

func bareTopics(ctx context.Context, l *lab, p place) error {
	_, err := kafka.Ensure(ctx, l.client, bench.EngineTopics(p.prefix, p.partitions))
	return err
}

func bareTraffic(_ *lab, p place, t traffic) (bench.Subject, error) {
	return bench.Engine(p.prefix, t.keys, t.more), nil
}

// realTopics makes the topics of an installation, as its operator does.
func realTopics(ctx context.Context, l *lab, p place) error {
	return l.refold(ctx, "topics", "apply", "--topics.prefix", p.prefix,
		"--topics.partitions", strconv.Itoa(p.partitions), "--topics.replication-factor", "1")
}

func accountTraffic(l *lab, p place, t traffic) (bench.Subject, error) {
	return bench.Aggregate(l.accounts, p.prefix, t.keys)
}

func orderTraffic(l *lab, p place, _ traffic) (bench.Subject, error) {
	return newOrders(l.orders, l.accounts, p.prefix), nil
}

func franzWorker(l *lab, p place, _ pod) []string {
	return []string{l.franz, "-brokers", l.broker.Address(), "-prefix", p.prefix}
}

func gokaWorker(l *lab, p place, _ pod) []string {
	return []string{
		l.goka, "-brokers", l.broker.Address(), "-prefix", p.prefix, "-store", filepath.Join(p.dir, "goka"),
	}
}

func engineWorker(l *lab, p place, _ pod) []string {
	return []string{l.processor, "bench", "engine", "--brokers", l.broker.Address(), "--prefix", p.prefix}
}

// refold is the worker, with its read side or without it, and otherwise as it ships.
func refold(reads bool) func(*lab, place, pod) []string {
	return func(l *lab, p place, o pod) []string {
		args := []string{
			l.processor, "run", "--kafka.brokers", l.broker.Address(), "--registry.urls", l.registry.URL(),
			"--topics.prefix", p.prefix, "--topics.partitions", strconv.Itoa(p.partitions),
			"--topics.replication-factor", "1", "--http.address", "127.0.0.1:" + o.port,
			"--store.directory", filepath.Join(p.dir, fmt.Sprintf("stores-%d", o.number)),
			"--log.level", "warn",
		}
		if !reads {
			args = append(args, "--views.enabled=false")
		}
		if o.session != "" {
			args = append(args, "--kafka.session-timeout", o.session+"ms")
		}
		if o.project {
			args = append(args, "--projections.sqlite.path", "readmodels.db")
		}
		return args
	}
}

// streams is the peer.
func streams(work string, low bool) func(*lab, place, pod) []string {
	return func(l *lab, p place, o pod) []string {
		args := append(l.jvm(), "refold.peer.Main", "--work", work, "--brokers", l.broker.Address(),
			"--registry", l.registry.URL(), "--prefix", p.prefix, "--http-port", o.port,
			"--state-dir", filepath.Join(p.dir, fmt.Sprintf("state-%d", o.number)))
		if low {
			args = append(args, "--commit-ms", "10", "--linger-ms", "0", "--fetch-wait-ms", "10")
		}
		if o.session != "" {
			args = append(args, "--session-ms", o.session)
		}
		if o.standby {
			args = append(args, "--standbys", "1")
		}
		if o.posts {
			args = append(args, "--post", "true")
		}
		if o.threads > 0 {
			args = append(args, "--threads", strconv.Itoa(o.threads))
		}
		return args
	}
}

// jvm begins the command line of a program in Java.
func (l *lab) jvm() []string {
	return []string{
		l.java, "-Xms512m", "-Xmx512m", "-XX:+UseParallelGC", "--enable-native-access=ALL-UNNAMED",
		"-Dorg.apache.avro.specific.use_custom_coders=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
		"-cp", l.jars,
	}
}
