package installation_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"

	"refold/codecs"
	"refold/config"
	"refold/installation"
	"refold/kafka"
	"refold/processors"
)

func load(t *testing.T, flags ...string) (*config.Loaded, error) {
	t.Helper()
	options := installation.Options(processors.Definitions{})
	set := pflag.NewFlagSet("test", pflag.ContinueOnError)
	options.AddFlags(set)
	if err := set.Parse(flags); err != nil {
		t.Fatal(err)
	}
	return options.Load(config.LoadOptions{
		Flags: set, Check: installation.KafkaMistakes,
		Environ: []string{"REFOLD_KAFKA_SASL_TOKEN=topsecret"},
	})
}

// What package kafka finds is told in the names of options, and says where each value comes from.
func TestMistakesOfKafkaNameOptions(t *testing.T) {
	_, err := load(t, "--kafka.brokers", "good:1,far:0", "--kafka.client-id", "not a name",
		"--kafka.tls.ca-file", "settings.go", "--kafka.sasl.token-url", "https://far/token",
		"--kafka.sasl.client-id", "x")
	mistakes, is := errors.AsType[config.Mistakes](err)
	if !is {
		t.Fatal(err)
	}
	const noTLS = `; allowed: nothing, unless kafka.tls.enabled is true`
	const noOAuth = `; allowed: nothing, unless kafka.sasl.mechanism is OAUTHBEARER`
	want := `the configuration has 6 mistake(s):
  kafka.brokers (flag --kafka.brokers): "far:0"; allowed: host:port, the port from 1 to 65535
  kafka.client-id (flag --kafka.client-id): "not a name"; allowed: at most 249 of a-z, A-Z, 0-9, '.', '_', '-'
  kafka.tls.ca-file (flag --kafka.tls.ca-file): "settings.go"` + noTLS + `
  kafka.sasl.token (environment REFOLD_KAFKA_SASL_TOKEN): "***"` + noOAuth + `
  kafka.sasl.token-url (flag --kafka.sasl.token-url): "https://far/token"` + noOAuth + `
  kafka.sasl.client-id (flag --kafka.sasl.client-id): "x"` + noOAuth
	if got := mistakes.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestWhatIsMissingForKafkaIsNamed(t *testing.T) {
	options := installation.Options(processors.Definitions{})
	for _, sasl := range []string{"PLAIN", "OAUTHBEARER"} {
		_, err := options.Load(config.LoadOptions{
			Environ: []string{"REFOLD_KAFKA_SASL_MECHANISM=" + sasl}, Check: installation.KafkaMistakes,
		})
		if err == nil || !strings.Contains(err.Error(), "(default): is missing; allowed: ") ||
			!strings.Contains(err.Error(), "kafka.sasl.") {
			t.Errorf("%s: %v", sasl, err)
		}
	}
}

// A program without a configuration works by the same numbers.
func TestDefaultsOfKafkaAreThoseOfTheConfiguration(t *testing.T) {
	loaded, err := installation.Options(processors.Definitions{}).Load(config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	in := installation.Installation{Config: loaded.Config}
	configured := in.Kafka(nil).WithDefaults()
	if configured.RecordBytes != kafka.DefaultRecordBytes {
		t.Errorf("topics.record-bytes is %d, kafka.DefaultRecordBytes %d", configured.RecordBytes,
			kafka.DefaultRecordBytes)
	}
	library := kafka.Settings{Brokers: configured.Brokers}.WithDefaults()
	library.LargerRecordBytes = configured.LargerRecordBytes
	if diff := cmp.Diff(library, configured); diff != "" {
		t.Error(diff)
	}
}

// The registry's answers are kept beside the stores, and nowhere if there are none or the cache is off.
func TestWhereTheRegistrysAnswersAreKept(t *testing.T) {
	for name, test := range map[string]struct {
		flags []string
		want  string
	}{
		"by default": {nil, ".refold/registry"},
		"with a prefix": {
			[]string{"--topics.prefix", "eu.", "--store.directory", "/data"}, "/data/eu.registry",
		},
		"elsewhere":          {[]string{"--registry.cache-directory", "/shared"}, "/shared"},
		"stores in memory":   {[]string{"--store.directory", ""}, ""},
		"switched off":       {[]string{"--registry.cache-directory", ""}, ""},
		"elsewhere, always ": {[]string{"--registry.cache-directory", "/x", "--store.directory", ""}, "/x"},
	} {
		t.Run(name, func(t *testing.T) {
			options := installation.Options(processors.Definitions{})
			set := pflag.NewFlagSet("test", pflag.ContinueOnError)
			options.AddFlags(set)
			if err := set.Parse(test.flags); err != nil {
				t.Fatal(err)
			}
			loaded, err := options.Load(config.LoadOptions{Flags: set})
			if err != nil {
				t.Fatal(err)
			}
			in := installation.Installation{Config: loaded.Config}
			if got := in.RegistryCache().Directory; got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A program without a configuration has the same limits.
func TestDefaultsOfTheCacheAreThoseOfTheConfiguration(t *testing.T) {
	loaded, err := installation.Options(processors.Definitions{}).Load(config.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	got := (&installation.Installation{Config: loaded.Config}).RegistryCache()
	want := codecs.CacheSettings{
		Directory: got.Directory, Bytes: codecs.DefaultCacheBytes, Answers: codecs.DefaultCacheAnswers,
		AskAgain: codecs.DefaultAskAgain,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
