package program

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"refold/client"
	"refold/client/wire"
	"refold/program/command"
)

type traceOptions struct {
	server      string
	json, ascii bool
}

func (p *program) newTrace() *cobra.Command {
	var o traceOptions
	cmd := &cobra.Command{
		Use:   "trace ID",
		Short: "Draw all messages that a command has led to",
		Long: `Draw all messages that a command has led to, across aggregates, by the HTTP API of a worker.
ID is the ID of the first command: the correlation ID of all messages that followed.

Each message is below the message that caused it, with the time that passed between the two. The first
message has its time of day (UTC). Times are those at which the messages were written, in milliseconds. The
time of a command is set by its sender.

Exit codes: 0 drawn, 5 there is no such trace, 1 anything else.`,
		Example: `  processor trace salary-november
  processor trace salary-november --json | jq .durationMs`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := newClient(o.server)
			if err != nil {
				return err
			}
			o.ascii = o.ascii || !p.speaksUTF8()
			return o.show(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr(), c, args[0])
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.server, "server", "http://localhost:8080", "a worker's HTTP API")
	flags.BoolVar(&o.json, "json", false, "print the answer as JSON")
	flags.BoolVar(&o.ascii, "ascii", false, "draw with plain ASCII, as it is done if the locale has no UTF-8")
	return cmd
}

// speaksUTF8 reports whether the terminal does, by the locale. Containers often name none.
func (p *program) speaksUTF8() bool {
	locale := ""
	for _, name := range []string{"LANG", "LC_CTYPE", "LC_ALL"} { // the last that is set counts
		for _, variable := range p.Environ {
			if value, is := strings.CutPrefix(variable, name+"="); is && value != "" {
				locale = strings.ToLower(value)
			}
		}
	}
	return locale == "" || strings.Contains(locale, "utf-8") || strings.Contains(locale, "utf8")
}

func (o *traceOptions) show(ctx context.Context, out, log io.Writer, c *client.Client, id string) error {
	trace, err := c.Trace(ctx, id)
	switch {
	case err != nil:
		return missing(log, err)
	case o.json:
		fmt.Fprintln(out, string(trace.Raw))
		return nil
	}
	if _, err := io.WriteString(out, drawTrace(&trace.Trace, o.ascii)); err != nil {
		return err
	}
	if trace.Truncated {
		fmt.Fprintf(log, "there are more messages; the worker gives the first %d (its option "+
			"http.trace-nodes)\n", trace.Limit)
	}
	return nil
}

// pen is what a trace is drawn with.
type pen struct {
	branch, last, trunk, none                               string
	command, event, accepted, rejected, unknown, deadLetter string
}

var (
	finePen = pen{
		branch: "├─ ", last: "└─ ", trunk: "│  ", none: "   ",
		command: "▸ ", event: "● ", accepted: "✓ ", rejected: "✗ ", unknown: "? ", deadLetter: "! ",
	}
	asciiPen = pen{
		branch: "|- ", last: "`- ", trunk: "|  ", none: "   ",
		command: "> ", event: "* ", accepted: "+ ", rejected: "x ", unknown: "? ", deadLetter: "! ",
	}
)

// traceLine is a message in columns.
type traceLine struct{ step, what, where, more string }

// drawTrace returns a trace as text.
func drawTrace(t *wire.Trace, ascii bool) string {
	d := drawing{pen: finePen}
	if ascii {
		d.pen = asciiPen
	}
	for i := range t.Roots {
		d.add(&t.Roots[i], nil, "", "")
	}
	var step, what, where int // the columns' widths
	for _, l := range d.lines {
		step = max(step, utf8.RuneCountInString(l.step))
		what = max(what, utf8.RuneCountInString(l.what))
		where = max(where, utf8.RuneCountInString(l.where))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s within %s\n\n", command.Legible(t.CorrelationID), countsOf(t),
		shortTime(time.Duration(t.DurationMS)*time.Millisecond))
	for _, l := range d.lines {
		line := fmt.Sprintf("%*s  %-*s  %-*s  %s", step, l.step, what, l.what, where, l.where, l.more)
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// countsOf says how many messages there are in a trace.
func countsOf(t *wire.Trace) string {
	var parts []string
	for _, c := range []struct {
		n    int
		name string
	}{
		{t.Commands, "command"},
		{t.Events, "event"},
		{t.Results, "result"},
		{t.DeadLetters, "dead letter"},
	} {
		switch {
		case c.n == 1:
			parts = append(parts, "1 "+c.name)
		case c.n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", c.n, c.name))
		}
	}
	return strings.Join(parts, ", ")
}

type drawing struct {
	pen

	lines []traceLine
}

// add draws a message and all below it. own is what stands before it, below what stands before its
// children.
func (d *drawing) add(n, cause *wire.TraceNode, own, below string) {
	l := traceLine{
		step: n.Time.UTC().Format("15:04:05.000"), what: own + d.what(n),
		where: strings.TrimSpace(command.Legible(n.Aggregate) + " " + command.Legible(n.Subject)),
		more:  moreOf(n),
	}
	if cause != nil {
		l.step = shortTime(n.Time.Sub(cause.Time))
		if n.Time.Compare(cause.Time) >= 0 {
			l.step = "+" + l.step
		}
	}
	d.lines = append(d.lines, l)
	for i := range n.Children {
		own, next := below+d.branch, below+d.trunk
		if i == len(n.Children)-1 {
			own, next = below+d.last, below+d.none
		}
		d.add(&n.Children[i], n, own, next)
	}
}

// what is a message's mark and name.
func (d *drawing) what(n *wire.TraceNode) string {
	name := command.Legible(n.Type)
	switch {
	case n.Kind == wire.KindCommand:
		return d.command + name
	case n.Kind == wire.KindEvent:
		return d.event + name
	case n.Kind == wire.KindDeadLetter:
		return d.deadLetter + "dead letter"
	case n.Outcome == wire.StatusAccepted:
		return d.accepted + n.Outcome
	case n.Outcome == wire.StatusRejected:
		return d.rejected + n.Outcome + ": " + command.Legible(n.Code)
	}
	return d.unknown + command.Legible(string(n.Kind))
}

// moreOf is what else there is to say of a message.
func moreOf(n *wire.TraceNode) string {
	var parts []string
	switch {
	case n.Kind == wire.KindEvent:
		parts = append(parts, fmt.Sprintf("event %d", n.Sequence))
	case n.Kind == wire.KindDeadLetter:
		parts = append(parts, fmt.Sprintf("%s, %s (dead-letters show %d/%d)",
			command.Legible(n.Reason), command.Legible(n.Type), n.Partition, n.Offset))
	case n.Outcome == wire.StatusAccepted:
		parts = append(parts, span(n.FirstSequence, n.LastSequence))
	case n.Message != "":
		parts = append(parts, command.Legible(n.Message))
	}
	if n.Repeated {
		parts = append(parts, "again")
	}
	if n.Orphan {
		parts = append(parts, "its cause is not here: "+command.Legible(n.CausationID))
	}
	return strings.Join(parts, "; ")
}

// shortTime is a time in milliseconds as people write it: 0ms, 3ms, 1.204s.
func shortTime(d time.Duration) string {
	if d = d.Round(time.Millisecond); d == 0 {
		return "0ms"
	}
	return d.String()
}
