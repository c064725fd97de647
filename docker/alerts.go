package docker

import (
	_ "embed"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed alerts.yml
var alerts []byte

// Alert is a rule of alerts.yml.
type Alert struct {
	Name   string            `yaml:"alert"`
	Expr   string            `yaml:"expr"`
	For    string            `yaml:"for"`
	Labels map[string]string `yaml:"labels"`
	// Annotations are summary, runbook and todo.
	Annotations map[string]string `yaml:"annotations"`
	// Why is the comment above the rule: why there is this alert.
	Why string `yaml:"-"`
}

// Alerts returns the rules of alerts.yml, in its order.
func Alerts() ([]Alert, error) {
	var file struct {
		Groups []struct {
			Rules []yaml.Node `yaml:"rules"`
		} `yaml:"groups"`
	}
	if err := yaml.Unmarshal(alerts, &file); err != nil {
		return nil, fmt.Errorf("read alerts.yml: %w", err)
	}
	var all []Alert
	for _, group := range file.Groups {
		for i := range group.Rules {
			var a Alert
			if err := group.Rules[i].Decode(&a); err != nil {
				return nil, fmt.Errorf("read rule %d of alerts.yml: %w", i+1, err)
			}
			a.Why = uncommented(group.Rules[i].HeadComment)
			all = append(all, a)
		}
	}
	return all, nil
}

// uncommented is the text of a comment, as one paragraph.
func uncommented(comment string) string {
	var words []string
	for line := range strings.Lines(comment) {
		words = append(words, strings.Fields(strings.TrimLeft(strings.TrimSpace(line), "#"))...)
	}
	return strings.Join(words, " ")
}
