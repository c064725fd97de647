package react

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/kafka"
	"refold/operator"
	"refold/program/command"
)

// shownReaction is a reaction as it is printed.
type shownReaction struct {
	Reaction string `json:"reaction"`
	Group    string `json:"group"`
	Members  int    `json:"members"`
	// Topics are that of the events, and that of replayed dead letters.
	Topics []shownTopic `json:"topics"`
}

// shownTopic says how far a reaction is in a topic.
type shownTopic struct {
	Topic string `json:"topic"`
	// Next are the committed offsets by partition; -1: none, since the reaction has not begun there.
	Next map[int32]int64 `json:"next"`
	// Behind is how many offsets it lacks, Oldest the time of the oldest record that waits.
	Behind int64     `json:"behind"`
	Oldest time.Time `json:"oldest,omitzero"`
}

func (p *commands) newList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the reactions: who runs them, how far they are, and since when events wait",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.Load(cmd, nil)
			if err != nil {
				return err
			}
			client, err := loaded.Kafka(nil).Client()
			if err != nil {
				return err //nolint:wrapcheck // it says what is wrong with the settings
			}
			defer client.Close()
			var all []shownReaction
			for _, r := range loaded.Reactions() {
				named := r.ReactsTo().Named()
				shown, err := show(cmd.Context(), client, r.Group(loaded.Prefix()),
					loaded.Topics(named).Events, r.ReplayTopic(loaded.Prefix()))
				if err != nil {
					return command.Explained(fmt.Errorf("reaction %q: %w", r.Name, err))
				}
				shown.Reaction = r.Name
				all = append(all, shown)
			}
			if asJSON {
				return writeLines(cmd.OutOrStdout(), all)
			}
			return writeTable(cmd.OutOrStdout(), all)
		},
	}
	p.Options.AddFlags(cmd.Flags())
	cmd.Flags().BoolVar(&asJSON, "json", false,
		"print a line of JSON for each, with the offset of each partition")
	return cmd
}

// show asks how far a group is in topics.
func show(ctx context.Context, client *kgo.Client, group string, topics ...string) (shownReaction, error) {
	shown := shownReaction{Group: group}
	members, err := operator.Members(ctx, client, group)
	if err != nil {
		return shown, err //nolint:wrapcheck // it names the group
	}
	shown.Members = len(members)
	if _, err := kafka.Partitions(ctx, client, topics...); errors.Is(err, kerr.UnknownTopicOrPartition) {
		return shown, fmt.Errorf("%w: %w", kafka.ErrTopicMissing, err)
	} else if err != nil {
		return shown, err //nolint:wrapcheck // it names the topics that don't fit
	}
	admin := kadm.NewClient(client)
	committed, err := admin.FetchOffsets(ctx, group)
	if err == nil {
		err = committed.Error()
	}
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		return shown, fmt.Errorf("ask for the offsets of %s: %w", group, err)
	}
	ends, err := admin.ListEndOffsets(ctx, topics...)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return shown, fmt.Errorf("ask where topics end: %w", err)
	}
	for _, topic := range topics {
		t, err := progress(ctx, client, topic, committed, ends)
		if err != nil {
			return shown, err
		}
		shown.Topics = append(shown.Topics, t)
	}
	return shown, nil
}

// progress returns how far a group is in a topic.
func progress(
	ctx context.Context, client *kgo.Client, topic string, committed kadm.OffsetResponses,
	ends kadm.ListedOffsets,
) (shownTopic, error) {
	t := shownTopic{Topic: topic, Next: make(map[int32]int64)}
	for partition, end := range ends[topic] {
		t.Next[partition] = -1
		if o, has := committed.Lookup(topic, partition); has {
			t.Next[partition] = o.At
		}
		next := t.Next[partition]
		if next < 0 || next >= end.Offset {
			continue
		}
		t.Behind += end.Offset - next
		first, err := firstTime(ctx, client, kafka.Range{Topic: topic, Partition: partition, From: next})
		if err != nil {
			return t, err
		}
		if !first.IsZero() && (t.Oldest.IsZero() || first.Before(t.Oldest)) {
			t.Oldest = first
		}
	}
	return t, nil
}

// errFound ends a reading.
var errFound = errors.New("found")

// firstTime returns the time of the first record of a range; zero if there is none. An uncommitted one
// counts: its transaction is what is waited for.
func firstTime(ctx context.Context, client *kgo.Client, r kafka.Range) (first time.Time, _ error) {
	r.Uncommitted = true
	_, err := kafka.ReadPartitionBy(ctx, client, r, func(records []*kgo.Record, _ kafka.Progress) error {
		if len(records) == 0 {
			return nil
		}
		first = records[0].Timestamp.UTC()
		return errFound
	})
	if errors.Is(err, errFound) || errors.Is(err, kafka.ErrOffsetOutOfRange) {
		err = nil
	}
	return first, err //nolint:wrapcheck // it names the partition
}

func writeTable(out io.Writer, all []shownReaction) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REACTION\tGROUP\tMEMBERS\tTOPIC\tNEXT\tBEHIND\tOLDEST THAT WAITS")
	for _, r := range all {
		for _, t := range r.Topics {
			oldest := "-"
			if !t.Oldest.IsZero() {
				age := time.Since(t.Oldest).Round(time.Second)
				oldest = fmt.Sprintf("%s, %v ago", t.Oldest.Format(time.RFC3339), age)
			}
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%d\t%s\n", r.Reaction, r.Group, r.Members, t.Topic,
				offsets(t.Next), t.Behind, oldest)
		}
	}
	if err := w.Flush(); err != nil {
		return fmt.Errorf("print the reactions: %w", err)
	}
	return nil
}

// shownPartitions is how many partitions have room in a line.
const shownPartitions = 8

// offsets prints the committed offsets of the first partitions, in their order.
func offsets(next map[int32]int64) (text string) {
	for i, partition := range slices.Sorted(maps.Keys(next)) {
		switch {
		case i == shownPartitions:
			return text + " …"
		case i > 0:
			text += " "
		}
		if next[partition] < 0 {
			text += "-"
		} else {
			text += strconv.FormatInt(next[partition], 10)
		}
	}
	return text
}

// writeLines prints a line of JSON for each.
func writeLines(out io.Writer, all []shownReaction) error {
	encoder := json.NewEncoder(out)
	for _, one := range all {
		if err := encoder.Encode(one); err != nil {
			return fmt.Errorf("print a line: %w", err)
		}
	}
	return nil
}
