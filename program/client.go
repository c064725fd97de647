package program

import (
	"errors"
	"fmt"
	"io"

	"refold/client"
	"refold/client/wire"
	"refold/program/command"
)

// newClient returns a client of the worker that --server names.
func newClient(server string) (*client.Client, error) {
	c, err := client.New([]string{server}, client.Options{})
	if err != nil {
		return nil, fmt.Errorf("--server %w", err)
	}
	return c, nil
}

// hinted adds to the error that no worker answers what may help.
func hinted(err error) error {
	if _, is := errors.AsType[*client.UnavailableError](err); is {
		return fmt.Errorf("%w (is one running? --server names another)", err)
	}
	return err
}

// missing prints that there is no such thing, as the worker says it, and returns the exit code for that. Any
// other error is returned.
func missing(w io.Writer, err error) error {
	if p, is := errors.AsType[*client.Problem](err); is && client.IsNotFound(err) {
		fmt.Fprintln(w, p.Detail)
		return command.ExitError{Code: command.ExitNotFound}
	}
	return hinted(err)
}

// span says which events came of a command.
func span(first, last int64) string {
	switch {
	case last < first:
		return "(nothing to do)"
	case last == first:
		return fmt.Sprintf("(event %d)", first)
	default:
		return fmt.Sprintf("(events %d to %d)", first, last)
	}
}

// tellCommand says in a line how a command fared.
func tellCommand(w io.Writer, c *wire.Command) {
	fmt.Fprintf(w, "%v: %s to %s %s",
		c.Status, c.Type, command.Legible(c.Aggregate), command.Legible(c.Subject))
	switch c.Status {
	case wire.StatusAccepted:
		fmt.Fprint(w, " ", span(c.FirstSequence, c.LastSequence))
	case wire.StatusRejected:
		fmt.Fprintf(w, ": %s: %s", c.Code, c.Message)
	}
	fmt.Fprintln(w)
}
