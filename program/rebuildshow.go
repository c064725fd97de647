package program

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"refold/logging"
	"refold/snapshots/rebuild"
)

// The pace at which a rebuild is shown.
const (
	redrawInterval = 200 * time.Millisecond // on a terminal
	repeatInterval = 5 * time.Second        // elsewhere, a line
	barWidth       = 24
)

// watchRebuild shows how far a rebuild is until it has ended, and then what came of it.
func watchRebuild(ctx context.Context, w io.Writer, d *rebuild.Requests, id string) error {
	terminal := logging.IsTerminal(w)
	interval := repeatInterval
	if terminal {
		interval = redrawInterval
	}
	var shown string
	var last time.Time
	for {
		one, err := d.Rebuild(id)
		if err != nil {
			return err
		}
		if one.Stage().Final() {
			if terminal {
				fmt.Fprint(w, "\r\x1b[K")
			}
			return concludeRebuild(w, &one)
		}
		line := progressLine(&one)
		stage, _, _ := strings.Cut(line, " ")
		if time.Since(last) >= interval || stage != shown {
			last, shown = time.Now(), stage
			if terminal {
				fmt.Fprint(w, "\r\x1b[K"+line)
			} else {
				fmt.Fprintln(w, line)
			}
		}
		select {
		case <-time.After(redrawInterval):
		case <-ctx.Done():
			fmt.Fprintf(w, "\nthe rebuild goes on; --watch shows it again\n")
			return nil
		}
	}
}

// progressLine is a rebuild that has not ended, in one line.
func progressLine(r *rebuild.Rebuild) string {
	t := r.Totals()
	ended := 0
	for _, p := range r.Progress {
		if p.Stage.Final() {
			ended++
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-9s %s %s of %s events", t.Stage, bar(t.EventsRead, t.EventsTotal),
		number(int(t.EventsRead)), number(int(t.EventsTotal)))
	if t.Rate > 0 {
		fmt.Fprintf(&b, ", %s/s", number(int(t.Rate)))
	}
	if t.SecondsLeft > 0 {
		fmt.Fprintf(&b, ", %.0f s left", t.SecondsLeft)
	}
	fmt.Fprintf(&b, ", %s rows differ, %d of %d partitions done", number(int(t.Differing)), ended,
		len(r.Progress))
	for i, p := range r.Progress {
		if p.Stage == rebuild.Waiting && p.Reason != "" {
			fmt.Fprintf(&b, "; partition %d waits: %s", i, p.Reason)
			break
		}
	}
	return b.String()
}

// bar draws a share.
func bar(done, of int64) string {
	full := 0
	if of > 0 {
		full = int(min(barWidth, barWidth*done/of))
	}
	return "[" + strings.Repeat("#", full) + strings.Repeat(".", barWidth-full) + "]"
}

// concludeRebuild shows what came of a rebuild. Its error has the command's exit code.
func concludeRebuild(w io.Writer, r *rebuild.Rebuild) error {
	t := r.Totals()
	took := time.Duration(0)
	for i, p := range r.Progress {
		took = max(took, p.Updated.Sub(r.Time))
		if p.Stage == rebuild.Failed {
			fmt.Fprintf(w, "partition %d failed: %s\n", i, p.Reason)
		}
		if r.DryRun { // otherwise they are wrong no more
			showSamples(w, p.Samples)
		}
	}
	what := "written"
	if r.DryRun {
		what = "found; nothing was written"
	}
	fmt.Fprintf(w, "rebuild %s is %s: %s rows equal; %s changed, %s added, %s removed (%s); "+
		"%s events in %v\n", r.ID, t.Stage, number(int(t.Equal)), number(int(t.Changed)),
		number(int(t.Added)), number(int(t.Removed)), what, number(int(t.EventsRead)),
		took.Round(100*time.Millisecond))
	if t.Steps > 0 {
		fmt.Fprintf(w, "commands waited for it for %.0f ms at most (steps: %s)\n",
			t.LongestStep*1000, number(t.Steps))
	}
	switch {
	case t.Stage != rebuild.Done:
		return exitError{exitFailed}
	case r.DryRun && t.Changed+t.Added+t.Removed > 0:
		return exitError{exitDifferences}
	}
	return nil
}

// showSamples prints rows that differ, a field a line.
func showSamples(w io.Writer, text json.RawMessage) {
	var samples []struct {
		Key     string `json:"key"`
		Verdict string `json:"verdict"`
		Fields  []struct {
			Path string          `json:"path"`
			Row  json.RawMessage `json:"row"`
			Fold json.RawMessage `json:"fold"`
		} `json:"fields"`
	}
	if json.Unmarshal(text, &samples) != nil {
		return
	}
	for _, s := range samples {
		fmt.Fprintf(w, "%s %s\n", s.Verdict, s.Key)
		for _, f := range s.Fields {
			fmt.Fprintf(w, "    %-24s is %s, should be %s\n", f.Path, orNothing(f.Row), orNothing(f.Fold))
		}
	}
}

func orNothing(value json.RawMessage) string {
	if len(value) == 0 {
		return "nothing"
	}
	return string(value)
}

// showOverview prints a table's partitions and its rebuilds.
func showOverview(w io.Writer, o rebuild.Overview) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "PARTITION\tFOLD VERSION\tWORKER'S\tWORKER")
	for _, t := range o.Partitions {
		fmt.Fprintf(table, "%d\t%d\t%d\t%s\n", t.Partition, t.FoldVersion, t.WorkersFoldVersion, t.Worker)
	}
	fmt.Fprintln(table, "\nREBUILD\tSTAGE\tDRY RUN\tEQUAL\tCHANGED\tADDED\tREMOVED\tASKED FOR BY")
	for i := range o.Rebuilds {
		r := &o.Rebuilds[i]
		t := r.Totals()
		fmt.Fprintf(table, "%s\t%s\t%v\t%d\t%d\t%d\t%d\t%s\n", r.ID, t.Stage, r.DryRun, t.Equal,
			t.Changed, t.Added, t.Removed, r.By)
	}
	_ = table.Flush() // as every print to standard output
}
