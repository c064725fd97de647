package installation

import (
	"fmt"

	"refold/kafka"
	"refold/processors"
	"refold/reactions"
)

// Reactions returns the reactions of the program, in the order of the definitions.
func (i *Installation) Reactions() (all []reactions.Reaction) {
	for _, d := range i.Definitions.Reactions {
		if r, is := d.(reactions.Reaction); is {
			all = append(all, r)
		}
	}
	return all
}

// reactionTopics returns the topics that dead letters of reactions are replayed to. A replay is kept for as
// long as its letter: it waits in the topic while its receiver is away.
func (i *Installation) reactionTopics() (all []kafka.TopicSpec) {
	c := i.Config.Topics
	for _, r := range i.Definitions.Reactions {
		loop := processors.LoopTopic(processors.ReactionGroup(c.Prefix, r.ReactionName()))
		all = append(all, specOf(c, loop, kept(c.DeadLetterRetention)))
	}
	return all
}

// graceful finds a grace of reactions that is too long for a rebalance. Only a program with reactions is held
// to it: others may have a short rebalance time-out.
func (i *Installation) graceful() error {
	grace, third := i.Config.Reactions.Grace, i.Config.Kafka.RebalanceTimeout/3
	if len(i.Definitions.Reactions) == 0 || grace < third {
		return nil
	}
	return fmt.Errorf("reactions.grace is %v; it must be less than a third of kafka.rebalance-timeout, %v, "+
		"or partitions move on before it is known what was sent", grace, third)
}
