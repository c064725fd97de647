//go:build system

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"refold/bench/report"
)

// about describes the machine, the versions and the run.
func (l *lab) about(ctx context.Context, plan []measurement) (*report.Run, error) {
	run := &report.Run{Machine: machine(), Parts: make(map[string]report.Part)}
	var err error
	if run.Versions, err = l.versions(ctx); err != nil {
		return nil, err
	}
	commit, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return nil, fmt.Errorf("asking git for the commit: %w", err)
	}
	part := report.Part{
		Date: time.Now().Format(time.DateOnly), Commit: strings.TrimSpace(string(commit)),
		Command: l.command(), Note: l.note,
	}
	for _, m := range plan {
		run.Parts[m.scenario] = part
	}
	return run, nil
}

// command returns what repeats the run.
func (o options) command() string {
	text := "make bench"
	if o.only != "" {
		text += " ONLY=" + o.only
	}
	if o.subjects != "" {
		text += " SUBJECTS=" + o.subjects
	}
	text += " ROUNDS=" + strconv.Itoa(o.rounds)
	if o.scale != 1 {
		text += " SCALE=" + strconv.FormatFloat(o.scale, 'g', -1, 64)
	}
	return text
}

// machine is what the system says of it.
func machine() map[string]string {
	return map[string]string{
		"CPU":    fmt.Sprintf("%d × %s", runtime.NumCPU(), field("/proc/cpuinfo", "model name")),
		"memory": field("/proc/meminfo", "MemTotal"),
		"system": runtime.GOOS + " " + firstLineOf("/proc/sys/kernel/osrelease") + ", " + runtime.GOARCH,
	}
}

// field returns the first value of a name in a file of lines such as "name : value"; "unknown" if there is
// none.
func field(file, name string) string {
	content, _ := os.ReadFile(file) // other systems have no such file
	for line := range bytes.Lines(content) {
		before, after, _ := strings.Cut(string(line), ":")
		if strings.TrimSpace(before) == name {
			return strings.TrimSpace(after)
		}
	}
	return "unknown"
}

func firstLineOf(file string) string {
	content, _ := os.ReadFile(file) // as above
	line, _, _ := strings.Cut(string(content), "\n")
	return line
}

var (
	errVersion   = errors.New("no version found")
	brokerInPOM  = regexp.MustCompile(`(?s)<artifactId>kafka_2\.13</artifactId>\s*<version>([^<]+)`)
	streamsInPOM = regexp.MustCompile(`<kafka\.version>([^<]+)`)

	debeziumInPOM = regexp.MustCompile(`<debezium\.version>([^<]+)`)
	javaPrinted   = regexp.MustCompile(`version "([^"]+)"`)
)

// versions are those of what is compared, and of what it runs on.
func (l *lab) versions(ctx context.Context) (map[string]string, error) {
	versions := map[string]string{"Go": strings.TrimPrefix(runtime.Version(), "go")}
	for name, from := range map[string]struct {
		file    string
		pattern *regexp.Regexp
	}{
		"Kafka":         {"system/realkafka/kafka/pom.xml", brokerInPOM},
		"Kafka Streams": {streamsFolder + "/pom.xml", streamsInPOM},
		"Debezium":      {sinkFolder + "/pom.xml", debeziumInPOM},
	} {
		text, err := os.ReadFile(from.file)
		if err != nil {
			return nil, fmt.Errorf("looking for the version of %s: %w", name, err)
		}
		match := from.pattern.FindSubmatch(text)
		if match == nil {
			return nil, fmt.Errorf("%w: %s in %s", errVersion, name, from.file)
		}
		versions[name] = string(match[1])
	}
	printed, err := exec.CommandContext(ctx, l.java, "-version").CombinedOutput()
	match := javaPrinted.FindSubmatch(printed)
	if err != nil || match == nil {
		return nil, fmt.Errorf("%w: Java: %s", errVersion, printed)
	}
	versions["Java"] = string(match[1])
	if build, known := debug.ReadBuildInfo(); known {
		for _, module := range build.Deps {
			switch module.Path {
			case "github.com/twmb/franz-go":
				versions["franz-go"] = module.Version
			case "github.com/lovoo/goka":
				versions["Goka"] = module.Version
			case "github.com/cockroachdb/pebble/v2":
				versions["Pebble"] = module.Version
			}
		}
	}
	return versions, nil
}
