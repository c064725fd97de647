package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"refold/inventory"
	"refold/kafka"
	"refold/program/command"
)

func (p *commands) newTopics() *cobra.Command {
	topics := &cobra.Command{
		Use:   "topics",
		Short: "Compare the topics with what they should be, and make those that are missing",
		Args:  cobra.NoArgs, RunE: command.ShowHelp,
	}
	topics.AddCommand(
		p.newTopicsCommand("plan",
			"Show topics that are missing, lost or differ; exit code 2 if there are any",
			(*inventory.Catalog).Plan),
		p.newTopicsCommand("apply",
			"Make topics that never existed, change none; exit code 2 if others differ",
			(*inventory.Catalog).Settle),
		p.newTopicsAdopt(),
	)
	return topics
}

// topicsAction returns how topics differ, and which of them are not the installation's.
type topicsAction func(*inventory.Catalog, context.Context) ([]kafka.Difference, []error, error)

// topicsTimeout limits a command about topics.
const topicsTimeout = time.Minute

func (p *commands) newTopicsCommand(name, short string, act topicsAction) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), topicsTimeout)
			defer cancel()
			keeper := loaded.Inventory(inventory.Options{Create: true, By: command.Whoami()})
			return actOnTopics(ctx, cmd.OutOrStdout(), keeper, act)
		},
	}
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

func actOnTopics(ctx context.Context, w io.Writer, k *inventory.Catalog, act topicsAction) error {
	differences, findings, err := act(k, ctx)
	if err != nil {
		return err
	}
	for _, found := range findings {
		fmt.Fprintln(w, found)
	}
	for _, d := range differences {
		fmt.Fprintln(w, d)
	}
	if len(differences) > 0 || len(findings) > 0 {
		return command.ExitError{Code: command.ExitDifferences}
	}
	fmt.Fprintf(w, "%d topics are as they should be\n", len(k.Topics)+len(k.Ephemeral)+1)
	return nil
}

func (p *commands) newTopicsAdopt() *cobra.Command {
	var note string
	var all bool
	cmd := &cobra.Command{
		Use:   "adopt [TOPIC…]",
		Short: "Accept topics that were lost, as they are now",
		Long: `The installation remembers the ID of each of its topics. A topic that is missing, or
that was deleted and made again, is lost: workers handle nothing that belongs to it, and it is not
made again by itself. Adopt records that a person knows about the loss. If a topic of that name
exists, it becomes the installation's. If not, the next apply (or the start of a worker with
topics.create) makes it.

Adopt restores nothing. docs/runbooks/lost-topic.md says what each lost topic means, and what to do
before you start workers.`,
		Example: `  processor topics adopt accounts-table --note "deleted by mistake, ticket 4711"
  processor topics adopt --all --note "restored from the backup of Monday"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return errors.New("name the topics, or say --all; topics plan shows which are lost")
			}
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), topicsTimeout)
			defer cancel()
			k := loaded.Inventory(inventory.Options{By: command.Whoami()})
			records, err := k.Accept(ctx, note, named(k, loaded.Config.Topics.Prefix, args)...)
			if err != nil {
				return err
			}
			tellAdopted(cmd.OutOrStdout(), records)
			return nil
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().StringVar(&note, "note", "", "why, for whoever reads the records later")
	cmd.Flags().BoolVar(&all, "all", false, "all topics of the installation, as they are now")
	return cmd
}

// named returns the topics of these names, which may lack the prefix; all of them if there are no names.
func named(k *inventory.Catalog, prefix string, names []string) (topics []string) {
	known := make(map[string]bool, len(k.Topics))
	for _, spec := range k.Topics {
		known[spec.Name] = true
		if len(names) == 0 {
			topics = append(topics, spec.Name)
		}
	}
	for _, name := range names {
		if !known[name] && known[prefix+name] {
			name = prefix + name
		}
		topics = append(topics, name)
	}
	return topics
}

func tellAdopted(w io.Writer, records []inventory.Record) {
	for _, r := range records {
		switch {
		case r.ID == "":
			fmt.Fprintf(w, "%s: none instead of %s; it may be made anew\n", r.Topic, r.Instead)
		case r.Instead == "":
			fmt.Fprintf(w, "%s: %s\n", r.Topic, r.ID)
		default:
			fmt.Fprintf(w, "%s: %s instead of %s\n", r.Topic, r.ID, r.Instead)
		}
	}
	if len(records) == 0 {
		fmt.Fprintln(w, "nothing to adopt: the topics are those that the installation knows")
	}
}
