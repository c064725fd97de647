package installation_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"refold/config"
	"refold/installation"
	"refold/kafka"
	"refold/processors"
	"refold/processors/accounts"
	"refold/reactions"
)

// reacting returns accounts with a reaction, and a configuration.
func reacting(
	t *testing.T, settings map[string]string, more ...processors.Definition,
) *installation.Installation {
	t.Helper()
	definitions, err := processors.Define(append(more, accounts.Definition)...)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := installation.Options(definitions).Load(config.LoadOptions{Defaults: settings})
	if err != nil {
		t.Fatal(err)
	}
	return &installation.Installation{Config: loaded.Config, Definitions: definitions}
}

var receipts = reactions.Reaction{
	Name: "receipts",
	From: reactions.To(accounts.Definition,
		func(context.Context, reactions.Event[accounts.Event]) error { return nil }),
}

// A reaction has a topic for replays, which keeps them as long as dead letters. It is no topic by which
// aggregates hang together.
func TestTopicsOfReactions(t *testing.T) {
	in := reacting(t, map[string]string{"topics.prefix": "p-", "topics.partitions": "3"}, receipts)
	const loop = "p-reaction-receipts-loop"
	specs := in.TopicSpecs()
	i := slices.IndexFunc(specs, func(s kafka.TopicSpec) bool { return s.Name == loop })
	if i < 0 || specs[i].Partitions != 3 || specs[i].Config["retention.ms"] != "2592000000" ||
		specs[i].Config["cleanup.policy"] != "delete" {
		t.Errorf("%s is not among %v, or not as it should be", loop, specs)
	}
	if last := specs[len(specs)-1].Name; last != "p-installation" {
		t.Errorf("the last topic is %s", last)
	}
	if slices.Contains(in.Copartitioned(), loop) {
		t.Errorf("%s holds up the aggregates", loop)
	}
	if all := in.Reactions(); len(all) != 1 || all[0].ReplayTopic("p-") != loop {
		t.Errorf("the reactions are %v", all)
	}
}

// Partitions must not move on while a reaction has its grace. Who has no reactions may have short rebalances.
func TestGraceOfReactions(t *testing.T) {
	short := map[string]string{
		"kafka.rebalance-timeout": "12s", "kafka.session-timeout": "6s", "processor.leave-timeout": "3s",
	}
	if err := reacting(t, short).Check(); err != nil {
		t.Error(err)
	}
	err := reacting(t, short, receipts).Check()
	if err == nil || !strings.Contains(err.Error(), "reactions.grace is 5s; it must be less than a third of "+
		"kafka.rebalance-timeout, 4s") {
		t.Errorf("the error is %v", err)
	}
	short["reactions.grace"] = "3s"
	if err := reacting(t, short, receipts).Check(); err != nil {
		t.Error(err)
	}
}
