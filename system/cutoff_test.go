//go:build system

package system_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"testing"
	"time"

	"refold/system/proxy"
)

const (
	// cutOff is beyond the session's and the transactions' time-outs of an installation here, and
	// long enough that whatever is tried again has come to its longest pause: of views 15 s.
	cutOff = 75 * time.Second
	// cutVariable names another time for a run by hand, such as 10m.
	cutVariable = "SYSTEM_TEST_CUT"
	// recovers is generous: a few seconds are usual.
	recovers = 30 * time.Second
)

// G1, G5: a worker is cut off from Kafka and from the registry, for longer than the group and the
// brokers wait for it. It says that it isn't ready, and is again by itself soon after the network
// is back; a command that was sent meanwhile and told to be uncertain counts once.
func TestCutOff(t *testing.T) {
	long := cutOff
	if text := os.Getenv(cutVariable); text != "" {
		var err error
		if long, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", cutVariable, err)
		}
	}
	c := startCluster(t, 2)
	i := install(t, c, "cut.")
	i.run(0, "topics", "apply")
	i.run(0, "schemas", "register")
	cut, heal := i.throughProxies()
	w := i.worker("worker")
	w.start()
	w.isReady()
	open := `{"type": "OpenAccount", "data": {"owner": "Zoe", "currency": "EUR"}}`
	deposit := `{"type": "DepositMoney", "data": {"amount": 100, "currency": "EUR"}}`
	post := func(ctx context.Context, body, id string) error {
		got := w.ask(ctx, http.MethodPost, "/accounts/zoe/commands", body, "Prefer: wait=5",
			"Idempotency-Key: "+id)
		if got.status != http.StatusOK {
			return fmt.Errorf("the command %s: %v", id, got)
		}
		return nil
	}
	if err := post(t.Context(), open, "open"); err != nil {
		t.Fatal(err)
	}

	cut()
	began := time.Now()
	if err := post(t.Context(), deposit, "during"); err == nil {
		t.Error("a command was answered without Kafka")
	}
	eventually(t, time.Minute, func(ctx context.Context) error {
		return w.says(ctx, http.StatusServiceUnavailable, "")
	})
	t.Logf("not ready after %v", time.Since(began).Round(time.Second))
	<-time.After(time.Until(began.Add(long)))
	heal()
	began = time.Now()
	eventually(t, recovers, func(ctx context.Context) error {
		return post(ctx, deposit, "during")
	})
	t.Logf("answers a command %v after the network's return", time.Since(began))
	eventually(t, recovers, func(ctx context.Context) error {
		return w.says(ctx, http.StatusOK, "")
	})
	t.Logf("ready %v after the network's return", time.Since(began))
	eventually(t, recovers, func(ctx context.Context) error {
		a, err := w.account(ctx, "zoe")
		if err == nil && (a.Sequence != 2 || a.State.Balance != 100) {
			err = fmt.Errorf("the account is at %+v", a)
		}
		return err
	})
	t.Logf("shows its effect %v after the network's return", time.Since(began))
	w.stop()
}

// throughProxies leads workers that start from now on to Kafka and the registry through proxies,
// which cut and heal at once.
func (i *installation) throughProxies() (cut, heal func()) {
	i.t.Helper()
	address, err := url.Parse(i.cluster.registry.URL())
	if err != nil {
		i.t.Fatal(err)
	}
	route := i.cluster.broker.Route()
	var paths []*proxy.Proxy
	for _, way := range [][2]string{
		{route.Advertised, route.Broker}, {"127.0.0.1:0", address.Host},
	} {
		p, err := proxy.Start(way[1], way[0], way[1])
		if err != nil {
			i.t.Fatal(err)
		}
		i.t.Cleanup(p.Close)
		paths = append(paths, p)
	}
	address.Host = paths[1].Address()
	i.env = append(i.env,
		"REFOLD_KAFKA_BROKERS="+route.Advertised, "REFOLD_REGISTRY_URLS="+address.String())
	each := func(do func(*proxy.Proxy)) func() {
		return func() {
			for _, p := range paths {
				do(p)
			}
		}
	}
	return each((*proxy.Proxy).Cut), each((*proxy.Proxy).Heal)
}
