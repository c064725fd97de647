package installation_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"refold/config"
	"refold/installation"
	"refold/processors"
	"refold/processors/accounts"
	"refold/processors/orders"
)

// install returns accounts and orders with a configuration.
func install(t *testing.T, settings map[string]string) *installation.Installation {
	t.Helper()
	own := accounts.Definition
	own.Defaults = processors.Settings{
		RecentCommands: 64, Remember: time.Minute, CommandsRetention: time.Hour, NoTraces: true,
	}
	definitions, err := processors.Define(own, orders.Definition, orders.Payments)
	if err != nil {
		t.Fatal(err)
	}
	loaded, err := installation.Options(definitions).Load(config.LoadOptions{Defaults: settings})
	if err != nil {
		t.Fatal(err)
	}
	return &installation.Installation{Config: loaded.Config, Definitions: definitions}
}

// A definition's own settings hold where the configuration says nothing, and nowhere else.
func TestSettingsOfDefinitions(t *testing.T) {
	in := install(t, nil)
	if a := in.Aggregate("account"); a.RecentCommands != 64 || a.Traces || !a.Results || !a.History {
		t.Errorf("accounts have %+v", a)
	}
	if a := in.Aggregate("account"); a.Remember != time.Minute {
		t.Errorf("accounts remember for %v", a.Remember)
	}
	if o := in.Aggregate("order"); o.RecentCommands != 16 || o.Remember != 5*time.Minute || !o.Traces {
		t.Errorf("orders have %+v", o)
	}
	in = install(t, map[string]string{"aggregates.account.recent-commands": "8"})
	if a := in.Aggregate("account"); a.RecentCommands != 8 {
		t.Errorf("configured, accounts have %+v", a)
	}
}

// Topics are made of the definitions and of what is kept of each.
func TestTopicSpecs(t *testing.T) {
	in := install(t, map[string]string{
		"topics.prefix": "p-", "topics.commands-retention": "2h", "aggregates.order.results": "false",
		"aggregates.order.events-retention": "24h",
	})
	retention := map[string]string{}
	for _, spec := range in.TopicSpecs() {
		retention[spec.Name] = spec.Config["retention.ms"]
	}
	for topic, want := range map[string]string{
		"p-account-commands": "3600000", "p-order-commands": "7200000", "p-account-events": "-1",
		"p-order-events": "86400000", "p-account-results": "604800000", "p-installation": "-1",
		"p-audit-trail": "-1",
	} {
		if retention[topic] != want {
			t.Errorf("%s keeps its records for %q ms, want %s", topic, retention[topic], want)
		}
	}
	if _, has := retention["p-order-results"]; has || slices.Contains(in.Copartitioned(), "p-order-results") {
		t.Error("orders keep no results, and have a topic for them")
	}
	if !slices.Contains(in.Copartitioned(), processors.LoopTopic("p-order-payments")) {
		t.Errorf("the process's loop is not among %v", in.Copartitioned())
	}
}

// Results that a process waits for can't be switched off.
func TestAwaitedResults(t *testing.T) {
	err := install(t, map[string]string{"aggregates.account.results": "false"}).Check()
	if err == nil || !strings.Contains(err.Error(), "aggregates.account.results") ||
		!strings.Contains(err.Error(), "order-payments") {
		t.Errorf("the error is %v", err)
	}
}
