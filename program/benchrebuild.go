package program

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"

	"refold/config"
	"refold/logging"
	"refold/processors/accounts"
	"refold/snapshots/rebuild"
)

// rebuildOptions say what is refolded.
type rebuildOptions struct {
	bench         benchOptions
	events, wrong int
	share         float64
	cache         string
	duration      time.Duration
	rest          time.Duration // between two rebuilds
}

func (p *program) newBenchRebuild() *cobra.Command {
	o := rebuildOptions{bench: benchOptions{definitions: p.Definitions}}
	cmd := &cobra.Command{
		Use:   "rebuild",
		Short: "Measure a rebuild: how fast it folds, and what live commands notice of it",
		Long: `Measure a rebuild: how fast it folds, and what live commands notice of it.

Events of accounts are written, and their rows, some of which are not what the events make of them. Then a
worker starts, in a process of its own, and is asked for a rebuild.

Without --rate nothing else goes on, and the worker may use a whole core for it. With --rate commands come
at a fixed rate for --duration, while rebuilds run and don't run by turns, within the limits that workers
have by default; latency is counted from when a command was due to when a read-committed reader has its
result.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := o.validateRebuild(); err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), o.bench.timeout)
			defer cancel()
			r := &rebuildBench{
				benchRun:       newBenchRun(o.bench, cmd.OutOrStdout(), cmd.ErrOrStderr()),
				rebuildOptions: o,
			}
			return r.with(ctx, r.topics(), func() error { return r.run(ctx) })
		},
	}
	f := cmd.Flags()
	o.bench.clusterFlags(f)
	f.IntVar(&o.events, "events", 4_000_000, "how many events")
	f.IntVar(&o.bench.keys, "keys", 1_000_000, "how many accounts they are of")
	f.IntVar(&o.wrong, "wrong", 1_000, "how many of their rows are wrong")
	f.IntVar(&o.bench.partitions, "partitions", 1, "of each topic")
	f.Float64Var(&o.bench.rate, "rate", 0, "commands a second meanwhile")
	f.DurationVar(&o.duration, "duration", time.Minute, "with --rate: how long commands come")
	f.DurationVar(&o.rest, "rest", 10*time.Second, "with --rate: the time between two rebuilds")
	f.Float64Var(&o.share, "cpu-share", 0,
		"rebuild.cpu-share of the worker; 0: 1, or with --rate the default")
	f.StringVar(&o.cache, "cache-bytes", "", "rebuild.cache-bytes of the worker; default: as is the worker's")
	return cmd
}

func (o *rebuildOptions) validateRebuild() error {
	switch {
	case o.bench.keys < 1 || o.events < o.bench.keys || o.wrong < 0 || o.wrong > o.bench.keys:
		return fmt.Errorf("--events is %d, --keys %d and --wrong %d; there must be one key, an event for "+
			"each at least, and no more wrong rows than keys", o.events, o.bench.keys, o.wrong)
	case o.bench.partitions < 1:
		return fmt.Errorf("--partitions is %d; it must be at least 1", o.bench.partitions)
	case o.bench.rate < 0:
		return fmt.Errorf("--rate is %g; it must not be negative", o.bench.rate)
	case o.rest <= 0:
		return fmt.Errorf("--rest is %v; it must be more than 0", o.rest)
	case o.bench.rate > 0 && o.duration <= 2*o.rest:
		return fmt.Errorf("--duration is %v; it must be more than twice --rest, %v", o.duration, o.rest)
	}
	if o.share == 0 && o.bench.rate == 0 {
		o.share = 1
	}
	return nil
}

// rebuildBench is one measurement of rebuilds.
type rebuildBench struct {
	*benchRun
	rebuildOptions
	bank     *benchBank
	requests *rebuild.Requests
}

func (r *rebuildBench) run(ctx context.Context) error {
	subject, err := r.openAccounts(ctx)
	if err != nil {
		return err
	}
	defer subject.close()
	r.bank = &benchBank{
		accountsSubject: subject, table: accounts.Definition.Topics(r.prefix).Table,
		keys: r.keys, events: r.events, wrong: r.wrong,
	}
	r.subject = r.bank
	if err := r.fill(ctx); err != nil {
		return err
	}
	topic, err := rebuild.Open(rebuild.TopicOptions{
		Kafka: r.kafka, Name: rebuild.TopicName(r.prefix), StallAfter: time.Minute,
		Logger: logging.New(r.logs, config.Log{Level: "warn", Clients: "warn", Format: "text"}),
	})
	if err != nil {
		return err
	}
	defer topic.Close()
	r.requests = &rebuild.Requests{
		Topic: topic, Aggregates: r.install().Rebuildable(),
		Partitions: func() (int32, error) { return int32(r.partitions), nil },
	}
	if r.rate > 0 {
		return r.underLoad(ctx)
	}
	return r.alone(ctx)
}

// fill writes the events, the rows, and the group's offsets: with rows and without offsets, workers don't
// start.
func (r *rebuildBench) fill(ctx context.Context) error {
	begin := time.Now()
	eventBytes, err := r.write(ctx, "events", r.events, r.bank.event)
	if err != nil {
		return err
	}
	rowBytes, err := r.write(ctx, "rows", r.keys, r.bank.row)
	if err != nil {
		return err
	}
	topics := accounts.Definition.Topics(r.prefix)
	var offsets kadm.Offsets
	for p := range r.partitions {
		offsets.AddOffset(topics.Commands, int32(p), 0, -1)
	}
	if err := kadm.NewClient(r.client).CommitAllOffsets(ctx, topics.Group, offsets); err != nil {
		return fmt.Errorf("commit the offsets of %s: %w", topics.Group, err)
	}
	fmt.Fprintf(r.out, "%s events of %s accounts, %d bytes each, and rows of %d bytes, %s of them wrong, "+
		"written in %v; the worker starts\n", number(r.events), number(r.keys),
		eventBytes/int64(r.events), rowBytes/int64(r.keys), number(r.wrong),
		time.Since(begin).Round(time.Millisecond))
	return nil
}

// rebuildWorker starts the worker.
func (r *rebuildBench) rebuildWorker(ctx context.Context) (*benchWorker, error) {
	args := r.subject.worker(r.benchRun)
	args = append(args, "--topics.partitions", strconv.Itoa(r.partitions))
	if r.share > 0 {
		args = append(args, "--rebuild.cpu-share", strconv.FormatFloat(r.share, 'g', -1, 64))
	}
	if r.cache != "" {
		args = append(args, "--rebuild.cache-bytes", r.cache)
	}
	return r.start(ctx, args)
}

// spent is what a part of a rebuild took.
type spent struct{ wall, cpu time.Duration }

// rebuild asks for a rebuild, waits until it is done, and tells what each of its stages took: the worker
// refolds one partition after the other, so at any time there is one stage that it is at.
func (r *rebuildBench) rebuild(
	ctx context.Context, worker *benchWorker,
) (rebuild.PartitionProgress, map[rebuild.Stage]spent, error) {
	asked, err := r.requests.Ask(ctx, accounts.Definition.Plural, false, "bench")
	if err != nil {
		return rebuild.PartitionProgress{}, nil, err
	}
	took := make(map[rebuild.Stage]spent)
	stage, at, cpu := rebuild.Waiting, time.Now(), processorTime(worker.pid())
	for {
		var now rebuild.PartitionProgress
		changed := r.requests.Topic.Look(func(s *rebuild.State) {
			if one, known := s.Rebuild(asked.ID); known {
				now = one.Totals()
			}
		})
		if now.Stage != stage && now.Stage != "" {
			t, c := time.Now(), processorTime(worker.pid())
			s := took[stage]
			took[stage] = spent{s.wall + t.Sub(at), s.cpu + c - cpu}
			stage, at, cpu = now.Stage, t, c
		}
		switch {
		case now.Stage == rebuild.Done:
			return now, took, nil
		case now.Stage.Final():
			return now, nil, fmt.Errorf("the rebuild is %s: %s", now.Stage, now.Reason)
		}
		select {
		case <-changed:
		case <-worker.ended:
			return now, nil, fmt.Errorf("the worker ended: %w", worker.err)
		case <-ctx.Done():
			return now, nil, fmt.Errorf("the rebuild was %s: %w", stage, ctx.Err())
		}
	}
}

// alone measures a rebuild while nothing else goes on.
func (r *rebuildBench) alone(ctx context.Context) error {
	worker, err := r.rebuildWorker(ctx)
	if err != nil {
		return err
	}
	outcome, took, err := r.rebuild(ctx, worker)
	used, stopErr := worker.stop()
	if err := errors.Join(err, stopErr); err != nil {
		return err
	}
	if int(outcome.Changed) != r.wrong || int(outcome.Equal) != r.keys-r.wrong {
		return fmt.Errorf("%d rows were wrong, and the rebuild has found %d changed, %d equal", r.wrong,
			outcome.Changed, outcome.Equal)
	}
	r.pacing("fold, events/s", outcome.EventsRead, took[rebuild.Folding])
	r.pacing("compare, rows/s", int64(r.keys), took[rebuild.Comparing])
	r.row("put right", "%s rows in %v, in %d steps between transactions, the longest of %.1f ms",
		number(int(outcome.Changed)), took[rebuild.Closing].wall.Round(time.Millisecond), outcome.Steps,
		outcome.LongestStep*1000)
	if used.peak > 0 {
		r.row("worker memory, peak", "%d MiB", used.peak>>20)
	}
	return nil
}

// pacing prints how fast a stage went.
func (r *rebuildBench) pacing(name string, n int64, took spent) {
	r.row(name, "%s; %s a second of processor time; %.2f s",
		perSecond(int(n), took.wall), perSecond(int(n), took.cpu), took.wall.Seconds())
}
