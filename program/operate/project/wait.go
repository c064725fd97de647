package project

import (
	"context"
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
		Short: "Wait until a projection shows a state at least that new",
		Long: `Wait until a projection shows a state at least that new.

The position is that of a command's answer, in the header X-Refold-Position.`,
		Example: "  processor project wait accounts_current account/alice@7",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			at, err := projections.ParsePosition(args[1])
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
					fmt.Fprintf(cmd.ErrOrStderr(), "%s does not show %s after %s\n", s.Name, at, timeout)
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
