package operate

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"refold/logging"
	"refold/processors/deadletters"
	"refold/program/command"
)

func (p *commands) newDeadLetters() *cobra.Command {
	letters := &cobra.Command{
		Use:   "dead-letters",
		Short: "Look at the records that could not be handled, put them back or discard them",
		Long: `Look at the records that could not be handled, put them back or discard them.

A dead letter is named by its place in the dead-letter topic, PARTITION/OFFSET. It is open until you
replay or discard it, which is recorded. The bytes stay until the topic's retention.`,
		Args: cobra.NoArgs, RunE: command.ShowHelp,
	}
	letters.AddCommand(p.newDeadLettersList(), p.newDeadLettersShow(),
		p.newDeadLettersReplay(), p.newDeadLettersDiscard())
	return letters
}

// withQueue does something with the dead letters of the installation that the flags describe.
func (p *commands) withQueue(
	cmd *cobra.Command, do func(*deadletters.Queue, *command.Loaded) error,
) error {
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return err
	}
	c := loaded.Config
	opts, err := loaded.Kafka(nil).Options()
	if err != nil {
		return err
	}
	s := loaded.DeadLetters(opts, logging.New(cmd.ErrOrStderr(), c.Log))
	queue, err := deadletters.Open(cmd.Context(), s)
	if err != nil {
		return fmt.Errorf("%w (kafka.brokers: %s)", err, strings.Join(c.Kafka.Brokers, ","))
	}
	defer queue.Close()
	return command.Explained(do(queue, loaded))
}

// letterFilter are the flags that select dead letters.
type letterFilter struct {
	topic, reason, key, group, since, until string
	partition                               int32
	limit                                   int
}

func (f *letterFilter) add(flags *pflag.FlagSet, limit int, limitHelp string) {
	flags.StringVar(&f.topic, "topic", "", "came from this topic")
	flags.Int32Var(&f.partition, "partition", 0, "came from this partition")
	flags.StringVar(&f.reason, "reason", "", "were set aside for this reason, such as undecodable")
	flags.StringVar(&f.key, "key", "", "have this key")
	flags.StringVar(&f.group, "group", "", "were set aside by this consumer group")
	flags.StringVar(&f.since, "since", "",
		"were set aside at this time or later: RFC 3339, or a duration ago, such as 2h30m")
	flags.StringVar(&f.until, "until", "", "were set aside before this time; as --since")
	flags.IntVar(&f.limit, "limit", limit, limitHelp)
}

// selection returns what the flags and arguments select.
func (f *letterFilter) selection(
	flags *pflag.FlagSet, args []string, now time.Time,
) (deadletters.Selection, error) {
	s := deadletters.Selection{
		Topic: f.topic, Reason: f.reason, Group: f.group, Limit: f.limit,
	}
	if flags.Changed("partition") {
		s.Partition = &f.partition
	}
	if flags.Changed("key") {
		s.Key = &f.key
	}
	var errs []error
	if f.limit < 0 {
		errs = append(errs, errors.New("--limit can't be less than 0"))
	}
	moment := func(flag, text string) time.Time {
		t, err := command.ParseMoment(text, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		}
		return t
	}
	s.Since, s.Until = moment("since", f.since), moment("until", f.until)
	for _, arg := range args {
		ref, err := deadletters.ParseRef(arg)
		errs = append(errs, err)
		s.Refs = append(s.Refs, ref)
	}
	return s, errors.Join(errs...)
}

// mention says on standard error what else was found, so that standard output stays what was asked
// for.
func mention(w io.Writer, r deadletters.Reading, limit int) {
	if r.More {
		fmt.Fprintf(w, "there are more; --limit is %d\n", limit)
	}
	if r.Foreign > 0 {
		fmt.Fprintf(w, "%d records of the topic are no dead letters: somebody else wrote them\n",
			r.Foreign)
	}
}
