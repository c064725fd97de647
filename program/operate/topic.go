package operate

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kerr"

	"refold/codecs"
	"refold/program/command"
)

func (p *commands) newTopic() *cobra.Command {
	topic := &cobra.Command{
		Use:   "topic",
		Short: "Look into any topic of the cluster",
		Args:  cobra.NoArgs, RunE: command.ShowHelp,
	}
	topic.AddCommand(p.newTopicCat(), p.newTopicDescribe())
	return topic
}

// registryOf returns a client of the registry that is configured. The caller closes it.
func registryOf(loaded *command.Loaded) (*codecs.Registry, error) {
	return codecs.NewRegistry(loaded.Installation.Registry())
}

// explainedTopic says of a topic that is missing where it was looked for.
func explainedTopic(err error, loaded *command.Loaded, topic string) error {
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		return err
	}
	return fmt.Errorf("there is no topic %q (kafka.brokers: %s)", topic,
		strings.Join(loaded.Config.Kafka.Brokers, ","))
}
