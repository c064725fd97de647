package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"refold/audittrail"
	"refold/kafka"
	"refold/logging"
	"refold/program/command"
	"refold/snapshots/rebuild"
)

// rebuild is the command that asks for a rebuild, and watches it.
type rebuildCommand struct {
	dryRun, watch, detach, cancel, list bool
	id, by                              string

	// audited does something of which the audit trail has a record.
	audited func(what, on string, do func() error) error
}

func (p *commands) newRebuild() *cobra.Command {
	var r rebuildCommand
	cmd := &cobra.Command{
		Use:   "rebuild AGGREGATE",
		Short: "Fold a table again from offset zero of its events, while commands go on",
		Long: `Fold a table again from offset zero of its events, while commands go on.

Each worker folds its own partitions, in the background, into a shadow of the table. Then, in short pauses
between two transactions, it writes the rows that differ. Rows that are right are not touched. A rebuild
runs only while all workers fold with the same version, and waits until they do.

The command shows the progress. You can close it: the rebuild goes on. --watch shows it again.

Exit codes: 0 the rebuild is done, 2 it is done, was a dry run, and there are differences,
1 it has failed or was cancelled, or anything else.`,
		Example: `  processor rebuild accounts --dry-run
  processor rebuild accounts
  processor rebuild accounts --watch
  processor rebuild accounts --cancel`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.validate(); err != nil {
				return err
			}
			return p.withRebuilds(cmd, args[0], func(
				ctx context.Context, loaded *command.Loaded, d *rebuild.Requests,
			) error {
				r.audited = func(what, on string, do func() error) error {
					return loaded.Audited(ctx, cmd.ErrOrStderr(), audittrail.Record{
						Who: r.by, What: what, On: on,
						Parameters: map[string]string{"dryRun": strconv.FormatBool(r.dryRun)},
					}, do)
				}
				return r.run(ctx, cmd.OutOrStdout(), d, args[0])
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	f := cmd.Flags()
	f.BoolVar(&r.dryRun, "dry-run", false, "compare only: write nothing, show some of the differences")
	f.BoolVar(&r.watch, "watch", false, "ask for nothing: show the rebuild that is going on, or the last one")
	f.BoolVar(&r.detach, "detach", false, "ask for it and don't wait")
	f.BoolVar(&r.cancel, "cancel", false, "cancel the rebuild that is going on; what is done stays")
	f.BoolVar(&r.list, "list", false, "show the partitions' fold versions and the latest rebuilds")
	f.StringVar(&r.id, "id", "", "with --watch: this rebuild")
	f.StringVar(&r.by, "by", "", "who asks, for the records (the user's name)")
	return cmd
}

func (r *rebuildCommand) validate() error {
	chosen := 0
	for _, is := range []bool{r.watch, r.detach, r.cancel, r.list} {
		if is {
			chosen++
		}
	}
	switch {
	case chosen > 1:
		return errors.New("only one of --watch, --detach, --cancel and --list can be meant")
	case r.dryRun && (r.watch || r.cancel || r.list):
		return errors.New("--dry-run is for a new rebuild")
	case r.id != "" && !r.watch:
		return errors.New("--id is for --watch")
	}
	if r.by == "" {
		r.by = command.Whoami()
	}
	return nil
}

// catchUpTimeout is how long reading the topic of rebuilds may take: it is small.
const catchUpTimeout = 30 * time.Second

// withRebuilds does something with the rebuilds of the installation that the flags describe.
func (p *commands) withRebuilds(
	cmd *cobra.Command, called string, do func(context.Context, *command.Loaded, *rebuild.Requests) error,
) error {
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return err
	}
	c := loaded.Config
	settings := loaded.Kafka(nil)
	partitions, err := tablePartitions(cmd.Context(), settings, loaded.Copartitioned())
	if err != nil {
		return command.Explained(
			fmt.Errorf("%w (kafka.brokers: %s)", err, strings.Join(c.Kafka.Brokers, ",")))
	}
	topic, err := rebuild.Open(rebuild.TopicOptions{
		Kafka: settings, Name: rebuild.TopicName(c.Topics.Prefix), StallAfter: c.Processor.StallAfter,
		Logger: logging.New(cmd.ErrOrStderr(), c.Log),
	})
	if err != nil {
		return err
	}
	defer topic.Close()
	requests := &rebuild.Requests{
		Topic: topic, Aggregates: loaded.Rebuildable(),
		Partitions: func() (int32, error) { return partitions, nil },
	}
	if _, err := requests.Overview(called); err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(cmd.Context(), catchUpTimeout)
	defer cancel()
	if err := topic.CatchUp(bounded); err != nil {
		return command.Explained(err)
	}
	return do(cmd.Context(), loaded, requests)
}

// tablePartitions asks how many partitions the aggregates' topics have.
func tablePartitions(ctx context.Context, settings kafka.Settings, topics []string) (int32, error) {
	client, err := settings.Client()
	if err != nil {
		return 0, err
	}
	defer client.Close()
	bounded, cancel := context.WithTimeout(ctx, catchUpTimeout)
	defer cancel()
	return kafka.Partitions(bounded, client, topics...)
}

func (r *rebuildCommand) run(ctx context.Context, w io.Writer, d *rebuild.Requests, called string) error {
	overviews, err := d.Overview(called)
	if err != nil {
		return err
	}
	of := overviews[0]
	switch {
	case r.list:
		showOverview(w, of)
		return nil
	case r.cancel:
		return r.withdraw(ctx, w, d, of)
	case r.watch:
		return r.attach(ctx, w, d, of)
	}
	var asked rebuild.Rebuild
	err = r.audited("rebuild", of.Aggregate, func() (err error) {
		asked, err = d.Ask(ctx, called, r.dryRun, r.by)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "rebuild %s of %s is asked for\n", asked.ID, of.Aggregate)
	if r.detach {
		return nil
	}
	return watchRebuild(ctx, w, d, asked.ID)
}

func (r *rebuildCommand) withdraw(
	ctx context.Context, w io.Writer, d *rebuild.Requests, of rebuild.Overview,
) error {
	for _, one := range of.Rebuilds {
		if one.Stage().Final() {
			continue
		}
		err := r.audited("rebuild/cancel", one.ID, func() error {
			_, err := d.Cancel(ctx, one.ID, r.by)
			return err
		})
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "rebuild %s is cancelled\n", one.ID)
		return nil
	}
	return fmt.Errorf("no rebuild of %s is going on", of.Aggregate)
}

func (r *rebuildCommand) attach(
	ctx context.Context, w io.Writer, d *rebuild.Requests, of rebuild.Overview,
) error {
	id := r.id
	if id == "" && len(of.Rebuilds) > 0 {
		id = of.Rebuilds[0].ID
	}
	if id == "" {
		return fmt.Errorf("nobody has asked for a rebuild of %s yet", of.Aggregate)
	}
	if _, err := d.Rebuild(id); err != nil {
		return err
	}
	return watchRebuild(ctx, w, d, id)
}
