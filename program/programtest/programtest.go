package programtest

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"refold/client"
	"refold/client/wire"
	"refold/eventsourcing"
	"refold/kafka"
	"refold/kafka/local"
	"refold/processors"
	"refold/program"
	"refold/worker"
)

// Patience is how long a test waits for what must happen.
const Patience = 30 * time.Second

// poll is how often a condition is looked at.
const poll = 10 * time.Millisecond

// Cluster is a running program.
type Cluster struct {
	// URL is that of the HTTP API, Client talks to it.
	URL    string
	Client *client.Client
	// Kafka is the embedded cluster.
	Kafka *local.Cluster

	tb       testing.TB
	settings map[string]string
	opened   *processors.Opened
	stop     func()
}

// Start starts a program and waits until it is ready. It is stopped when the test ends. Settings change the
// configuration, by name: "aggregates.garage.history", "false".
func Start(tb testing.TB, p program.Program, settings ...string) *Cluster {
	tb.Helper()
	cluster, err := local.Start(local.Options{})
	check(tb, err)
	tb.Cleanup(func() { _ = cluster.Close() })
	all := map[string]string{
		"kafka.brokers": strings.Join(cluster.Brokers(), ","), "registry.urls": cluster.RegistryURL(),
		"registry.mode": "register", "topics.partitions": "2", "topics.replication-factor": "1",
		"http.address": "127.0.0.1:0", "store.directory": tb.TempDir(),
	}
	for i := 0; i+1 < len(settings); i += 2 {
		all[settings[i]] = settings[i+1]
	}
	c := &Cluster{Kafka: cluster, tb: tb, settings: all}
	tb.Cleanup(func() { c.stop() })
	c.run(p)
	return c
}

// Upgrade stops the program and starts another release of it, or the one before, with the same topics and the
// same local stores, and waits until it is ready. Settings change the configuration, as those of Start.
func (c *Cluster) Upgrade(p program.Program, settings ...string) {
	c.tb.Helper()
	c.stop()
	for i := 0; i+1 < len(settings); i += 2 {
		c.settings[settings[i]] = settings[i+1]
	}
	c.run(p)
}

// run starts a program, sets stop, and waits until the program is ready.
func (c *Cluster) run(p program.Program) {
	c.tb.Helper()
	c.stop = func() {}
	in, err := p.Installation(c.settings)
	check(c.tb, err)
	registry, opened, err := in.Open(nil)
	check(c.tb, err)
	w, err := worker.New(in, slog.New(slog.DiscardHandler), p.Extensions...)
	check(c.tb, err)
	c.URL, c.opened = "http://"+w.Address(), opened
	c.Client, err = client.New([]string{c.URL}, client.Options{})
	check(c.tb, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(c.tb.Context()))
	ended := make(chan error, 1)
	go func() { ended <- w.Run(ctx) }()
	c.stop = func() {
		stop()
		if err := <-ended; err != nil {
			c.tb.Errorf("the worker: %v", err)
		}
		registry.Close()
		c.Client.Close()
		http.DefaultClient.CloseIdleConnections()
		c.stop = func() {}
	}
	c.wait("the worker is not ready", func(ctx context.Context) bool {
		_, err := c.Client.Ready(ctx)
		return err == nil
	})
}

func check(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// wait waits for a condition, and fails the test with why.
func (c *Cluster) wait(why string, condition func(context.Context) bool) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(c.tb.Context(), Patience)
	defer cancel()
	for !condition(ctx) {
		if !kafka.Sleep(ctx, poll) {
			c.tb.Fatalf("after %v: %s", Patience, why)
		}
	}
}

// aggregate returns an aggregate by its name.
func (c *Cluster) aggregate(name string) *processors.OpenAggregate {
	c.tb.Helper()
	for _, a := range c.opened.Aggregates {
		if a.Name == name {
			return a
		}
	}
	c.tb.Fatalf("there is no aggregate %q", name)
	return nil
}

// Send sends a command of the aggregate's and waits for its outcome. Options change how, such as its ID.
func (c *Cluster) Send(aggregate, id string, command any, options ...func(*client.Send)) *client.Command {
	c.tb.Helper()
	a := c.aggregate(aggregate)
	data, err := a.Commands.ExampleJSON(command)
	check(c.tb, err)
	send := client.Send{Type: eventsourcing.TypeName(command), Data: data, Wait: Patience}
	for _, option := range options {
		option(&send)
	}
	sent, err := c.Client.Send(c.tb.Context(), a.Plural, id, send)
	if refused, is := errors.AsType[*client.Problem](err); is && refused.Code == wire.CodeRuleViolated {
		sent, err = new(client.Command), nil // it is refused before it is sent
		sent.Status, sent.Code, sent.Message = wire.StatusRejected, refused.Code, refused.Detail
	}
	check(c.tb, err)
	return sent
}

// Accepted sends a command and expects that it is accepted.
func (c *Cluster) Accepted(aggregate, id string, command any) *client.Command {
	c.tb.Helper()
	sent := c.Send(aggregate, id, command)
	if sent.Status != wire.StatusAccepted {
		c.tb.Fatalf("%T to the %s %s: it is %s (%s: %s)", command, aggregate, id, sent.Status, sent.Code,
			sent.Message)
	}
	return sent
}

// Rejected sends a command and expects that it is rejected with the code.
func (c *Cluster) Rejected(aggregate, id string, command any, code string) *client.Command {
	c.tb.Helper()
	sent := c.Send(aggregate, id, command)
	if sent.Status != wire.StatusRejected || sent.Code != code {
		c.tb.Fatalf("%T to the %s %s: it is %s (%s), not rejected with %s", command, aggregate, id,
			sent.Status, sent.Code, code)
	}
	return sent
}

// State returns the state of an aggregate, at least as new as all that Send has waited for.
func State[S any](c *Cluster, aggregate, id string) (state S) {
	c.tb.Helper()
	row, err := c.Client.Get(c.tb.Context(), c.aggregate(aggregate).Plural, id, client.Get{})
	check(c.tb, err)
	state, err = client.State[S](row)
	check(c.tb, err)
	return state
}

// Eventually waits until the state of an aggregate fulfils a condition, and returns it: for what other
// aggregates and processes do.
func Eventually[S any](c *Cluster, aggregate, id string, condition func(S) bool) (state S) {
	c.tb.Helper()
	plural := c.aggregate(aggregate).Plural
	c.wait("the "+aggregate+" "+id+" is not as expected", func(ctx context.Context) bool {
		row, err := c.Client.Get(ctx, plural, id, client.Get{})
		if err != nil {
			return false
		}
		state, err = client.State[S](row)
		return err == nil && condition(state)
	})
	return state
}
