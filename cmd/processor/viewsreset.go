package main

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
)

func newViews() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "views",
		Short: "Look after the views of a worker",
		Args:  cobra.NoArgs,
		RunE:  showHelp,
	}
	cmd.AddCommand(newViewsList(), newViewsReset())
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
				state = fmt.Sprintf("serving, being rebuilt: %d of %d", v.Reset.Next, v.Reset.End)
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

type viewsReset struct {
	server, by            string
	partitions            []int32
	watch, detach, cancel bool
}

func newViewsReset() *cobra.Command {
	var r viewsReset
	cmd := &cobra.Command{
		Use:   "reset VIEW",
		Short: "Rebuild a view of a worker from offset zero, while it goes on serving",
		Long: `Rebuild a view of a worker from offset zero of its topic, while it goes on serving.

One partition after the other is made anew beside the copy that is read, and takes its place when it has
come as far. That needs the disk space of one partition more. It is about one worker: --server says which.

The command shows how far it is, and may be closed: the reset goes on. --watch shows it again.

Exit codes: 0 the reset is done, 1 it has failed or was cancelled, or anything else.`,
		Example: `  processor views reset accounts-table
  processor views reset account-events --partition 3
  processor views reset accounts-table --watch
  processor views reset accounts-table --cancel`,
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
	f.StringVar(&r.by, "by", whoami(), "who asks, for the records")
	f.Int32SliceVar(&r.partitions, "partition", nil, "rebuild these partitions only")
	f.BoolVar(&r.watch, "watch", false, "ask for nothing: show the reset that is going on, or the last one")
	f.BoolVar(&r.detach, "detach", false, "ask for it and don't wait")
	f.BoolVar(&r.cancel, "cancel", false, "cancel the reset that is going on; what is done stays")
	return cmd
}

func (r *viewsReset) run(ctx context.Context, out io.Writer, c *client.Client, name string) error {
	switch {
	case r.cancel:
		if _, err := c.CancelReset(ctx, name); err != nil {
			return hinted(err)
		}
		fmt.Fprintf(out, "the reset of %s is cancelled\n", name)
		return nil
	case !r.watch:
		if _, err := c.ResetView(ctx, name, r.by, r.partitions...); err != nil {
			return hinted(err)
		}
		if r.detach {
			fmt.Fprintf(out, "the reset of %s is asked for\n", name)
			return nil
		}
	}
	return watchReset(ctx, out, c, name)
}

// resetPause is how often the worker is asked how far a reset is.
const resetPause = 500 * time.Millisecond

// watchReset shows a reset until it ends: a line for each change.
func watchReset(ctx context.Context, out io.Writer, c *client.Client, name string) error {
	ticks := time.NewTicker(resetPause)
	defer ticks.Stop()
	for last := ""; ; {
		reset, err := resetOf(ctx, c, name)
		if err != nil {
			return err
		}
		if line := lineOf(reset); line != last {
			fmt.Fprintf(out, "%s: %s\n", name, line)
			last = line
		}
		switch reset.Stage {
		case wire.ResetDone:
			return nil
		case wire.ResetFailed, wire.ResetCancelled:
			return exitError{1}
		}
		select {
		case <-ticks.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// resetOf returns a view's latest reset.
func resetOf(ctx context.Context, c *client.Client, name string) (*wire.Reset, error) {
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
		if v.Reset == nil {
			return nil, fmt.Errorf("there was no reset of %s since the worker has started", name)
		}
		return v.Reset, nil
	}
	return nil, fmt.Errorf("there is no view %q; there are %s", name, strings.Join(names, ", "))
}

// lineOf says how far a reset is.
func lineOf(r *wire.Reset) string {
	of := fmt.Sprintf("%d of %d partitions", r.Done, len(r.Partitions))
	switch {
	case r.Stage == wire.ResetDone:
		return fmt.Sprintf("done, %s in %v", of, r.Ended.Sub(r.Began).Round(time.Millisecond))
	case r.Stage != wire.ResetRunning:
		return strings.TrimSuffix(fmt.Sprintf("%s after %s: %s", r.Stage, of, r.Reason), ": ")
	case r.Partition < 0 || r.End == 0:
		return of
	}
	return fmt.Sprintf("%s, partition %d: %d of %d offsets", of, r.Partition, r.Next, r.End)
}
