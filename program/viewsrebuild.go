package program

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/client/wire"
	"refold/program/command"
)

func newViews() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "views",
		Short: "Show and rebuild the views of a worker",
		Args:  cobra.NoArgs,
		RunE:  command.ShowHelp,
	}
	cmd.AddCommand(newViewsList(), newViewsRebuild())
	return cmd
}

func newViewsList() *cobra.Command {
	var server string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show where the views of a worker stand, partition by partition",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := newClient(server)
			if err != nil {
				return err
			}
			views, err := c.Views(cmd.Context())
			if err != nil {
				return hinted(err)
			}
			if asJSON {
				fmt.Fprintln(cmd.OutOrStdout(), string(views.Raw))
				return nil
			}
			return showViews(cmd.OutOrStdout(), views.Views.Views)
		},
	}
	cmd.Flags().StringVar(&server, "server", "http://localhost:8080", "a worker's HTTP API")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the answer as JSON")
	return cmd
}

func showViews(out io.Writer, views []wire.View) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "VIEW\tPARTITION\tOFFSET\tLAG\tVERSION\tSTATE")
	for _, v := range views {
		for _, p := range v.Partitions {
			state := "serving"
			switch {
			case p.Restoring:
				state = "restoring"
			case p.Rebuilding:
				state = fmt.Sprintf("serving, being rebuilt: %d of %d", v.Rebuild.Next, v.Rebuild.End)
			case !v.Ready:
				state = v.Missing
			}
			lag, version := fmt.Sprint(p.Lag), v.Version
			if p.Lag < 0 {
				lag = "?"
			}
			if version == "" {
				version = "-"
			}
			fmt.Fprintf(w, "%s\t%d\t%d\t%s\t%s\t%s\n", v.Name, p.Partition, p.Offset, lag, version, state)
		}
	}
	return w.Flush()
}

type viewsRebuild struct {
	server, by            string
	partitions            []int32
	watch, detach, cancel bool
}

func newViewsRebuild() *cobra.Command {
	var r viewsRebuild
	cmd := &cobra.Command{
		Use:   "rebuild VIEW",
		Short: "Rebuild a view of a worker from offset zero, while it goes on serving",
		Long: `Rebuild a view of a worker from offset zero of its topic, while it goes on serving.

The worker makes one partition after the other again, beside the copy that is read. The new copy takes the
place of the old one when it has caught up. This needs disk space for one more partition. The rebuild
concerns one worker, which --server names.

The command shows the progress. You can close it: the rebuild goes on. --watch shows it again.

Exit codes: 0 the rebuild is done, 1 it has failed or was cancelled, or anything else.`,
		Example: `  processor views rebuild accounts-table
  processor views rebuild account-events --partition 3
  processor views rebuild accounts-table --watch
  processor views rebuild accounts-table --cancel`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if r.watch && r.cancel || r.watch && r.detach || r.cancel && r.detach {
				return errors.New("only one of --watch, --detach and --cancel can be meant")
			}
			c, err := newClient(r.server)
			if err != nil {
				return err
			}
			return r.run(cmd.Context(), cmd.OutOrStdout(), c, args[0])
		},
	}
	f := cmd.Flags()
	f.StringVar(&r.server, "server", "http://localhost:8080", "a worker's HTTP API")
	f.StringVar(&r.by, "by", command.Whoami(), "who asks, for the records")
	f.Int32SliceVar(&r.partitions, "partition", nil, "rebuild these partitions only")
	f.BoolVar(&r.watch, "watch", false, "ask for nothing: show the rebuild that is going on, or the last one")
	f.BoolVar(&r.detach, "detach", false, "ask for it and don't wait")
	f.BoolVar(&r.cancel, "cancel", false, "cancel the rebuild that is going on; what is done stays")
	return cmd
}

func (r *viewsRebuild) run(ctx context.Context, out io.Writer, c *client.Client, name string) error {
	switch {
	case r.cancel:
		if _, err := c.CancelViewRebuild(ctx, name); err != nil {
			return hinted(err)
		}
		fmt.Fprintf(out, "the rebuild of %s is cancelled\n", name)
		return nil
	case !r.watch:
		if _, err := c.RebuildView(ctx, name, r.by, r.partitions...); err != nil {
			return hinted(err)
		}
		if r.detach {
			fmt.Fprintf(out, "the rebuild of %s is asked for\n", name)
			return nil
		}
	}
	return watchViewRebuild(ctx, out, c, name)
}

// rebuildPause is how often the worker is asked how far a rebuild is.
const rebuildPause = 500 * time.Millisecond

// watchViewRebuild shows a rebuild until it ends: a line for each change.
func watchViewRebuild(ctx context.Context, out io.Writer, c *client.Client, name string) error {
	ticks := time.NewTicker(rebuildPause)
	defer ticks.Stop()
	for last := ""; ; {
		rebuild, err := rebuildOf(ctx, c, name)
		if err != nil {
			return err
		}
		if line := lineOf(rebuild); line != last {
			fmt.Fprintf(out, "%s: %s\n", name, line)
			last = line
		}
		switch rebuild.Stage {
		case wire.ViewRebuildDone:
			return nil
		case wire.ViewRebuildFailed, wire.ViewRebuildCancelled:
			return command.ExitError{Code: 1}
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// rebuildOf returns a view's latest rebuild.
func rebuildOf(ctx context.Context, c *client.Client, name string) (*wire.ViewRebuild, error) {
	views, err := c.Views(ctx)
	if err != nil {
		return nil, hinted(err)
	}
	names := make([]string, 0, len(views.Views.Views))
	for _, v := range views.Views.Views {
		names = append(names, v.Name)
		if v.Name != name && v.Topic != name {
			continue
		}
		if v.Rebuild == nil {
			return nil, fmt.Errorf("there was no rebuild of %s since the worker has started", name)
		}
		return v.Rebuild, nil
	}
	return nil, fmt.Errorf("there is no view %q; there are %s", name, strings.Join(names, ", "))
}

// lineOf says how far a rebuild is.
func lineOf(r *wire.ViewRebuild) string {
	of := fmt.Sprintf("%d of %d partitions", r.Done, len(r.Partitions))
	switch {
	case r.Stage == wire.ViewRebuildDone:
		return fmt.Sprintf("done, %s in %v", of, r.Ended.Sub(r.Began).Round(time.Millisecond))
	case r.Stage != wire.ViewRebuildRunning:
		return strings.TrimSuffix(fmt.Sprintf("%s after %s: %s", r.Stage, of, r.Reason), ": ")
	case r.Partition < 0 || r.End == 0:
		return of
	}
	return fmt.Sprintf("%s, partition %d: %d of %d offsets", of, r.Partition, r.Next, r.End)
}
