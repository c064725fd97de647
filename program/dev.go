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
	"refold/installation"
	"refold/installation/stores"
	"refold/kafka"
	"refold/kafka/local"
	"refold/load"
	"refold/logging"
	"refold/processors"
	"refold/program/command"
	"refold/worker"
)

// devDefaults is what dev does differently: small, quick, and quiet. Each can be overridden but
// for the cluster, which is dev's own.
var devDefaults = map[string]string{
	"log.level": "warn", "topics.partitions": "4", "topics.replication-factor": "1",
	"registry.mode": "register", "registry.cache-directory": "", "kafka.session-timeout": "6s",
	"projections.sqlite.path": "projections.db", "console.allow": "command,operate",
}

func (p *program) newDev() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Start everything in one process: Kafka, registry, worker, sample load",
		Long: `Start an embedded Kafka cluster and schema registry, a worker with its HTTP API, and a small
steady sample load, all in this process. Nothing is kept: all data is lost when it stops.`,
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
	in := p.Install(c)
	in.From = loaded.From
	worker, err := worker.New(in, logger, p.extensions...)
	if err != nil {
		return err
	}
	registry, opened, err := in.Open(nil)
	if err != nil {
		return err
	}
	defer registry.Close()
	sample := p.sample(c.Load, opened)
	server := "http://" + worker.Address()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { return worker.Run(ctx) })
	group.Go(func() error {
		if !waitReady(ctx, server) {
			return nil
		}
		if err := sample.greet(out, in, server); err != nil {
			return err
		}
		return sample.drive(ctx, out, server)
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

// greeting says what was started.
var greeting = template.Must(template.New("greeting").Parse(`
Refold is running:
  embedded Kafka       {{.Brokers}}   (in this process; it forgets everything when it stops)
  schema registry      {{.Registry}}
  worker and HTTP API  {{.Server}}   ({{.Server}}/openapi.json, {{.Server}}/metrics)
{{- if .Console}}
  console              {{.Server}}/console/   (pages to look at it all; here you may do everything){{end}}
  sample load          {{.Load.Rate}} commands/s to {{.Load.Keys}} keys
{{- with .Database}}
  read models          {{.}}   (SQLite){{end}}

Try, in another terminal:
{{.Try}}
Ctrl-C stops it.

`))

// sample is the sample load of dev.
type sample struct {
	config config.SampleLoad
	plan   load.Plan
	run    load.Run
}

// sample returns the sample load. The cluster is new with every start: IDs need no name in front.
func (p *program) sample(c config.SampleLoad, opened *processors.Opened) *sample {
	return &sample{c, p.traffic.Demo(c.Keys), load.Run{
		Aggregates: opened.Aggregates, Seed: uint64(c.Seed), TwiceShare: sampleTwiceShare,
	}}
}

// greet says what was started and what to try.
func (s *sample) greet(out io.Writer, in *installation.Installation, server string) error {
	c, database := in.Config, ""
	if c.Projections.SQLite.Path != "" && len(in.Projections()) > 0 {
		var err error
		if database, err = stores.Path(in); err != nil {
			return err //nolint:wrapcheck // it names the option
		}
	}
	if err := greeting.Execute(out, map[string]any{
		"Brokers": strings.Join(c.Kafka.Brokers, ","), "Registry": c.Registry.URLs[0],
		"Server": server, "Console": c.Console.Enabled, "Load": c.Load, "Database": database,
		"Try": s.plan.Try(s.run, server),
	}); err != nil {
		return fmt.Errorf("greet: %w", err)
	}
	return nil
}

// drive sends the commands to the worker, and prints how it goes.
func (s *sample) drive(ctx context.Context, out io.Writer, server string) error {
	if s.config.Rate <= 0 {
		<-ctx.Done()
		return nil
	}
	system, err := load.NewHTTP([]string{server}, sampleConcurrency)
	if err != nil {
		return err
	}
	defer system.Close()
	d := load.NewDriver(load.Options{
		Traffic: s.plan.Begin(s.run), System: system, Stories: s.plan.Stories(),
		Rate: s.config.Rate, Concurrency: sampleConcurrency, PerLane: s.plan.PerLane(),
		Patience: time.Minute, OpenStories: maxOpenStories,
	})
	go d.Report(ctx, out, sampleReport)
	return d.Run(ctx)
}

const (
	// sampleConcurrency is enough for the highest rate that a worker takes over HTTP.
	sampleConcurrency = 64
	// sampleReport is seldom enough to leave the greeting in sight for a while.
	sampleReport     = 10 * time.Second
	sampleTwiceShare = .04
)
