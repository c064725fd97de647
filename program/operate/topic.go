package operate

import (
	"github.com/spf13/cobra"

	"refold/program/command"
)

func (p *commands) newTopic() *cobra.Command {
	topic := &cobra.Command{
		Use:   "topic",
		Short: "Look into any topic of the cluster",
		Args:  cobra.NoArgs, RunE: command.ShowHelp,
	}
	topic.AddCommand(p.newTopicCat())
	return topic
}
