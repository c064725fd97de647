package project

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"refold/program/command"
	"refold/projections"
)

func (p *commands) newWait() *cobra.Command {
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "wait NAME POSITION",
		Short: "Wait until readers of a projection see a position",
		Long: `Wait until readers of a projection see a position.

That is a state of an aggregate at least as new, as in the header X-Refold-Position of a command's answer:
account/alice@7. Or it is a record of an events topic, with all before it in its partition, such as the last
one of a bulk load: account-events:3@1234.`,
		Example: `  processor project wait accounts_current account/alice@7
  processor project wait accounts_current account-events:3@1234 --timeout 1m`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := projections.ParsePoint(args[1])
			if err != nil {
				return err //nolint:wrapcheck // it says what is wrong with the argument
			}
			return p.withStores(cmd, func(ctx context.Context, o *opened) error {
				s, err := o.named(args[0])
				if err != nil {
					return err
				}
				limited, cancel := context.WithTimeout(ctx, timeout)
				defer cancel()
				err = projections.Wait(limited, s.Store, &s.Projection, at)
				if err != nil && limited.Err() != nil && ctx.Err() == nil {
					why := ""
					if errors.Is(err, projections.ErrNoBuild) {
						why = ": no build is live yet"
					}
					fmt.Fprintf(cmd.ErrOrStderr(), "%s does not show %s after %s%s\n", s.Name, at, timeout,
						why)
					return command.ExitError{Code: command.ExitPending}
				}
				return err //nolint:wrapcheck // it says what was waited for
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().DurationVar(&timeout, "timeout", 10*time.Second,
		"how long to wait at most; then the exit code is 4")
	return cmd
}
