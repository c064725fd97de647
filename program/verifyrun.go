package program

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"refold/logging"
	"refold/snapshots/verify"
)

// run verifies one partition after the other.
func (v *verification) run(ctx context.Context) error {
	begin := time.Now()
	var total verify.PartitionReport
	sources := map[string]bool{}
	compared := newComparedStores(v)
	for _, partition := range v.partitions {
		outcome, err := v.partition(ctx, partition)
		if err != nil {
			return err
		}
		total.Events += outcome.Events
		total.Rows += outcome.Rows
		total.Moved += outcome.Moved
		total.Results += outcome.Results
		total.Differences += outcome.Differences
		for _, s := range outcome.Sources {
			sources[s] = true
		}
		compared.add(partition, outcome.Sources)
	}
	fmt.Fprintln(v.err, compared)
	tellBeyond(v.err, v.beyond)
	fmt.Fprintf(v.err, "%s: %d partitions, %d events, %d rows of %s (%d of them written meanwhile), "+
		"%d results, in %s: ", v.aggregate.Plural, len(v.partitions), total.Events, total.Rows,
		listed(sources), total.Moved, total.Results, time.Since(begin).Round(time.Millisecond))
	if total.Differences > 0 {
		fmt.Fprintf(v.err, "%d differences\n", total.Differences)
		return exitError{exitDiffers}
	}
	if err := compared.none(); err != nil {
		fmt.Fprintln(v.err, "not verified")
		return err
	}
	fmt.Fprintln(v.err, "all equal")
	return nil
}

// comparedStores is of which workers, and for which partitions, a store was compared.
type comparedStores struct {
	*verification
	with    map[string]bool
	without []string // partitions
}

func newComparedStores(v *verification) *comparedStores {
	return &comparedStores{verification: v, with: map[string]bool{}}
}

// add notes the sources of a partition.
func (c *comparedStores) add(partition int32, sources []string) {
	found := false
	for _, s := range sources {
		if s != c.topics.Table {
			found, c.with[s] = true, true
		}
	}
	if !found {
		c.without = append(c.without, strconv.Itoa(int(partition)))
	}
}

// String says it to people.
func (c *comparedStores) String() string {
	switch {
	case c.flags.noWorkers:
		return "stores: none, as --no-workers says"
	case c.workers == 0:
		return "stores: none, the group " + c.topics.Group + " has no members"
	}
	text := fmt.Sprintf("stores: of %d of %d workers, for %d of %d partitions", len(c.with), c.workers,
		len(c.partitions)-len(c.without), len(c.partitions))
	if len(c.without) > 0 {
		text += " (not for " + strings.Join(c.without, ", ") + ")"
	}
	return text
}

// none is an error if there are workers, and none had any of the partitions.
func (c *comparedStores) none() error {
	if c.flags.noWorkers || c.workers == 0 || len(c.with) > 0 {
		return nil
	}
	return fmt.Errorf("no store was compared: none of %d workers has any of the partitions; %s",
		c.workers, otherStores)
}

// done is what is remembered of a partition that was verified.
type done struct {
	// Of says what was verified; another question is another verification.
	Of string `json:"of"`
	verify.PartitionReport
}

// question is what tells verifications apart that use the same directory.
func (v *verification) question() string {
	return strings.Join([]string{
		strings.Join(v.config.Kafka.Brokers, ","), v.topics.Table, v.flags.sample, v.flags.since,
		strings.Join(v.flags.workers, ","), strconv.FormatBool(v.flags.noWorkers),
	}, " ")
}

// partition verifies a partition, unless that was done before, and prints its differences.
func (v *verification) partition(ctx context.Context, partition int32) (verify.PartitionReport, error) {
	name := filepath.Join(v.dir, fmt.Sprintf("%s-%d", v.topics.Table, partition))
	if outcome, err := v.remembered(name); err == nil {
		fmt.Fprintf(v.err, "partition %d was verified before\n", partition)
		return outcome, v.print(name)
	}
	var outcome verify.PartitionReport
	var err error
	for range tries {
		outcome, err = v.once(ctx, partition, name)
		if !errors.Is(err, verify.ErrMovedAway) {
			break
		}
		fmt.Fprintf(v.err, "partition %d: %v; once more\n", partition, err)
	}
	if err != nil {
		return outcome, err
	}
	if err := v.print(name); err != nil {
		return outcome, err
	}
	text, err := json.Marshal(done{v.question(), outcome})
	if err == nil {
		err = os.WriteFile(name+".json", text, 0o600)
	}
	if err != nil {
		return outcome, fmt.Errorf("remember what was done: %w", err)
	}
	return outcome, nil
}

// tries is how often a partition is verified whose worker gives it away meanwhile.
const tries = 3

func (v *verification) remembered(name string) (verify.PartitionReport, error) {
	var d done
	text, err := os.ReadFile(name + ".json")
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err == nil && d.Of != v.question() {
		err = errors.New("it was another question")
	}
	return d.PartitionReport, err
}

// print copies the differences to standard output: all of a partition, or none.
func (v *verification) print(name string) error {
	file, err := os.Open(name + ".differences")
	if err != nil {
		return fmt.Errorf("read the differences: %w", err)
	}
	defer file.Close()
	if _, err := io.Copy(v.out, file); err != nil {
		return fmt.Errorf("print the differences: %w", err)
	}
	return nil
}

// once verifies a partition.
func (v *verification) once(
	ctx context.Context, partition int32, name string,
) (_ verify.PartitionReport, err error) {
	selects, err := v.selects(partition)
	if err != nil {
		return verify.PartitionReport{}, err
	}
	file, err := os.Create(name + ".differences")
	if err != nil {
		return verify.PartitionReport{}, fmt.Errorf("keep the differences: %w", err)
	}
	lines := bufio.NewWriter(file)
	table := &tableCopy{kafka: v.kafka, topic: v.topics.Table, dir: name + ".table"}
	defer func() {
		err = errors.Join(err, table.close(), lines.Flush(), file.Close())
	}()
	encoder := json.NewEncoder(lines)
	encoder.SetEscapeHTML(false)
	progress := newProgress(v.err)
	defer progress.end()
	return verify.Run(ctx, verify.Options{
		Fold: v.aggregate.Fold, Kafka: v.kafka, Events: v.topics.Events,
		TableName: v.topics.Table, Results: v.topics.Results, Partition: partition, Table: table,
		Stores: v.stores, Messages: v.messages, Select: selects,
		Dir: name + ".fold", CacheBytes: verifyCacheBytes, EventsPerSecond: v.flags.rate, CPUShare: 1,
		Progress: progress.tell,
		Report:   func(d verify.Difference) error { return encoder.Encode(d) },
	})
}

// verifyCacheBytes is the memory of the fold of a partition, on a machine of an operator.
const verifyCacheBytes = 128 << 20

// progress tells how far a verification is: a line that changes on a terminal, and elsewhere one now and
// then.
type progress struct {
	w        io.Writer
	terminal bool

	mu    sync.Mutex
	told  time.Time
	wrote bool
}

func newProgress(w io.Writer) *progress {
	return &progress{w: w, terminal: logging.IsTerminal(w), told: time.Now()}
}

func (p *progress) tell(at verify.StageProgress) {
	text := fmt.Sprintf("partition %d: %s", at.Partition, at.Stage)
	if at.Total > 0 {
		text += fmt.Sprintf(" %d%% (%d of %d)", 100*at.Done/at.Total, at.Done, at.Total)
	}
	p.line(text)
}

func (p *progress) line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	interval := 10 * time.Second
	if p.terminal {
		interval = 200 * time.Millisecond
	}
	if time.Since(p.told) < interval {
		return
	}
	p.told, p.wrote = time.Now(), true
	if p.terminal {
		fmt.Fprintf(p.w, "\r\033[K%s", text)
		return
	}
	fmt.Fprintln(p.w, text)
}

// end leaves the terminal's line empty.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal && p.wrote {
		fmt.Fprint(p.w, "\r\033[K")
	}
}
