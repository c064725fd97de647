//go:build system

package realkafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// A user of a listener may do everything until a right is taken from it, then all but that, and everything
// again when it has it back. Others may do everything all the time.
func TestRights(t *testing.T) {
	c, err := NewCluster(t.Context(), ClusterOptions{
		Dir: t.TempDir(), Clients: []Client{{Name: "a", User: "somebody"}},
	})
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
	admin, err := c.NewAdmin()
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if _, err := admin.kafka.CreateTopic(t.Context(), 1, 3, nil, "topic"); err != nil {
		t.Fatal(err)
	}
	user, err := kgo.NewClient(kgo.SeedBrokers(c.Nodes()[0].Route("a").Broker),
		kgo.SASL(plain.Auth{User: "somebody", Pass: Password}.AsMechanism()),
		kgo.Dialer(c.past("a")), kgo.MetadataMinAge(100*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer user.Close()
	write := func(client *kgo.Client) error {
		return client.ProduceSync(t.Context(), &kgo.Record{Topic: "topic", Value: []byte("v")}).FirstErr()
	}
	is := func(client *kgo.Client, want error) {
		t.Helper()
		c.until(t, func(context.Context) error {
			if err := write(client); !errors.Is(err, want) {
				return fmt.Errorf("writing: %w, expected %w", err, want)
			}
			return nil
		})
	}
	right := Right{Write, Topic, "topic"}
	is(user, kerr.TopicAuthorizationFailed)
	for _, step := range []struct {
		do   func(context.Context) error
		want error
	}{
		{func(ctx context.Context) error { return admin.Allow(ctx, "somebody") }, nil},
		{
			func(ctx context.Context) error { return admin.Take(ctx, "somebody", right) },
			kerr.TopicAuthorizationFailed,
		},
		{func(ctx context.Context) error { return admin.GiveBack(ctx, "somebody", right) }, nil},
	} {
		if err := step.do(t.Context()); err != nil {
			t.Fatal(err)
		}
		is(user, step.want)
		is(admin.client, nil)
	}
}

// past dials past the proxies that a client is told of, which nobody has started.
func (c *Cluster) past(client string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		for _, n := range c.nodes {
			if route := n.Route(client); route.Advertised == address {
				address = route.Broker
			}
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

func TestParseRight(t *testing.T) {
	for _, text := range []string{
		"read topic a", "all topic a", "read group g", "write transactional-id w-1",
	} {
		if r, err := ParseRight(text); err != nil || r.String() != text {
			t.Errorf("%q was read as %v, %v", text, r, err)
		}
	}
	for _, text := range []string{"", "read topic", "look topic a", "read shelf a", "read topic a b"} {
		if r, err := ParseRight(text); err == nil {
			t.Errorf("%q was read as %v", text, r)
		}
	}
}
