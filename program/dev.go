package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"refold/config"
	"refold/kafka"
	"refold/kafka/local"
	"refold/load"
	"refold/logging"
	"refold/program/command"
	"refold/worker"
)

// devDefaults is what dev does differently: small, quick, and quiet. Each can be overridden but
// for the cluster, which is dev's own.
var devDefaults = map[string]string{
	"log.level": "warn", "topics.partitions": "4", "topics.replication-factor": "1",
	"registry.mode": "register", "kafka.session-timeout": "6s",
}

func (p *program) newDev() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Start everything in one process: Kafka, registry, worker, sample load",
		Long: `Start an embedded Kafka cluster and schema registry, a worker with its HTTP API, and a small
steady sample load, all in this process. Nothing is kept: what was in it is gone when it stops.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.Load(cmd, devDefaults)
			if err != nil {
				return err
			}
			for _, option := range []string{"kafka.brokers", "registry.urls"} {
				if from := loaded.From.Source(option); from.Kind != config.FromDefault {
					return fmt.Errorf("%s is set (%s), but dev brings a cluster of its own; "+
						"use \"processor run\" with another", option, from)
				}
			}
			return p.dev(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), loaded)
		},
	}
	p.workerFlags(cmd.Flags())
	return cmd
}

// dev runs the whole thing until ctx ends.
func (p *program) dev(ctx context.Context, out, logs io.Writer, loaded *command.Loaded) (err error) {
	c := loaded.Config
	logger := logging.New(logs, c.Log)
	cluster, err := local.Start(local.Options{
		Partitions: c.Topics.Partitions, Logger: logging.Client(logger, c.Log, "embedded-kafka"),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	c.Kafka.Brokers, c.Registry.URLs = cluster.Brokers(), []string{cluster.RegistryURL()}
	if loaded.From.Source("store.directory").Kind == config.FromDefault {
		// The cluster is new with every start, and a store of the last one's would not fit it.
		if c.Store.Directory, err = os.MkdirTemp("", "refold-dev-"); err != nil {
			return fmt.Errorf("make a directory for the local stores: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Store.Directory)) }()
	}
	worker, err := worker.New(p.Install(c), logger, p.extensions...)
	if err != nil {
		return err
	}
	server := "http://" + worker.Address()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return worker.Run(ctx) })
	group.Go(func() error {
		if !waitReady(ctx, server) {
			return nil
		}
		if err := greet(out, c, server); err != nil {
			return err
		}
		return sampleLoad(ctx, out, c.Load, server)
	})
	err = group.Wait()
	fmt.Fprintln(out, "stopped; the embedded cluster and all that was in it are gone")
	return err
}

// waitReady waits until the worker says that it is ready, or ctx ends.
func waitReady(ctx context.Context, server string) bool {
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, server+"/readyz", http.NoBody)
		if err != nil {
			return false
		}
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			ready := response.StatusCode == http.StatusOK
			if err := response.Body.Close(); err == nil && ready {
				return true
			}
		}
		if !kafka.Sleep(ctx, 50*time.Millisecond) {
			return false
		}
	}
}

// greeting says what was started and what to try.
var greeting = template.Must(template.New("greeting").Parse(`
Refold is running:
  embedded Kafka       {{.Brokers}}   (in this process; it forgets everything when it stops)
  schema registry      {{.Registry}}
  worker and HTTP API  {{.Server}}   ({{.Server}}/openapi.json, {{.Server}}/metrics)
  sample load          {{.Load.Rate}} commands/s of {{.Load.Accounts}} customers

Try, in another terminal:
  curl -s {{.Server}}/accounts/{{.Account}}
  curl -s {{.Server}}/orders/{{.Order}}
  curl -s '{{.Server}}/orders?limit=3'
  curl -N '{{.Server}}/events/live?kind=event'

  # open an account and put 20.00 in; order for 18.90, and see it paid
  send() { curl -s {{.Server}}/$1/commands -H 'Content-Type: application/json' -H 'Prefer: wait=5' -d "$2"; }
  send accounts/yours '{"type": "OpenAccount", "data": {"owner": "You", "currency": "EUR"}}'
  send accounts/yours '{"type": "DepositMoney", "data": {"amount": 2000, "currency": "EUR"}}'
  send orders/yours-1 '{"type": "PlaceOrder", "data": {"accountId": "yours", "currency": "EUR",
    "lines": [{"sku": "coffee-beans-1kg", "quantity": 1, "unitPrice": 1890, "currency": "EUR"}]}}'
  curl -s '{{.Server}}/orders/yours-1?atLeast=2' -H 'Prefer: wait=5'
  send orders/yours-1 '{"type": "ShipOrder", "data": {"carrier": "DHL", "trackingNumber": "1"}}'

Ctrl-C stops it.

`))

// greet says what was started and what to try.
func greet(out io.Writer, c config.Config, server string) error {
	t := sampleTastes(c.Load)
	if err := greeting.Execute(out, map[string]any{
		"Brokers": strings.Join(c.Kafka.Brokers, ","), "Registry": c.Registry.URLs[0],
		"Server": server, "Load": c.Load, "Account": t.FirstAccount(), "Order": t.FirstOrder(),
	}); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	return nil
}

// sampleLoad sends commands to the worker as customers do, and tells how it goes.
func sampleLoad(ctx context.Context, out io.Writer, c config.SampleLoad, server string) error {
	if c.Rate <= 0 {
		<-ctx.Done()
		return nil
	}
	system, err := load.NewHTTP([]string{server}, sampleConcurrency)
	if err != nil {
		return err
	}
	defer system.Close()
	d := load.NewDriver(load.Options{
		Customers: load.NewCustomers(sampleTastes(c)), System: system,
		Rate: c.Rate, Concurrency: sampleConcurrency, PerAccount: samplePerAccount,
		Patience: time.Minute, OpenOrders: maxOpenOrders,
	})
	go d.Report(ctx, out, sampleReport)
	return d.Run(ctx)
}

const (
	// sampleConcurrency is enough for the highest rate that a worker takes over HTTP.
	sampleConcurrency = 64
	// samplePerAccount is well below what a row remembers.
	samplePerAccount = 4
	// sampleReport is seldom enough to leave the greeting in sight for a while.
	sampleReport = 10 * time.Second
	// sampleOrderDelay is long enough to see an order in each of its states.
	sampleOrderDelay = 5 * time.Second
	sampleOrderShare = .3
	sampleTwiceShare = .04
)

// sampleTastes are those of a cluster that is new with every start: IDs need no name in front.
func sampleTastes(c config.SampleLoad) load.Tastes {
	return load.Tastes{
		Seed: uint64(c.Seed), Accounts: c.Accounts, OrderShare: sampleOrderShare,
		TwiceShare: sampleTwiceShare, Delay: sampleOrderDelay,
	}
}
