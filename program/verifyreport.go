package program

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"refold/logging"
	"refold/operator"
	"refold/processors"
	"refold/snapshots/verify"
)

// verifyReport prints what a verification does and finds.
type verifyReport struct {
	flags        verifyFlags
	verification *operator.Verification
	plural       string
	topics       processors.Topics
	out, err     io.Writer
}

// run verifies. Differences go to standard output, all of a partition or none.
func (r *verifyReport) run(ctx context.Context) (operator.VerificationReport, error) {
	progress := newProgress(r.err)
	defer progress.end()
	return r.verification.Run(ctx, operator.VerificationCallbacks{
		Progress: progress.tell,
		Again: func(partition int32, why error) {
			progress.end()
			fmt.Fprintf(r.err, "partition %d: %v; once more\n", partition, why)
		},
		Verified: func(p operator.VerifiedPartition) error {
			progress.end()
			if p.Before {
				fmt.Fprintf(r.err, "partition %d was verified before\n", p.Partition)
			}
			if _, err := io.Copy(r.out, p.Differences); err != nil {
				return fmt.Errorf("print the differences: %w", err)
			}
			return nil
		},
	})
}

// conclude prints the whole. Its error has the command's exit code.
func (r *verifyReport) conclude(report operator.VerificationReport, beyond *processors.Beyond) error {
	fmt.Fprintln(r.err, r.stores(report))
	tellBeyond(r.err, beyond)
	fmt.Fprintf(r.err, "%s: %d partitions, %d events, %d rows of %s (%d of them written meanwhile), "+
		"%d results, in %s: ", r.plural, len(r.verification.Partitions), report.Events, report.Rows,
		strings.Join(report.Sources, ", "), report.Moved, report.Results,
		report.Took.Round(time.Millisecond))
	if report.Differences > 0 {
		fmt.Fprintf(r.err, "%d differences\n", report.Differences)
		return exitError{exitDiffers}
	}
	if workers := r.verification.Workers; workers > 0 && len(report.Stores) == 0 {
		fmt.Fprintln(r.err, "not verified")
		return fmt.Errorf("no store was compared: none of %d workers has any of the partitions; %s",
			workers, otherStores)
	}
	fmt.Fprintln(r.err, "all equal")
	return nil
}

// stores says of how many workers, and for which partitions, a store was compared.
func (r *verifyReport) stores(report operator.VerificationReport) string {
	switch {
	case r.flags.noWorkers:
		return "stores: none, as --no-workers says"
	case r.verification.Workers == 0:
		return "stores: none, the group " + r.topics.Group + " has no members"
	}
	all := len(r.verification.Partitions)
	text := fmt.Sprintf("stores: of %d of %d workers, for %d of %d partitions", len(report.Stores),
		r.verification.Workers, all-len(report.Without), all)
	if len(report.Without) > 0 {
		without := make([]string, len(report.Without))
		for i, p := range report.Without {
			without[i] = strconv.Itoa(int(p))
		}
		text += " (not for " + strings.Join(without, ", ") + ")"
	}
	return text
}

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
		p.wrote = false
	}
}
