package config_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"refold/config"
)

// options are those of a program with two aggregates.
var options = config.NewOptions(
	config.AggregateDefaults{Name: "account"},
	config.AggregateDefaults{Name: "order", Defaults: map[string]string{"recent-commands": "32"}},
)

// load is Options.Load from a file's text, environment and arguments.
func load(t *testing.T, file string, environ []string, args ...string) (*config.Loaded, error) {
	t.Helper()
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	options.AddFlags(flags)
	if file != "" {
		name := filepath.Join(t.TempDir(), "refold.yaml")
		if err := os.WriteFile(name, []byte(file), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, "--config", name)
	}
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return options.Load(config.LoadOptions{Flags: flags, Environ: environ})
}

func mustLoad(t *testing.T, file string, environ []string, args ...string) *config.Loaded {
	t.Helper()
	l, err := load(t, file, environ, args...)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestRisingPrecedence(t *testing.T) {
	const file = "http: {address: 'file:1'}\n"
	environ := []string{"REFOLD_HTTP_ADDRESS=env:2"}
	for _, test := range []struct {
		name, file string
		environ    []string
		args       []string
		want       string
		kind       config.SourceKind
	}{
		{"default", "", nil, nil, "localhost:8080", config.FromDefault},
		{"file", file, nil, nil, "file:1", config.FromFile},
		{"environment", file, environ, nil, "env:2", config.FromEnv},
		{"flag", file, environ, []string{"--http.address", "flag:3"}, "flag:3", config.FromFlag},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := mustLoad(t, test.file, test.environ, test.args...)
			if got := l.Config.HTTP.Address; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if got := l.Source("http.address").Kind; got != test.kind {
				t.Errorf("source is %q, want %q", got, test.kind)
			}
		})
	}
}

func TestEveryKindOfValue(t *testing.T) {
	l := mustLoad(t, `
kafka:
  brokers: [a:1, b:2]
  tls:
    enabled: true
store: {cache-bytes: 1GiB}
processor: {memory-bytes: 2GiB}
load: {rate: 2.5}
`, []string{"REFOLD_KAFKA_DIAL_TIMEOUT=2s", "REFOLD_TOPICS_PARTITIONS=3"})
	if diff := cmp.Diff([]string{"a:1", "b:2"}, l.Config.Kafka.Brokers); diff != "" {
		t.Error(diff)
	}
	if !l.Config.Kafka.TLS.Enabled || l.Config.Store.CacheBytes != 1<<30 ||
		l.Config.Load.Rate != 2.5 || l.Config.Kafka.DialTimeout != 2*time.Second ||
		l.Config.Topics.Partitions != 3 {
		t.Errorf("got %+v", l.Config)
	}
}

// All mistakes come at once, each with its path, the value and what is allowed.
func TestAllMistakesAtOnce(t *testing.T) {
	_, err := load(t, `
http:
  adress: x:1
  body-bytes: 12
processor: 5
topics: {partitions: 0}
registry: {mode: maybe}
kafka: {brokers: [nowhere], password: x}
`, []string{"REFOLD_LOG_LEVEL=loud", "REFOLD_HTTP_ADRESS=x", "REFOLD_KAFKA_SASL_PASSWORD_FILE=/no"},
		"--kafka.dial-timeout", "5", "--kafka.rebalance-timeout", "2s")
	var mistakes config.Mistakes
	if !errors.As(err, &mistakes) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		"http.adress (file", "did you mean http.address?",
		`http.body-bytes (file`, `"12"; allowed: a size with a unit`,
		"processor (file", "must be a map",
		`topics.partitions (file`, `"0"; allowed: 1 to 10000`,
		`"maybe"; allowed: one of lookup, register`,
		`kafka.brokers (file`, `"nowhere"; allowed: host:port`,
		"kafka.password (file",
		`log.level (environment REFOLD_LOG_LEVEL): "loud"; allowed: one of debug, info, warn, error`,
		"REFOLD_HTTP_ADRESS (environment", "did you mean REFOLD_HTTP_ADDRESS?",
		`kafka.sasl.password-file (environment REFOLD_KAFKA_SASL_PASSWORD_FILE): "/no"; ` +
			"allowed: a file that can be read (no such file or directory)",
		`kafka.dial-timeout (flag --kafka.dial-timeout): "5"; allowed: a duration`,
		`processor.leave-timeout (default): "3s"; allowed: less than kafka.rebalance-timeout, 2s`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if len(mistakes) != 12 {
		t.Errorf("%d mistakes:\n%v", len(mistakes), err)
	}
}

func TestFileThatIsNoYAML(t *testing.T) {
	for _, text := range []string{"a: [", "- 1\n- 2\n", "\t"} {
		if _, err := load(t, text, nil); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
	mustLoad(t, "# nothing\n", nil)
	mustLoad(t, "http:\n", nil)
	if _, err := load(t, "", []string{"REFOLD_CONFIG=/no/such/file"}); err == nil {
		t.Error("a missing file was taken")
	}
}

// Whatever prints a configuration, no secret is in it.
func TestSecretsAreNeverPrinted(t *testing.T) {
	const secret = "correct-horse"
	environ := []string{"REFOLD_REGISTRY_USERNAME=worker"}
	for _, name := range []string{
		"KAFKA_SASL_PASSWORD", "KAFKA_SASL_TOKEN", "KAFKA_SASL_CLIENT_SECRET", "REGISTRY_PASSWORD",
	} {
		environ = append(environ, "REFOLD_"+name+"="+secret)
	}
	l := mustLoad(t, "", environ)
	if l.Config.Kafka.SASL.Password.Reveal() != secret {
		t.Fatal("the secret did not arrive")
	}
	var printed bytes.Buffer
	if err := l.WriteYAML(&printed); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(&printed, "%v %+v %#v %s %q %x", l.Config, l.Config, l.Config,
		l.Config.Kafka.SASL.Password, l.Config.Kafka.SASL.Password, l.Config.Kafka.SASL.Password)
	for _, encode := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		b, err := encode(l.Config)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(b)
	}
	slog.New(slog.NewJSONHandler(&printed, nil)).Info("x", "config", l.Config,
		"password", l.Config.Kafka.SASL.Password)
	if i := strings.Index(printed.String(), secret); i >= 0 {
		t.Errorf("…%s…", printed.String()[max(0, i-80):i+len(secret)])
	}
	if !strings.Contains(printed.String(), "***") {
		t.Error("nothing tells that there is a secret")
	}
	if strings.Contains(fmt.Sprintf("%x", l.Config.Kafka.SASL.Password), fmt.Sprintf("%x", secret)) {
		t.Error("the secret is printed in hex")
	}
}

func TestSecretsHaveNoFlag(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	options.AddFlags(flags)
	for _, name := range []string{"kafka.sasl.password", "registry.password", "registry.token"} {
		if flags.Lookup(name) != nil {
			t.Errorf("--%s would show in every process list", name)
		}
	}
}

// What is printed loads to the same.
func TestPrintedConfigurationLoads(t *testing.T) {
	first := mustLoad(t, "", []string{"REFOLD_TOPICS_PREFIX=eu.", "REFOLD_STORE_CACHE_BYTES=2000kB"},
		"--kafka.brokers", "a:1,b:2", "--topics.commands-retention", "1h30m")
	var printed bytes.Buffer
	if err := first.WriteYAML(&printed); err != nil {
		t.Fatal(err)
	}
	second := mustLoad(t, printed.String(), nil)
	if diff := cmp.Diff(first.Config, second.Config); diff != "" {
		t.Errorf("(-printed +loaded):\n%s", diff)
	}
	for _, want := range []string{
		"prefix: \"eu.\" # environment REFOLD_TOPICS_PREFIX",
		"brokers: [\"a:1\", \"b:2\"] # flag --kafka.brokers", "commands-retention: 1h30m",
	} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("%q is not in:\n%s", want, printed.String())
		}
	}
}

// Every option has a default that is allowed, an explanation, and a row in the reference.
func TestReferenceIsComplete(t *testing.T) {
	mustLoad(t, "", nil)
	var reference bytes.Buffer
	if err := options.WriteReference(&reference); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(reference.String()) {
		if strings.HasPrefix(line, "|-") {
			continue
		}
		if cells := strings.Split(line, " | "); len(cells) < 5 || strings.TrimSpace(
			strings.TrimSuffix(strings.TrimSpace(cells[len(cells)-1]), "|")) == "" {
			t.Errorf("incomplete: %s", line)
		}
	}
}

func TestDocumentedReferenceIsCurrent(t *testing.T) {
	documented, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	var reference bytes.Buffer
	if err := config.NewOptions(config.AggregateDefaults{Name: "account"},
		config.AggregateDefaults{Name: "order"}).WriteReference(&reference); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(documented), reference.String()) {
		t.Error("docs/configuration.md differs; `go run ./cmd/processor config --reference` prints it")
	}
}

func TestBytes(t *testing.T) {
	for text, want := range map[string]config.Bytes{
		"0B": 0, "1B": 1, "64MiB": 64 << 20, "1.5kB": 1500, "2 GiB": 2 << 30,
	} {
		got, err := config.ParseBytes(text)
		if err != nil || got != want {
			t.Errorf("%s: got %d, %v", text, got, err)
		}
		if again, err := config.ParseBytes(got.String()); err != nil || again != got {
			t.Errorf("%s: %s is read as %d, %v", text, got, again, err)
		}
	}
	for _, text := range []string{"", "5", "x MiB", "-1B", "9999999TiB"} {
		if got, err := config.ParseBytes(text); err == nil {
			t.Errorf("%q was read as %d", text, got)
		}
	}
}

func TestMemoryMustHoldTheCaches(t *testing.T) {
	_, err := load(t, "store: {cache-bytes: 1GiB}", nil)
	if err == nil || !strings.Contains(err.Error(), "processor.memory-bytes") ||
		!strings.Contains(err.Error(), "store.remember-bytes together, 1216MiB") {
		t.Errorf("got %v", err)
	}
}

// Options of which one makes the other useless are refused, and both are named. Equal ones go together where
// they may.
func TestOptionsThatContradictEachOther(t *testing.T) {
	for _, test := range []struct {
		file       string
		one, other string // none: it is right
	}{
		{"processor: {batch-bytes: 512KiB}", "processor.batch-bytes", "topics.record-bytes, 1920KiB"},
		{"topics: {record-bytes: 16MiB}", "", ""},
		{
			"{topics: {record-bytes: 16MiB}, processor: {batch-bytes: 16MiB}}",
			"processor.batch-bytes", "32MiB",
		},
		{"http: {body-bytes: 1MiB}", "http.body-bytes", "topics.record-bytes, 960KiB"},
		{"{topics: {record-bytes: 64KiB}}", "", ""},
		{
			"{topics: {record-bytes: 4KiB}, http: {body-bytes: 4KiB}, " +
				"aggregates: {order: {recent-commands: 100}}}",
			"aggregates.order.recent-commands", "half of topics.record-bytes holds, 85",
		},
		{"aggregates: {account: {recent-commands: 1024}}", "", ""},
		{"kafka: {transaction-timeout: 5s}", "kafka.request-timeout", "kafka.transaction-timeout, 5s"},
		{"kafka: {transaction-timeout: 10s}", "", ""},
		{"processor: {leave-timeout: 30s}", "processor.leave-timeout", "kafka.rebalance-timeout, 30s"},
		{"reactions: {least-backoff: 2m}", "reactions.most-backoff", "reactions.least-backoff, 2m"},
		{"processor: {backoff-min: 11s}", "processor.backoff-min", "processor.backoff-max, 10s"},
		{"console: {allow: [command, all]}", "console.allow", "command or operate"},
		{"processor: {poison-least: 1001}", "processor.poison-least", "processor.poison-window, 1000"},
		{"tracing: {batch: 3000}", "tracing.batch", "tracing.queue, 2048"},
		{
			"processor: {batch-bytes: 128MiB}",
			"processor.memory-bytes", "processor.batch-bytes together, 640MiB",
		},
		{"rebuild: {cache-bytes: 1GiB}", "processor.memory-bytes", "rebuild.cache-bytes"},
	} {
		_, err := load(t, test.file, nil)
		says := fmt.Sprint(err)
		switch {
		case test.one == "" && err != nil:
			t.Errorf("%s: %v", test.file, err)
		case test.one == "":
		case !strings.Contains(says, test.one), !strings.Contains(says, test.other):
			t.Errorf("%s: it says %s; want %s and %s", test.file, says, test.one, test.other)
		}
	}
}
