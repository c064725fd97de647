//go:build system

package realkafka

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// A cluster bears the loss of the broker that leads a partition, tells who has which role, and is
// whole again when the broker is back on its disk. Its clients are told of their own addresses.
func TestCluster(t *testing.T) {
	begin := time.Now()
	c, err := NewCluster(t.Context(), ClusterOptions{Dir: t.TempDir(), Clients: []Client{{Name: "a"}}})
	if errors.Is(err, ErrMissing) {
		t.Fatalf("the system tests can't run here: %v", err)
	}
	if err == nil {
		err = c.Start(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	defer c.Kill()
	t.Logf("ready after %v", time.Since(begin))
	admin, err := c.NewAdmin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.kafka.CreateTopic(t.Context(), 1, 3, nil, "topic"); err != nil {
		t.Fatal(err)
	}
	produce := func() {
		t.Helper()
		record := &kgo.Record{Topic: "topic", Value: []byte("value")}
		if err := admin.client.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	c.until(t, admin.Whole)
	produce()
	leader, err := admin.Leader(t.Context(), "topic", 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]func(context.Context) (int32, error){
		"group coordinator": func(ctx context.Context) (int32, error) {
			return admin.GroupCoordinator(ctx, "group")
		},
		"transaction coordinator": func(ctx context.Context) (int32, error) {
			return admin.TransactionCoordinator(ctx, "producer")
		},
		"controller": admin.Controller,
	} {
		c.until(t, func(ctx context.Context) error {
			id, err := role(ctx)
			t.Logf("%s: broker %d, %v", name, id, err)
			return err
		})
	}
	c.Nodes()[leader-1].Kill()
	produce() // by another leader
	if err := c.Nodes()[leader-1].Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	c.until(t, admin.Whole)
	route := c.Nodes()[0].Route("a")
	client, err := kgo.NewClient(kgo.SeedBrokers(route.Broker))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	brokers, err := kadm.NewClient(client).ListBrokers(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if first := loopback(int(brokers[0].Port)); first != route.Advertised {
		t.Errorf("client a is told of the broker at %s, expected %s", first, route.Advertised)
	}
	for _, n := range c.Nodes() {
		if err := n.Check(); err != nil {
			t.Error(err)
		}
	}
}

// until waits for a condition.
func (c *Cluster) until(t *testing.T, condition func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		err := condition(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("not within two minutes: %v", err)
		case <-time.After(pollInterval):
		}
	}
}
