// Command processor is Refold's worker, and the tools around it: see `processor help`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes, for scripts.
const (
	exitFailed      = 1 // something went wrong; standard error says what
	exitDifferences = 2 // topics plan, apply: differences remain
	exitRejected    = 3 // send: the command was rejected
	exitPending     = 4 // send --wait: there is no outcome yet
	exitNotFound    = 5 // get, dead-letters show: there is no such thing
	exitLeft        = 6 // dead-letters replay, discard: some could not be settled
)

// exitError is an error that has an exit code of its own. What there is to say has been said.
type exitError struct{ code int }

func (e exitError) Error() string { return fmt.Sprintf("exit code %d", e.code) }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop() // so that a second signal ends the process at once
	}()
	os.Exit(run(ctx, os.Args[1:]))
}

// run is the program without the process.
func run(ctx context.Context, args []string) int {
	root := newRoot(os.Environ())
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	var exit exitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.code
	default:
		fmt.Fprintln(root.ErrOrStderr(), "processor:", err)
		return exitFailed
	}
}
