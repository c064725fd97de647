//go:build system

package main

import (
	"context"
	_ "embed" // the peer
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"refold/system/realkafka"
)

//go:embed streams/pom.xml
var streamsPOM []byte

//go:embed streams/Restore.java
var streamsSource []byte

// The peer's names: its changelog is the table that both restore.
const (
	application = "peer"
	store       = "accounts"
	changelog   = application + "-" + store + "-changelog"
)

// trial is a table topic and two programs that restore it.
type trial struct {
	options
	dir               string
	brokers, registry string
	java, classes     string // of the peer
}

// taken is what a restore took, as both programs print it.
type taken struct {
	Rows            int     `json:"rows"`
	Seconds         float64 `json:"seconds"`
	CPUSeconds      float64 `json:"cpuSeconds"`
	TotalCPUSeconds float64 `json:"totalCpuSeconds"`
	PeakBytes       int64   `json:"peakBytes"`
}

var errRows = errors.New("another number of rows was restored than was written")

// prepare compiles the peer, and writes the table.
func (t *trial) prepare(ctx context.Context) error {
	java, jars, err := realkafka.Jars(ctx, "streams", streamsPOM)
	if err != nil {
		return err
	}
	source, classes := filepath.Join(t.dir, "Restore.java"), filepath.Join(t.dir, "classes")
	if err := os.WriteFile(source, streamsSource, 0o600); err != nil {
		return fmt.Errorf("writing the peer's source: %w", err)
	}
	t.java, t.classes = java, classes+string(filepath.ListSeparator)+filepath.Join(jars, "*")
	compile := exec.CommandContext(ctx, java, "-cp", t.classes,
		"org.eclipse.jdt.internal.compiler.batch.Main", "-classpath", everyJar(jars), "--release", "21",
		"-nowarn", "-d", classes, source)
	if out, err := compile.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling the peer: %w\n%s", err, out)
	}
	if err := t.makeInput(ctx); err != nil {
		return err
	}
	one, err := t.restore(ctx, "--rows", strconv.Itoa(t.rows), "--partitions", strconv.Itoa(t.partitions))
	if err == nil {
		fmt.Printf("%d rows of accounts written to %d partitions of Kafka; %d CPUs here\n", one.Rows,
			t.partitions, runtime.NumCPU())
	}
	return err
}

// everyJar is the class path of a folder, for a compiler that does not know the asterisk.
func everyJar(folder string) string {
	jars, _ := filepath.Glob(filepath.Join(folder, "*.jar")) // fails on bad patterns only
	var path string
	for _, jar := range jars {
		path += jar + string(filepath.ListSeparator)
	}
	return path
}

// ours restores the table as the worker does.
func (t *trial) ours(ctx context.Context) (taken, error) { return t.restore(ctx) }

func (t *trial) restore(ctx context.Context, more ...string) (taken, error) {
	args := []string{
		"bench", "restore", "--json", "--topic", changelog, "--brokers", t.brokers, "--registry", t.registry,
	}
	return t.measured(exec.CommandContext(ctx, t.program, append(args, more...)...), "the worker")
}

// theirs restores it as Kafka Streams does.
func (t *trial) theirs(ctx context.Context) (taken, error) {
	state := filepath.Join(t.dir, "state")
	one, err := t.measured(exec.CommandContext(ctx, t.java, "-Xmx512m", "--enable-native-access=ALL-UNNAMED",
		"-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-cp", t.classes, "Restore",
		t.brokers, application, store, state, strconv.Itoa(min(runtime.NumCPU(), t.partitions)),
		strconv.Itoa(t.partitions)), "Kafka Streams")
	return one, errors.Join(err, os.RemoveAll(state))
}

// measured runs a program that prints what its restore took.
func (t *trial) measured(program *exec.Cmd, name string) (one taken, err error) {
	program.Stderr = os.Stderr
	printed, err := program.Output()
	if err == nil {
		err = json.Unmarshal(printed, &one)
	}
	if err != nil {
		return one, fmt.Errorf("the restore of %s: %w\n%s", name, err, printed)
	}
	if one.Rows != t.rows {
		return one, fmt.Errorf("%w: %d by %s, of %d", errRows, one.Rows, name, t.rows)
	}
	if one.TotalCPUSeconds == 0 { // the worker's program tells that of its child
		s := program.ProcessState
		one.TotalCPUSeconds = (s.UserTime() + s.SystemTime()).Seconds()
	}
	fmt.Printf("%-14s %.2f s, %.2f CPU s (process: %.2f), %d MiB\n", name, one.Seconds, one.CPUSeconds,
		one.TotalCPUSeconds, one.PeakBytes>>20)
	return one, nil
}
