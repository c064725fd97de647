package installation

import (
	"log/slog"

	"github.com/twmb/franz-go/pkg/kgo"

	"refold/processors/deadletters"
)

// DeadLetters returns the settings of the way back from an installation's dead letters, with the options of a
// client of Kafka.
func (i *Installation) DeadLetters(options []kgo.Opt, logger *slog.Logger) deadletters.Settings {
	s := deadletters.Settings{
		Kafka: options, Names: deadletters.NamesOf(i.Prefix()), RecordBytes: int(i.Config.Topics.RecordBytes),
		Logger: logger,
	}
	for _, a := range i.Definitions.Aggregates {
		t := i.Topics(a.Named())
		s.Commands = append(s.Commands, t.Commands)
		s.Facts = append(s.Facts, t.Events, t.Results, t.Table)
	}
	return s
}
