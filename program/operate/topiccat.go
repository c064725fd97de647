package operate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"refold/inspect"
	"refold/logging"
	"refold/program/command"
)

// topicCat are the flags of topic cat.
type topicCat struct {
	key, since, until, where, output string
	headers                          []string
	from, to                         int64
	allPartitions, showHeaders       bool

	inspect.Options
}

const topicCatLong = `Print the records of any topic of the cluster, decoded. Nothing is written, and no
consumer group is joined.

A value is shown as JSON if it is in the Confluent wire format (by the schema in the registry) or JSON
itself, as text if it is UTF-8 without control characters, otherwise as base64. The output names the
format: wire, json, text, base64, or none for a record without a value. Keys are text or base64. A value that
looks like the wire format and can't be decoded is shown as bytes, with the reason.

Records of transactions that were aborted are left out, and so are those of open ones; --uncommitted shows
them, marked. Without --follow, cat ends where the partitions ended when it began. It waits there for open
transactions, for --patience at most.

Records of several partitions are printed in order of time: cat always prints the earliest among the next
records of the partitions. With --follow, that is so for records that arrive together.

You can give --type, --correlation-id and --partition several times; the values of one flag are alternatives.
A record must match all flags, and all values of --header. With --key, only the key's partition is read if
the topic is one of this program's aggregates. For any other topic all partitions are read, because its
producers may place keys otherwise.

--since and --until use the brokers' index of times. If producers set the timestamps, a record that stands
behind one of --until or later is not found, whatever its own time.

--where takes an expression in CEL (https://cel.dev) over key, value, type, headers, time, partition, offset
and format. A record for which it has no answer, such as one without the field, does not match; standard
error says how many there were. Integers of up to 64 bits compare exactly.

--output json prints one object per line: topic, partition, offset, timestamp, timestampType (create, append,
none), key, keyFormat, type, headers (a list of name and value, or valueBase64), format, schemaId and
schemaName (wire), undecodable (the reason), transaction (aborted, undecided), bytes and value. Members
without a value are left out, except for key and value, which are null. Text shows at most 4,096 characters
of a value; JSON has all.

Exit codes: 0 printed, 4 a partition ended before an open transaction, 1 anything else.`

func (p *commands) newTopicCat() *cobra.Command {
	var c topicCat
	cmd := &cobra.Command{
		Use:   "cat TOPIC",
		Short: "Print the records of any topic, decoded",
		Long:  topicCatLong,
		Example: `  processor topic cat account-events --key alice
  processor topic cat account-commands --since 2h --type DepositMoney --where 'value.amount > 100000'
  processor topic cat payments --tail 5 --follow --output json | jq .value`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return p.cat(cmd, &c, args[0]) },
	}
	c.add(cmd.Flags())
	p.Options.AddFlags(cmd.Flags())
	return cmd
}

func (c *topicCat) add(flags *pflag.FlagSet) {
	flags.StringVar(&c.key, "key", "", "have exactly this key")
	flags.StringVar(&c.KeyPrefix, "key-prefix", "", "have a key that begins so")
	flags.StringSliceVar(&c.Types, "type", nil,
		"are of these types: of the header ce_type, or of the record in the wire format; full or bare names")
	flags.StringSliceVar(&c.CorrelationIDs, "correlation-id", nil,
		"are of these chains: the ID of the command that began it")
	flags.StringArrayVar(&c.headers, "header", nil, "have this header, as name=value")
	flags.StringVar(&c.since, "since", "",
		"have this time or a later one: RFC 3339, or a duration ago, such as 2h30m")
	flags.StringVar(&c.until, "until", "", "have an earlier time; as --since")
	flags.StringVar(&c.where, "where", "", "match this CEL expression, such as 'value.amount > 100'")
	flags.Int32SliceVar(&c.Partitions, "partition", nil, "read only these partitions")
	flags.BoolVar(&c.allPartitions, "all-partitions", false, "with --key, read all partitions")
	flags.Int64Var(&c.from, "from", 0, "read each partition from this offset on")
	flags.Int64Var(&c.to, "to", 0, "read each partition to before this offset")
	flags.IntVar(&c.Tail, "tail", 0, "read only the last so many records of each partition")
	flags.Int64Var(&c.Limit, "limit", 0, "stop after so many records (0: no limit)")
	flags.BoolVarP(&c.Follow, "follow", "f", false, "go on with what comes, until you interrupt it")
	flags.BoolVar(&c.Uncommitted, "uncommitted", false, "show records of aborted and open transactions, too")
	flags.DurationVar(&c.Patience, "patience", inspect.DefaultPatience,
		"how long to wait for an open transaction before its partition ends there")
	flags.StringVar(&c.output, "output", outputText, "text or json")
	flags.BoolVar(&c.showHeaders, "headers", false, "show the headers in text, too")
}

// The values of --output.
const (
	outputText = "text"
	outputJSON = "json"
)

// read completes the options by the flags. The error lists all that is wrong with them.
func (c *topicCat) read(flags *pflag.FlagSet, now time.Time) error {
	var errs []error
	if flags.Changed("key") {
		c.Key = &c.key
	}
	if flags.Changed("from") {
		c.From = &c.from
	}
	if flags.Changed("to") {
		c.To = &c.to
	}
	for _, h := range c.headers {
		name, value, is := strings.Cut(h, "=")
		if !is || name == "" {
			errs = append(errs, fmt.Errorf("--header %q must be name=value", h))
		}
		c.Headers = append(c.Headers, inspect.HeaderFilter{Name: name, Value: value})
	}
	moment := func(flag, text string) time.Time {
		t, err := command.ParseMoment(text, now)
		if err != nil {
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		}
		return t
	}
	c.Since, c.Until = moment("since", c.since), moment("until", c.until)
	if flags.Changed("where") {
		where, err := inspect.NewWhere(c.where)
		if err != nil {
			errs = append(errs, fmt.Errorf("--where: %w", err))
		}
		c.Where = where
	}
	if c.output != outputText && c.output != outputJSON {
		errs = append(errs, fmt.Errorf("--output %q must be %s or %s", c.output, outputText, outputJSON))
	}
	if c.allPartitions && len(c.Partitions) > 0 {
		errs = append(errs, errors.New("--partition and --all-partitions can't be given together"))
	}
	return errors.Join(append(errs, c.Check())...)
}

func (p *commands) cat(cmd *cobra.Command, c *topicCat, topic string) error {
	c.Topic = topic
	if err := c.read(cmd.Flags(), time.Now()); err != nil {
		return err
	}
	loaded, err := p.Load(cmd, nil)
	if err != nil {
		return err
	}
	log := cmd.ErrOrStderr()
	registry, err := registryOf(loaded)
	if err != nil {
		return err
	}
	defer registry.Close()
	c.Registry, c.Kafka = registry, loaded.Kafka(logging.New(log, loaded.Config.Log))
	c.KeyPartition = c.Key != nil && len(c.Partitions) == 0 && !c.allPartitions && placesKeys(loaded, topic)
	out := cmd.OutOrStdout()
	report, err := inspect.Cat(cmd.Context(), c.Options, func(r *inspect.Record) error {
		if c.output == outputJSON {
			return writeRecordJSON(out, r)
		}
		_, err := io.WriteString(out, recordText(r, c.showHeaders))
		return err
	})
	c.mention(log, &report)
	switch {
	case errors.Is(err, context.Canceled) && c.Follow:
		return nil
	case err != nil:
		return explainedTopic(err, loaded, topic)
	case len(report.Open) > 0:
		return command.ExitError{Code: command.ExitPending}
	}
	return nil
}

// placesKeys reports whether the keys of a topic are where the default partitioner places them. That is sure
// of the topics that workers write, and demanded of producers of commands: a worker sets a command in another
// partition aside.
func placesKeys(l *command.Loaded, topic string) bool {
	for _, a := range l.Definitions.Aggregates {
		t := l.Topics(a.Named())
		if topic == t.Commands || topic == t.Events || topic == t.Results || topic == t.Table {
			return true
		}
	}
	return false
}

// mention says on standard error what was left out, so that standard output stays what was asked for.
func (c *topicCat) mention(w io.Writer, r *inspect.Report) {
	if c.KeyPartition && len(r.Partitions) == 1 {
		fmt.Fprintf(w, "read partition %d only, where the key belongs; --all-partitions reads all\n",
			r.Partitions[0])
	}
	if f := r.FirstFailure; f != nil {
		fmt.Fprintf(w, "--where has no answer for %s, not shown; the first is %d/%d: %s\n",
			countOf(r.Failed, "record"), f.Partition, f.Offset, command.Shortened(f.Err.Error(), maxReason))
	}
	for _, open := range r.Open {
		fmt.Fprintf(w, "partition %d ends at offset %d, before a transaction that is open; offsets up to %d "+
			"are not shown (--uncommitted shows them; see \"processor transactions list\")\n",
			open.Partition, open.Next, open.End-1)
	}
}

func countOf(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%s %ss", command.Number(int(n)), what)
}
