// Package docker_test checks what can be checked of the files here without Docker: that they fit
// the program, and each other.
package docker_test

import (
	"encoding/xml"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"refold/config" //nolint:depguard // the environment of the services is configuration
)

// options are those of the program in the image.
var options = config.NewOptions(
	config.AggregateDefaults{Name: "account"}, config.AggregateDefaults{Name: "order"},
)

// service is what is looked at here of a service of compose.yaml.
type service struct {
	Image       string            `yaml:"image"`
	Build       map[string]any    `yaml:"build"`
	Command     []string          `yaml:"command"`
	Environment map[string]string `yaml:"environment"`
	DependsOn   map[string]struct {
		Condition string `yaml:"condition"`
	} `yaml:"depends_on"`
	Healthcheck map[string]any `yaml:"healthcheck"`
	Volumes     []string       `yaml:"volumes"`
	Ports       []string       `yaml:"ports"`
	Memory      string         `yaml:"mem_limit"`
	Grace       string         `yaml:"stop_grace_period"`
}

type compose struct {
	Services map[string]service `yaml:"services"`
	Volumes  map[string]any     `yaml:"volumes"`
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func load[T any](t *testing.T, path string) (v T) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, path)), &v); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return v
}

// find returns what a pattern's group matches in a file; exactly one match is expected.
func find(t *testing.T, path, pattern string) string {
	t.Helper()
	matches := regexp.MustCompile(pattern).FindAllStringSubmatch(read(t, path), -1)
	if len(matches) != 1 {
		t.Fatalf("%s: want one match of %s, found %d", path, pattern, len(matches))
	}
	return matches[0][1]
}

// ours are the services that run the program, with the environment that the image adds.
func ours(t *testing.T) map[string]service {
	t.Helper()
	found := load[compose](t, "compose.yaml").Services
	maps.DeleteFunc(found, func(_ string, s service) bool { return s.Build == nil })
	image := imageEnvironment(t)
	for name, s := range found {
		environment := maps.Clone(image)
		maps.Copy(environment, s.Environment)
		s.Environment = environment
		found[name] = s
	}
	return found
}

// workers are those of our services that run a worker, which is what the image does by itself.
func workers(t *testing.T) map[string]service {
	t.Helper()
	found := ours(t)
	maps.DeleteFunc(found, func(_ string, s service) bool { return len(s.Command) > 0 })
	if len(found) < 2 {
		t.Fatalf("want two workers, found %d", len(found))
	}
	return found
}

func imageEnvironment(t *testing.T) map[string]string {
	t.Helper()
	environment := make(map[string]string)
	setting := regexp.MustCompile(`(?m)^(?:ENV| {3}) (REFOLD_\w+)=(\S+)`)
	for _, match := range setting.FindAllStringSubmatch(read(t, "Dockerfile"), -1) {
		environment[match[1]] = match[2]
	}
	if len(environment) == 0 {
		t.Fatal("Dockerfile: found no REFOLD_ variable")
	}
	return environment
}

func settings(t *testing.T, name string, s service) config.Config {
	t.Helper()
	var environ []string
	for variable, value := range s.Environment {
		environ = append(environ, variable+"="+value)
	}
	loaded, err := options.Load(config.LoadOptions{Environ: environ})
	if err != nil {
		t.Fatalf("%s: %v", name, err) // unknown variables are mistakes, too
	}
	return loaded.Config
}

func TestConfigurationIsValid(t *testing.T) {
	for name, s := range ours(t) {
		c := settings(t, name, s)
		for _, broker := range c.Kafka.Brokers {
			if broker != "kafka:9092" {
				t.Errorf("%s: no broker listens at %s", name, broker)
			}
		}
		if c.Topics.ReplicationFactor != 1 {
			t.Errorf("%s: there is one broker, but topics want %d copies",
				name, c.Topics.ReplicationFactor)
		}
	}
}

// TestUnknownVariablesAreFound makes sure that TestConfigurationIsValid can fail.
func TestUnknownVariablesAreFound(t *testing.T) {
	_, err := options.Load(config.LoadOptions{Environ: []string{"REFOLD_KAFKA_BROKER=kafka:9092"}})
	if err == nil {
		t.Error("a misspelled variable is taken for right")
	}
}

func TestCommandsExist(t *testing.T) {
	for name, s := range ours(t) {
		for _, word := range s.Command {
			found := false
			for _, file := range []string{"topics.go", "schemas/commands.go", "schemas/register.go"} {
				found = found || strings.Contains(read(t, "../program/operate/"+file), strconv.Quote(word))
			}
			if !found {
				t.Errorf("%s: the program has no command %q", name, word)
			}
		}
	}
	find(t, "Dockerfile", `(?m)^CMD \["(run)"\]$`)
	find(t, "../program/root.go", `Use: +"(run)"`)
}

// TestWorkers checks what several workers on one cluster need.
func TestWorkers(t *testing.T) {
	volumes := load[compose](t, "compose.yaml").Volumes
	seen := make(map[string]string)
	only := func(worker, thing string) {
		if other, taken := seen[thing]; taken {
			t.Errorf("%s and %s share %s", worker, other, thing)
		}
		seen[thing] = worker
	}
	for name, s := range workers(t) {
		c := settings(t, name, s)
		if c.Registry.Mode != "lookup" || c.Topics.Create {
			t.Errorf("%s: topics and schemas are made by steps of deployment, not by workers", name)
		}
		for _, step := range []string{"topics", "schemas"} {
			if s.DependsOn[step].Condition != "service_completed_successfully" {
				t.Errorf("%s does not wait for the step %s", name, step)
			}
		}
		only(name, "the transactional ID "+c.Processor.TransactionalID)
		for _, volume := range s.Volumes {
			source, target, _ := strings.Cut(volume, ":")
			only(name, "the volume "+source)
			if _, declared := volumes[source]; !declared || target != c.Store.Directory {
				t.Errorf("%s: want a declared volume at %s, found %s",
					name, c.Store.Directory, volume)
			}
		}
		for _, port := range s.Ports {
			parts := strings.Split(port, ":")
			only(name, "the port "+parts[1])
			if parts[0] != "127.0.0.1" || ":"+parts[2] != c.HTTP.Address {
				t.Errorf("%s: port %s: want 127.0.0.1, as there is no authentication, and %s",
					name, port, c.HTTP.Address)
			}
		}
	}
}

// TestLimits checks that Docker's limits leave the program room for its own.
func TestLimits(t *testing.T) {
	for name, s := range load[compose](t, "compose.yaml").Services {
		if s.Memory == "" {
			t.Errorf("%s has no limit of memory", name)
		}
	}
	for name, s := range workers(t) {
		c := settings(t, name, s)
		// Docker's k, m and g are binary.
		limit, err := config.ParseBytes(strings.ToUpper(s.Memory) + "iB")
		if err != nil {
			t.Fatalf("%s: mem_limit: %v", name, err)
		}
		if c.Processor.MemoryBytes > limit*8/10 {
			t.Errorf("%s: processor.memory-bytes is %v, more than 80%% of %v",
				name, c.Processor.MemoryBytes, limit)
		}
		grace, err := time.ParseDuration(s.Grace)
		if err != nil {
			t.Fatalf("%s: stop_grace_period: %v", name, err)
		}
		const own = 10 * time.Second // what the program promises after SIGTERM
		if grace <= own || c.Processor.LeaveTimeout >= own {
			t.Errorf("%s: want leave-timeout %v < %v < stop_grace_period %v",
				name, c.Processor.LeaveTimeout, own, grace)
		}
	}
}

// TestWaitsForHealth checks that who is waited for says when it is ready.
func TestWaitsForHealth(t *testing.T) {
	services := load[compose](t, "compose.yaml").Services
	for name, s := range services {
		for other, wait := range s.DependsOn {
			target, exists := services[other]
			if !exists {
				t.Errorf("%s depends on %s, which does not exist", name, other)
			}
			if wait.Condition == "service_healthy" && target.Healthcheck == nil {
				t.Errorf("%s waits for the health of %s, which has no check", name, other)
			}
		}
	}
}

func TestPrometheusScrapesEveryWorker(t *testing.T) {
	type scrapes struct {
		Configs []struct {
			Job     string `yaml:"job_name"`
			Path    string `yaml:"metrics_path"` // empty: /metrics
			Statics []struct {
				Targets []string `yaml:"targets"`
			} `yaml:"static_configs"`
		} `yaml:"scrape_configs"`
	}
	var targets, want []string
	for _, c := range load[scrapes](t, "prometheus.yml").Configs {
		for _, static := range c.Statics {
			targets = append(targets, static.Targets...)
		}
		if c.Job != "refold" || c.Path != "" {
			t.Errorf("alerts.yml speaks of the job refold at /metrics, not of %s%s", c.Job, c.Path)
		}
	}
	for name, s := range workers(t) {
		want = append(want, name+settings(t, name, s).HTTP.Address)
	}
	slices.Sort(targets)
	slices.Sort(want)
	if !slices.Equal(targets, want) {
		t.Errorf("Prometheus scrapes %v, the workers are %v", targets, want)
	}
}

// TestVersions checks that what is run here is what the system tests run.
func TestVersions(t *testing.T) {
	version := find(t, "../go.mod", `(?m)^go (\S+)$`)
	if got := find(t, "Dockerfile", `(?m)^FROM .*golang:([0-9.]+)-\S+ AS build$`); got != version {
		t.Errorf("Dockerfile builds with Go %s, go.mod says %s", got, version)
	}
	services := load[compose](t, "compose.yaml").Services
	for name, tested := range map[string]struct{ image, pom, artifact string }{
		"kafka":    {"apache/kafka", "kafka/pom.xml", "kafka_2.13"},
		"registry": {"apicurio/apicurio-registry", "apicurio/pom.xml", "apicurio-registry-app"},
	} {
		want := tested.image + ":" + mavenVersion(t, "../system/realkafka/"+tested.pom, tested.artifact)
		if got := services[name].Image; got != want {
			t.Errorf("%s runs %s, the system tests use %s", name, got, want)
		}
	}
}

// TestImageIsBuiltLikeTheProgram compares the Dockerfile's build with the Makefile's.
func TestImageIsBuiltLikeTheProgram(t *testing.T) {
	const pattern = `(?m)(CGO_ENABLED=0|-trimpath|-ldflags "[^"]*"|\./cmd/processor\b)`
	steps := regexp.MustCompile(pattern)
	shell := strings.NewReplacer("$(VERSION)", "$VERSION")
	recipe := find(t, "../Makefile", `(?m)^bin/processor:\n\t(.*)$`)
	for _, step := range steps.FindAllString(shell.Replace(recipe), -1) {
		if !strings.Contains(read(t, "Dockerfile"), step) {
			t.Errorf("the Makefile builds with %s, the Dockerfile does not", step)
		}
	}
}

// mavenVersion returns the version of an artifact that a pom file names, at whatever depth.
func mavenVersion(t *testing.T, path, artifact string) string {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(read(t, path)))
	var name, element string
	for {
		token, err := decoder.Token()
		if err != nil {
			t.Fatalf("%s: looking for the version of %s: %v", path, artifact, err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			element = token.Name.Local
		case xml.EndElement:
			element = ""
		case xml.CharData:
			text := string(token)
			if element == "artifactId" {
				name = text
			}
			if element == "version" && name == artifact {
				return text
			}
		}
	}
}
