package operate

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/operator"
	"refold/program/command"
)

func (p *commands) newTransactions() *cobra.Command {
	transactions := &cobra.Command{
		Use:   "transactions",
		Short: "Find transactions that are open for too long, and abort them",
		Long: `Find transactions that are open for too long, and abort them.

Workers and views read only committed records, up to the first record of an open transaction. A transaction
that its producer has left open stops a partition until the transaction's time-out has passed. A hanging
transaction, which no coordinator knows any more, stops it forever.`,
		Args: cobra.NoArgs, RunE: command.ShowHelp,
	}
	transactions.AddCommand(p.newTransactionsList(), p.newTransactionsAbort())
	return transactions
}

// transactionsTimeout is how long brokers may take for their answers.
const transactionsTimeout = 30 * time.Second

// withProgramsTopics does something with the topics of the program.
func (p *commands) withProgramsTopics(
	cmd *cobra.Command, do func(ctx context.Context, client *kgo.Client, topics []string) error,
) error {
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return err
	}
	client, err := loaded.Kafka(nil).Client()
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(cmd.Context(), transactionsTimeout)
	defer cancel()
	var topics []string
	for _, spec := range loaded.TopicSpecs() {
		topics = append(topics, spec.Name)
	}
	return do(ctx, client, topics)
}

func (p *commands) newTransactionsList() *cobra.Command {
	var olderThan time.Duration
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the transactions that are open in the program's topics",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return p.withProgramsTopics(cmd, func(
				ctx context.Context, client *kgo.Client, topics []string,
			) error {
				open, err := kafka.OpenTransactions(ctx, client, topics...)
				if err != nil {
					return err
				}
				return showTransactions(cmd.OutOrStdout(), open, olderThan)
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().DurationVar(&olderThan, "older-than", time.Minute,
		"leave out those that are open for less: they are work under way")
	return cmd
}

func showTransactions(w io.Writer, open []kafka.OpenTransaction, olderThan time.Duration) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	shown := 0
	for i := range open {
		t := &open[i]
		age := time.Since(t.Since())
		if age < olderThan {
			continue
		}
		shown++
		if shown == 1 {
			fmt.Fprintln(table, "PARTITION\tOFFSET\tOPEN FOR\tENDS IN\tTRANSACTIONAL ID")
		}
		ends, id := "never", "unknown to its coordinator (producer "+strconv.FormatInt(t.ProducerID, 10)+")"
		if !t.Hangs() {
			ends, id = (t.Timeout - age).Round(time.Second).String(), command.Legible(t.TransactionalID)
		}
		fmt.Fprintf(table, "%s/%d\t%d\t%v\t%s\t%s\n", t.Topic, t.Partition, t.Offset, age.Round(time.Second),
			ends, id)
	}
	if shown == 0 {
		fmt.Fprintf(table, "no transaction is open for longer than %v\n", olderThan)
	}
	return table.Flush() //nolint:wrapcheck // standard output
}

func (p *commands) newTransactionsAbort() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "abort TOPIC/PARTITION OFFSET",
		Short: "Abort the transaction whose first record in the partition is at the offset",
		Long: `Abort the transaction whose first record in the partition is at the offset, as "list" shows it.

None of its records will ever be read as committed, in any of its partitions. Its producer, if it is alive,
is fenced. A worker whose transaction is aborted starts over and handles the same records again.`,
		Example: "  processor transactions abort account-commands/3 1021",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			offset, err := strconv.ParseInt(args[1], 10, 64)
			if err != nil {
				return fmt.Errorf("OFFSET %q is no number", args[1])
			}
			return p.withProgramsTopics(cmd, func(
				ctx context.Context, client *kgo.Client, topics []string,
			) error {
				if err := operator.AbortTransaction(ctx, client, topics, args[0], offset); err != nil {
					return err
				}
				fmt.Fprintf(cmd.OutOrStdout(), "the transaction at %s, offset %d, is aborted\n",
					args[0], offset)
				return nil
			})
		},
	}
	p.Options.AddFlags(cmd.Flags())
	return cmd
}
