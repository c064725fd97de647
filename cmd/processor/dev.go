package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"refold/config"
	"refold/kafka/local"
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
			loaded, err := p.load(cmd, devDefaults)
			if err != nil {
				return err
			}
			for _, option := range []string{"kafka.brokers", "registry.urls"} {
				if from := loaded.Source(option); from.Kind != config.FromDefault {
					return fmt.Errorf("%s is set (%s), but dev brings a cluster of its own; "+
						"use \"processor run\" with another", option, from)
				}
			}
			return dev(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), loaded)
		},
	}
	config.AddFlags(cmd.Flags())
	return cmd
}

// dev runs the whole thing until ctx ends.
func dev(ctx context.Context, out, logs io.Writer, loaded *config.Loaded) (err error) {
	c := loaded.Config
	logger := newLogger(logs, c.Log)
	cluster, err := local.Start(local.Options{
		Partitions: c.Topics.Partitions, Logger: clientLogger(logger, c.Log, "embedded-kafka"),
	})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, cluster.Close()) }()
	c.Kafka.Brokers, c.Registry.URLs = cluster.Brokers(), []string{cluster.RegistryURL()}
	if loaded.Source("store.directory").Kind == config.FromDefault {
		// The cluster is new with every start, and a store of the last one's would not fit it.
		if c.Store.Directory, err = os.MkdirTemp("", "refold-dev-"); err != nil {
			return fmt.Errorf("make a directory for the local stores: %w", err)
		}
		defer func() { err = errors.Join(err, os.RemoveAll(c.Store.Directory)) }()
	}
	worker, err := NewWorker(c, logger)
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
		greet(out, c, server)
		(&sampleLoad{config: c.Load, server: server, out: out, logger: logger}).run(ctx)
		return nil
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
		if !sleep(ctx, 50*time.Millisecond) {
			return false
		}
	}
}

// greet says what was started and what to try.
func greet(out io.Writer, c config.Config, server string) {
	fmt.Fprintf(out, `
Refold is running:
  embedded Kafka       %s   (in this process; it forgets everything when it stops)
  schema registry      %s
  worker and HTTP API  %s   (%s/openapi.json, %s/metrics)
  sample load          %g commands/s to %d accounts

Try, in another terminal:
  curl -s %s/accounts/%s
  curl -s '%s/accounts?limit=3'
  curl -s %s/accounts/%s/commands -H 'Content-Type: application/json' -H 'Prefer: wait=5' \
    -d '{"type": "DepositMoney", "data": {"amount": 500, "currency": "EUR"}}'

Ctrl-C stops it.

`, strings.Join(c.Kafka.Brokers, ","), c.Registry.URLs[0], server, server, server,
		c.Load.Rate, c.Load.Accounts, server, firstAccount, server, server, firstAccount)
}

// sampleLoad sends commands to a worker as users do, and tells how it goes.
type sampleLoad struct {
	config config.SampleLoad
	server string
	out    io.Writer
	logger *slog.Logger

	accepted, rejected, failed int
}

// reportInterval is the time between two progress lines.
const reportInterval = 10 * time.Second

func (l *sampleLoad) run(ctx context.Context) {
	if l.config.Rate <= 0 {
		<-ctx.Done()
		return
	}
	c, err := newClient(l.server, requestTimeout)
	if err != nil {
		l.logger.Error("sample load", "error", err)
		return
	}
	sampler := newSampler(l.config)
	report := time.NewTicker(reportInterval)
	defer report.Stop()
	due := time.NewTicker(time.Duration(float64(time.Second) / l.config.Rate))
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-due.C:
			l.send(ctx, c, sampler.next())
		case now := <-report.C:
			fmt.Fprintf(l.out, "%s  sample load: %d commands accepted, %d rejected, %d failed\n",
				now.Format(time.TimeOnly), l.accepted, l.rejected, l.failed)
		}
	}
}

func (l *sampleLoad) send(ctx context.Context, c *client, command sampleCommand) {
	body, err := command.body()
	if err != nil {
		l.logger.Error("sample load", "error", err)
		return
	}
	a, err := c.do(ctx, http.MethodPost, "/accounts/"+command.account+"/commands", body,
		map[string]string{"Prefer": "wait=5"})
	switch {
	case ctx.Err() != nil:
	case err != nil:
		l.failed++
		l.logger.Warn("sample load", "error", err)
	case a.status == http.StatusOK:
		l.accepted++
	case a.Command != nil:
		l.rejected++
	default:
		l.failed++
		l.logger.Warn("sample load", "error", a.problem())
	}
}
