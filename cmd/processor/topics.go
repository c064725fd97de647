package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kgo"

	"refold/config"
	"refold/kafka"
	"refold/processors"
	"refold/processors/deadletters"
	"refold/refolds"
)

// topicSpecs are all topics of the program.
func topicSpecs(c config.Topics) []kafka.TopicSpec {
	limited := func(settings map[string]string, recordBytes int) map[string]string {
		settings["max.message.bytes"] = strconv.Itoa(kafka.MaxMessageBytes(recordBytes))
		return settings
	}
	spec := func(name string, settings map[string]string) kafka.TopicSpec {
		return kafka.TopicSpec{
			Name: name, Partitions: int32(c.Partitions),
			ReplicationFactor: int16(c.ReplicationFactor),
			Config:            limited(settings, int(c.RecordBytes)),
		}
	}
	kept := func(d time.Duration) map[string]string {
		return map[string]string{
			"cleanup.policy": "delete",
			"retention.ms":   strconv.FormatInt(d.Milliseconds(), 10),
		}
	}
	var specs []kafka.TopicSpec
	for _, k := range kinds {
		t := k.topics(c)
		specs = append(specs,
			spec(t.Commands, kept(c.CommandsRetention)),
			spec(t.Events, map[string]string{
				"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1",
			}),
			spec(t.Results, kept(c.ResultsRetention)),
			spec(t.Table, map[string]string{"cleanup.policy": "compact"}))
	}
	for _, p := range processes {
		specs = append(specs, spec(processors.LoopTopic(c.Prefix+p.name), kept(c.CommandsRetention)))
	}
	settled := spec(deadletters.NamesOf(c.Prefix).Settled, map[string]string{
		"cleanup.policy": "compact",
	})
	settled.Partitions = 1 // few and small records, of which everybody who looks reads all
	asked := spec(refolds.TopicName(c.Prefix), map[string]string{"cleanup.policy": "compact"})
	asked.Partitions = 1 // so that all see the same in the same order
	letters := spec(processors.DeadLetters(c.Prefix), kept(c.DeadLetterRetention))
	limited(letters.Config, processors.LetterBytes(int(c.RecordBytes)))
	return append(specs, letters, settled, asked)
}

// copartitioned are the topics that must have the same number of partitions: all in which a key's
// records are where its row is, and those by which processes follow from one aggregate to another.
func copartitioned(c config.Topics) []string {
	var topics []string
	for _, k := range kinds {
		t := k.topics(c)
		topics = append(topics, t.Commands, t.Events, t.Results, t.Table)
	}
	for _, p := range processes {
		topics = append(topics, processors.LoopTopic(c.Prefix+p.name))
	}
	return topics
}

func (p *program) newTopics() *cobra.Command {
	topics := &cobra.Command{
		Use:   "topics",
		Short: "Compare the topics with what they should be, and make those that are missing",
		Args:  cobra.NoArgs, RunE: showHelp,
	}
	topics.AddCommand(
		p.newTopicsCommand("plan", "Show what is missing or differs; exit code 2 if anything",
			kafka.Plan),
		p.newTopicsCommand("apply", "Make missing topics, change none; exit code 2 if others differ",
			kafka.Ensure),
	)
	return topics
}

type topicsAction func(context.Context, *kgo.Client, []kafka.TopicSpec) ([]kafka.Difference, error)

func (p *program) newTopicsCommand(name, short string, act topicsAction) *cobra.Command {
	cmd := &cobra.Command{
		Use: name, Short: short, Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := p.load(cmd, nil)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Minute)
			defer cancel()
			return actOnTopics(ctx, cmd.OutOrStdout(), loaded.Config, act)
		},
	}
	config.AddFlags(cmd.Flags())
	return cmd
}

func actOnTopics(ctx context.Context, w io.Writer, c config.Config, act topicsAction) error {
	client, err := kafkaSettings(c, nil).Client()
	if err != nil {
		return err
	}
	defer client.Close()
	specs := topicSpecs(c.Topics)
	differences, err := act(ctx, client, specs)
	if err != nil {
		return err
	}
	for _, d := range differences {
		fmt.Fprintln(w, d)
	}
	if len(differences) > 0 {
		return exitError{exitDifferences}
	}
	fmt.Fprintf(w, "%d topics are as they should be\n", len(specs))
	return nil
}
