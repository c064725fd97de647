package config_test

import (
	"strings"
	"testing"
	"time"

	"refold/config"
)

func TestShownValues(t *testing.T) {
	l := mustLoad(t, "http:\n  address: 127.0.0.1:1\n", []string{
		"REFOLD_REGISTRY_USERNAME=worker", "REFOLD_REGISTRY_PASSWORD=correct-horse",
	}, "--topics.partitions", "7")
	c := l.Config
	c.Kafka.Brokers = []string{"one:9092", "http://u:correct-horse@two"}
	shown := map[string]config.Value{}
	for _, v := range l.Values(c) {
		shown[v.Path] = v
		if strings.Contains(v.Text, "correct-horse") {
			t.Errorf("%s is shown as %q", v.Path, v.Text)
		}
		if v.Env == "" || v.Help == "" {
			t.Errorf("%s has no variable or no text", v.Path)
		}
	}
	for path, want := range map[string][2]string{
		"topics.partitions":                {"7", "flag"},
		"http.address":                     {"127.0.0.1:1", "file"},
		"registry.username":                {"worker", "environment"},
		"registry.password":                {"", "environment"},
		"http.write-timeout":               {"", "default"},
		"aggregates.order.recent-commands": {"32", "default"},
		"kafka.brokers":                    {"one:9092, http://u:xxxxx@two", "program"},
	} {
		got := shown[path]
		if want[0] != "" && got.Text != want[0] || string(got.Source.Kind) != want[1] {
			t.Errorf("%s is %q from %s, want %v", path, got.Text, got.Source, want)
		}
		if got.Source.IsDefault() != (want[1] == "default") {
			t.Errorf("%s: IsDefault is %t", path, got.Source.IsDefault())
		}
	}
	if p := shown["registry.password"]; !p.Secret || !p.Given {
		t.Errorf("the password is %+v", p)
	}
	if p := shown["kafka.sasl.password"]; !p.Secret || p.Given {
		t.Errorf("the other password is %+v", p)
	}
	if l.Config.HTTP.WriteTimeout == time.Duration(0) {
		t.Error("there is no default")
	}
}
