package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/pflag"

	"refold/config"
)

// wantMistakes loads and checks that the error has exactly so many mistakes, with these texts.
func wantMistakes(t *testing.T, count int, wants []string, file string, environ []string,
	args ...string,
) {
	t.Helper()
	_, err := load(t, file, environ, args...)
	if err == nil {
		t.Fatal("it was taken")
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in:\n%v", want, err)
		}
	}
	if got := strings.Count(err.Error(), "\n  "); got != count {
		t.Errorf("%d mistakes, want %d:\n%v", got, count, err)
	}
}

func TestEmptyValueIsToldAsSuch(t *testing.T) {
	wantMistakes(t, 2, []string{
		"http.wait-timeout (environment REFOLD_HTTP_WAIT_TIMEOUT): is empty; allowed: a duration",
		"topics.partitions (file ", "refold.yaml:1): is empty; allowed: a whole number",
	}, "topics: {partitions: }", []string{"REFOLD_HTTP_WAIT_TIMEOUT="})
}

// Of zero the packages below would make their default: it is refused where it can't mean zero.
func TestZeroIsNoDefault(t *testing.T) {
	wantMistakes(t, 4, []string{
		`http.wait-timeout (flag --http.wait-timeout): "0s"; allowed: 1s to 10m`,
		`processor.least-gap (flag --processor.least-gap): "0s"`,
		`registry.retry-limit (flag --registry.retry-limit): "0s"`,
		`http.shutdown-timeout (flag --http.shutdown-timeout): "0s"`,
	}, "", nil, "--http.wait-timeout", "0s", "--processor.least-gap", "0s",
		"--registry.retry-limit", "0s", "--http.shutdown-timeout", "0s")
}

func TestNoNumber(t *testing.T) {
	wantMistakes(t, 1, []string{`load.rate (flag --load.rate): "NaN"; allowed: 0 to 100000`},
		"", nil, "--load.rate", "NaN")
}

// The second of two would win without a word.
func TestGivenTwice(t *testing.T) {
	wantMistakes(t, 2, []string{
		"http (file ", "refold.yaml:3): given already in line 1; once is allowed",
		"log.level (file ", "refold.yaml:6): given already in line 5",
	}, `http:
  address: ":1"
http: {address: ":2"}
log:
  level: info
  level: warn
`, nil)
	if _, err := load(t, "http: {address: ':1'}\n---\nhttp: {address: ':2'}\n", nil); err == nil ||
		!strings.Contains(err.Error(), "second document (---) at line 2") {
		t.Errorf("two documents: %v", err)
	}
}

// A password in a URL would be printed with it.
func TestNoPasswordInURLs(t *testing.T) {
	const secret = "correct-horse"
	_, err := load(t, "", []string{
		"REFOLD_REGISTRY_URLS=http://u:" + secret + "@host:1,http://u:" + secret + "@host:bad",
		"REFOLD_KAFKA_SASL_TOKEN_URL=https://u:" + secret + "@host/token",
	})
	if err == nil || strings.Contains(err.Error(), secret) {
		t.Fatalf("got %v", err)
	}
	if n := strings.Count(err.Error(), "\n  "); n != 3 {
		t.Errorf("%d mistakes:\n%v", n, err)
	}
	if !strings.Contains(err.Error(), "without user and password") {
		t.Errorf("got %v", err)
	}
}

// What packages find that use the values comes with all else, unless the option is wrong already.
func TestCheckOfOthers(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	options.AddFlags(flags)
	if err := flags.Parse([]string{"--kafka.brokers", "nowhere", "--http.page-rows", "0"}); err != nil {
		t.Fatal(err)
	}
	_, err := options.Load(config.LoadOptions{
		Flags: flags, Environ: []string{"REFOLD_KAFKA_SASL_PASSWORD=correct-horse"},
		Check: func(c config.Config) config.Mistakes {
			return config.Mistakes{
				{Path: "kafka.brokers", Value: c.Kafka.Brokers[0], Allowed: "something else"},
				{
					Path: "kafka.sasl.password", Value: c.Kafka.SASL.Password.Reveal(),
					Allowed: "nothing, unless kafka.sasl.mechanism is set",
				},
			}
		},
	})
	const want = "the configuration has 3 mistake(s):\n" +
		`  http.page-rows (flag --http.page-rows): "0"; allowed: 1 to 100000` + "\n" +
		`  kafka.brokers (flag --kafka.brokers): "nowhere"; allowed: host:port` + "\n" +
		`  kafka.sasl.password (environment REFOLD_KAFKA_SASL_PASSWORD): "***"; ` +
		"allowed: nothing, unless kafka.sasl.mechanism is set"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}

// Help tells what a flag takes, and a switch needs no value.
func TestFlags(t *testing.T) {
	flags := pflag.NewFlagSet("test", pflag.ContinueOnError)
	options.AddFlags(flags)
	for _, want := range []string{
		"--http.body-bytes size", "--http.read-timeout duration", "--http.waiters int",
		"--kafka.brokers list", "--load.rate number", "Allowed: one of lookup, register.",
	} {
		if !strings.Contains(flags.FlagUsages(), want) {
			t.Errorf("%q is not in:\n%s", want, flags.FlagUsages())
		}
	}
	l := mustLoad(t, "", nil, "--kafka.tls.enabled", "--topics.create=false")
	if !l.Config.Kafka.TLS.Enabled || l.Config.Topics.Create {
		t.Errorf("got %+v", l.Config)
	}
}

func TestFileIsBounded(t *testing.T) {
	name := filepath.Join(t.TempDir(), "refold.yaml")
	text := "http: {address: ':1'}\n" + strings.Repeat("# nothing\n", 1<<20/10+1) + "nope: 1\n"
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := options.Load(config.LoadOptions{Environ: []string{"REFOLD_CONFIG=" + name}})
	if err == nil || !strings.Contains(err.Error(), "larger than 1MiB") {
		t.Errorf("the end of the file was cut off: %v", err)
	}
}
