//go:build system

package realkafka

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// LeastJava is the oldest Java that runs both servers: Kafka 4 is content with 17, Apicurio
// Registry 3 is not.
const LeastJava = 21

// ErrMissing is wrapped by errors about what this machine lacks: Java, a new enough Java, Maven.
var ErrMissing = errors.New("missing on this machine")

var javaVersion = regexp.MustCompile(`version "(\d+)(?:\.(\d+))?`)

// java is one installation of a JDK or JRE.
type java struct {
	Home    string
	Version int // the major one: 21
}

func (j java) binary() string { return filepath.Join(j.Home, "bin", "java") }

// findKafka returns a Java, and Kafka's class path.
func findKafka(ctx context.Context) (java, string, error) {
	j, err := findJava(ctx)
	if err != nil {
		return j, "", err
	}
	jars, err := fetch(ctx, j, "kafka", "dependency:copy-dependencies", kafkaPOM)
	return j, filepath.Join(jars, "*"), err
}

// findJava returns the newest Java among JAVA_HOME, PATH and the usual folders of systems.
func findJava(ctx context.Context) (java, error) { return newest(ctx, javaCandidates()) }

// newest returns the newest of these, if it is new enough.
func newest(ctx context.Context, binaries []string) (java, error) {
	var best java
	var seen []string
	for _, binary := range binaries {
		version, err := versionOf(ctx, binary)
		if err != nil {
			continue // a broken installation is no reason not to use another one
		}
		seen = append(seen, fmt.Sprintf("%s (Java %d)", binary, version))
		if version > best.Version {
			best = java{Home: filepath.Dir(filepath.Dir(binary)), Version: version}
		}
	}
	const ask = "install a JDK %d or newer, or point JAVA_HOME to one"
	switch {
	case best.Version == 0:
		return java{}, fmt.Errorf("%w: Java; "+ask, ErrMissing, LeastJava)
	case best.Version < LeastJava:
		return java{}, fmt.Errorf("%w: a Java that is new enough, found only %s; "+ask,
			ErrMissing, strings.Join(seen, ", "), LeastJava)
	}
	return best, nil
}

// javaCandidates returns the java binaries of this machine, each once.
func javaCandidates() []string {
	var candidates []string
	if home := os.Getenv("JAVA_HOME"); home != "" {
		candidates = append(candidates, filepath.Join(home, "bin", "java"))
	}
	if binary, err := exec.LookPath("java"); err == nil {
		candidates = append(candidates, binary)
	}
	for _, pattern := range []string{
		"/usr/lib/jvm/*/bin/java",                                    // Linux
		"/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java", // macOS
	} {
		found, _ := filepath.Glob(pattern) // fails on bad patterns only
		candidates = append(candidates, found...)
	}
	var binaries []string
	known := make(map[string]bool)
	for _, candidate := range candidates {
		binary, err := filepath.EvalSymlinks(candidate)
		if err != nil || known[binary] {
			continue
		}
		known[binary] = true
		binaries = append(binaries, binary)
	}
	return binaries
}

// versionOf asks a java binary for its major version.
func versionOf(ctx context.Context, binary string) (int, error) {
	out, err := exec.CommandContext(ctx, binary, "-version").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("asking %s for its version: %w", binary, err)
	}
	return parseVersion(string(out))
}

// parseVersion finds the major version in what `java -version` prints: 25 in "25.0.3", and 8 in
// "1.8.0", as it was written until Java 8.
func parseVersion(out string) (int, error) {
	match := javaVersion.FindStringSubmatch(out)
	if match == nil {
		return 0, fmt.Errorf("no version in %q", out)
	}
	if match[1] == "1" && match[2] != "" {
		return strconv.Atoi(match[2])
	}
	return strconv.Atoi(match[1])
}
