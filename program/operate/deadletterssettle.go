package operate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"refold/audittrail"
	"refold/logging"
	"refold/processors/deadletters"
	"refold/program/command"
)

// lettersSettle is replay and discard.
type lettersSettle struct {
	disposition      deadletters.Disposition
	filter           letterFilter
	note             string
	all, dryRun, yes bool
}

const settleHelp = `
Select dead letters by their places, or by flags, all of which must be true. --all selects all open ones.
On a terminal the command asks before it does anything, unless you give --yes. A dead letter that was
replayed or discarded before stays as it is. You can run the same command again, after it died half-way
or while another one runs: it settles nothing twice.

Exit codes: 0 all of them are settled now, 6 some could not be settled (each is named, with the reason),
1 anything else: what was reported as done is done, and the same command again goes on with the rest.`

func (p *commands) newDeadLettersReplay() *cobra.Command {
	l := &lettersSettle{disposition: deadletters.Replayed}
	return p.newDeadLettersSettle(l, &cobra.Command{
		Use:   "replay [PARTITION/OFFSET …]",
		Short: "Put records back into the topic that they came from",
		Long: `Put records back into the topic where they are handled again. Key, value and headers
are as they came; the header refold_replayed is added, which names the dead letter. A record that
fails again comes back as a new dead letter.
` + settleHelp,
		Example: `  processor dead-letters replay 2/57
  processor dead-letters replay --reason unknown-schema --since 24h --dry-run`,
	})
}

func (p *commands) newDeadLettersDiscard() *cobra.Command {
	l := &lettersSettle{disposition: deadletters.Discarded}
	return p.newDeadLettersSettle(l, &cobra.Command{
		Use:   "discard [PARTITION/OFFSET …]",
		Short: "Mark dead letters as done with; the bytes stay until the topic's retention",
		Long: `Mark dead letters as done with: list no longer shows them, and replay does not put
them back. This can be undone only by hand. The bytes stay until the topic's retention.
` + settleHelp,
		Example: `  processor dead-letters discard 2/57 --note "test data of the shop's team"`,
	})
}

func (p *commands) newDeadLettersSettle(l *lettersSettle, cmd *cobra.Command) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		s, err := l.filter.selection(cmd.Flags(), args, time.Now())
		if err != nil {
			return err
		}
		if err := l.clear(s); err != nil {
			return err
		}
		return p.withQueue(cmd, func(queue *deadletters.Queue, loaded *command.Loaded) error {
			return l.run(cmd.Context(), cmd, loaded, queue, s)
		})
	}
	flags := cmd.Flags()
	l.filter.add(flags, 0, "settle so many at most; 0: all")
	flags.StringVar(&l.note, "note", "", "why; kept with what is remembered of them")
	flags.BoolVar(&l.all, "all", false, "all that are open")
	flags.BoolVar(&l.dryRun, "dry-run", false, "only say what would be done")
	flags.BoolVar(&l.yes, "yes", false, "don't ask")
	p.Options.AddFlags(flags)
	return cmd
}

// clear reports whether it is clear which dead letters are meant: a flag that was forgotten must not
// mean all.
func (l *lettersSettle) clear(s deadletters.Selection) error {
	ways := 0
	for _, used := range []bool{len(s.Refs) > 0, s.Filtered(), l.all} {
		if used {
			ways++
		}
	}
	switch {
	case ways == 0:
		return errors.New("which? Name them (PARTITION/OFFSET), select some by flags, or say --all " +
			"for all that are open")
	case ways > 1:
		return errors.New("name dead letters, or select some by flags, or say --all; only one of them")
	case len(l.note) > maxNote:
		return fmt.Errorf("--note has %d bytes; at most %d are allowed", len(l.note), maxNote)
	}
	return nil
}

// maxNote limits the note: it is kept with every marker.
const maxNote = 1024

func (l *lettersSettle) run(
	ctx context.Context, cmd *cobra.Command, loaded *command.Loaded, queue *deadletters.Queue,
	s deadletters.Selection,
) error {
	s.Open = len(s.Refs) == 0 // of those that were named, also what was done already is told
	s, err := queue.Pin(ctx, s)
	if err != nil {
		return err
	}
	if !l.dryRun && !l.yes && logging.IsTerminal(cmd.OutOrStdout()) {
		agreed, err := l.ask(ctx, cmd, queue, s)
		if err != nil || !agreed {
			return err
		}
	}
	if l.dryRun {
		return l.settle(ctx, cmd, queue, s)
	}
	return loaded.Audited(ctx, cmd.ErrOrStderr(), l.record(cmd, s), func() error {
		return l.settle(ctx, cmd, queue, s)
	})
}

// record is what the audit trail keeps.
func (l *lettersSettle) record(cmd *cobra.Command, s deadletters.Selection) audittrail.Record {
	r := audittrail.Record{
		What: "dead-letters/" + strings.Fields(cmd.Use)[0], Parameters: map[string]string{},
	}
	if len(s.Refs) == 1 {
		r.On = "dead letter " + s.Refs[0].String()
		r.Path = "/console/dead-letters/" + s.Refs[0].String()
	} else if len(s.Refs) > 1 {
		r.On = fmt.Sprint(s.Refs)
	}
	for _, name := range []string{
		"topic", "partition", "reason", "key", "group", "since", "until", "limit", "all", "note",
	} {
		if f := cmd.Flags().Lookup(name); f.Changed {
			r.Parameters[name] = f.Value.String()
		}
	}
	return r
}

func (l *lettersSettle) settle(
	ctx context.Context, cmd *cobra.Command, queue *deadletters.Queue, s deadletters.Selection,
) error {
	action := deadletters.Action{
		Disposition: l.disposition, By: command.Whoami(), Note: l.note, Time: time.Now(), DryRun: l.dryRun,
	}
	out := cmd.OutOrStdout()
	var count deadletters.Tally
	reading, err := queue.Settle(ctx, s, action, func(r deadletters.Report) error {
		count[r.Status]++
		return l.tell(out, r)
	})
	mention(cmd.ErrOrStderr(), reading, s.Limit)
	l.conclude(out, count)
	if err != nil {
		return err
	}
	if count[deadletters.Impossible] > 0 {
		return command.ExitError{Code: command.ExitLeft}
	}
	return nil
}

func (l *lettersSettle) tell(w io.Writer, r deadletters.Report) error {
	var text string
	switch r.Status {
	case deadletters.Done:
		text = l.done()
		if r.Topic != "" {
			text += " to " + r.Topic
		}
		text += fmt.Sprintf(": %s, key \"%s\"", r.Letter.Reason, command.Shortened(string(r.Letter.Key), 64))
	case deadletters.Already:
		text = "not again: " + settledText(r.Letter.Settled)
	case deadletters.Impossible:
		text = fmt.Sprintf("not %s: %s", l.disposition, command.Legible(r.Err.Error()))
	}
	_, err := fmt.Fprintf(w, "%-10s %s\n", r.Ref, text)
	return err
}

func (l *lettersSettle) done() string {
	if l.dryRun {
		return "would be " + string(l.disposition)
	}
	return string(l.disposition)
}

func (l *lettersSettle) conclude(w io.Writer, c deadletters.Tally) {
	fmt.Fprintf(w, "%d %s", c[deadletters.Done], l.done())
	if n := c[deadletters.Already]; n > 0 {
		fmt.Fprintf(w, ", %d settled before", n)
	}
	if n := c[deadletters.Impossible]; n > 0 {
		fmt.Fprintf(w, ", %d can't be", n)
	}
	fmt.Fprintln(w)
}

// ask counts what would be done, and asks whether it shall be.
func (l *lettersSettle) ask(
	ctx context.Context, cmd *cobra.Command, queue *deadletters.Queue, s deadletters.Selection,
) (bool, error) {
	tally, last, err := queue.Preview(ctx, s, l.disposition)
	if err != nil {
		return false, err
	}
	n := tally[deadletters.Done]
	if n == 0 {
		return true, nil // Settle says why there is nothing to do
	}
	out := cmd.OutOrStdout()
	what := fmt.Sprintf("%d dead letters", n)
	if n == 1 {
		what = fmt.Sprintf("dead letter %s", last.Ref)
	}
	fmt.Fprintf(out, "%s shall be %s. Go on? [y/N] ", what, l.disposition)
	answer, err := bufio.NewReader(cmd.InOrStdin()).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return false, fmt.Errorf("read the answer: %w", err)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return true, nil
	}
	fmt.Fprintln(out, "nothing was done")
	return false, command.ExitError{Code: command.ExitFailed}
}
