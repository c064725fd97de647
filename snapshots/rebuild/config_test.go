package rebuild

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"refold/kafka"
)

// Each field that is required is named when it is not set: there is no default here beside the
// configuration's.
func TestCoordinatorConfig_required(t *testing.T) {
	whole := func() CoordinatorConfig {
		return CoordinatorConfig{
			Topic: new(Topic), Group: "accounts", Plural: "accounts", Worker: "w", FoldVersion: 1,
			Partitions: func() int32 { return 1 },
			Empty:      func(context.Context, int32) (bool, error) { return true, nil },
			Members:    func(context.Context) (map[string]int, error) { return nil, nil },
			Retry:      time.Second, ReportInterval: time.Second, Logger: slog.New(slog.DiscardHandler),
		}
	}
	if _, err := NewCoordinator(whole()); err != nil {
		t.Fatal(err)
	}
	for name, clear := range map[string]func(*CoordinatorConfig){
		"Topic":          func(c *CoordinatorConfig) { c.Topic = nil },
		"Group":          func(c *CoordinatorConfig) { c.Group = "" },
		"Plural":         func(c *CoordinatorConfig) { c.Plural = "" },
		"Partitions":     func(c *CoordinatorConfig) { c.Partitions = nil },
		"FoldVersion":    func(c *CoordinatorConfig) { c.FoldVersion = 0 },
		"Worker":         func(c *CoordinatorConfig) { c.Worker = "" },
		"Empty":          func(c *CoordinatorConfig) { c.Empty = nil },
		"Members":        func(c *CoordinatorConfig) { c.Members = nil },
		"Retry":          func(c *CoordinatorConfig) { c.Retry = 0 },
		"ReportInterval": func(c *CoordinatorConfig) { c.ReportInterval = 0 },
		"Logger":         func(c *CoordinatorConfig) { c.Logger = nil },
	} {
		c := whole()
		clear(&c)
		if _, err := NewCoordinator(c); err == nil || !strings.Contains(err.Error(), "."+name+" ") {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestTopicOptions_required(t *testing.T) {
	o := TopicOptions{Kafka: kafka.Settings{Brokers: []string{"localhost:1"}}, Name: "refolds"}
	if _, err := Open(o); err == nil || !strings.Contains(err.Error(), "StallAfter") {
		t.Errorf("without StallAfter: %v", err)
	}
}
