package load

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// topCodes is how many codes of rejections a progress line has.
const topCodes = 3

// Report writes a progress line at every interval until ctx ends.
func (d *Driver) Report(ctx context.Context, w io.Writer, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	var before int
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticker.C:
			s := d.tally.Summary()
			rate := float64(s.Commands-before) / interval.Seconds()
			before = s.Commands
			fmt.Fprintln(w, now.Format(time.TimeOnly)+"  "+s.line(rate))
		}
	}
}

// line is the summary on one line.
func (s Summary) line(rate float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sent %d (%.0f/s)  accepted %d  rejected %d", s.Commands, rate, s.Accepted, s.Rejected)
	if codes := ranking(s.Codes); len(codes) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(codes[:min(topCodes, len(codes))], ", "))
	}
	fmt.Fprintf(&b, "  repeated %d  failed %d  p50 %v  p99 %v", s.Repeated, s.Failed,
		rounded(s.RecentP50), rounded(s.RecentP99))
	if len(s.Stories) > 0 {
		fmt.Fprintf(&b, "  %s: %s", s.Called, strings.Join(ranking(s.Stories), ", "))
	}
	return b.String()
}

// WriteText writes the summary of a run that took so long, for people.
func (s Summary) WriteText(w io.Writer, took time.Duration) error {
	var b strings.Builder
	row := func(name, format string, args ...any) {
		fmt.Fprintf(&b, "%-10s  "+format+"\n", append([]any{name}, args...)...)
	}
	row("commands", "%d in %v, %.1f/s", s.Commands, rounded(took), s.rate(took))
	row("accepted", "%d", s.Accepted)
	row("rejected", "%d", s.Rejected)
	for _, code := range ranking(s.Codes) {
		row("", "%s", code)
	}
	row("repeated", "%d sent twice on purpose", s.Repeated)
	row("retried", "%d asked again for want of an answer", s.Retried)
	row("latency", "p50 %v, p99 %v", rounded(s.P50), rounded(s.P99))
	for i, state := range ranking(s.Stories) {
		name := ""
		if i == 0 {
			name = s.Called
		}
		row(name, "%s", state)
	}
	if s.Unknown > 0 {
		row("unknown", "%d cut off by the end", s.Unknown)
	}
	row("failed", "%d", s.Failed)
	for _, failure := range s.Failures {
		row("", "%s", failure)
	}
	_, err := io.WriteString(w, b.String())
	return err //nolint:wrapcheck // the writer is the caller's
}

// WriteJSON writes the summary of a run that took so long, for programs: one line. Stories, if the traffic
// has any, are a member under the name that they are called by.
func (s Summary) WriteJSON(w io.Writer, took time.Duration) error {
	line, err := json.Marshal(struct {
		Counts
		Seconds   float64 `json:"seconds"`
		Rate      float64 `json:"commandsPerSecond"`
		P50Millis float64 `json:"p50Millis"`
		P99Millis float64 `json:"p99Millis"`
	}{s.Counts, took.Seconds(), s.rate(took), millis(s.P50), millis(s.P99)})
	if err == nil && s.Called != "" {
		var stories []byte
		stories, err = json.Marshal(map[string]any{s.Called: s.Stories})
		line = append(append(line[:len(line)-1], ','), stories[1:]...)
	}
	if err != nil {
		return fmt.Errorf("encode the summary: %w", err)
	}
	_, err = w.Write(append(line, '\n'))
	return err //nolint:wrapcheck // the writer is the caller's
}

func (s Summary) rate(took time.Duration) float64 {
	return float64(s.Commands) / max(took.Seconds(), 1e-3)
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// rounded leaves three digits or so.
func rounded(d time.Duration) time.Duration {
	switch {
	case d >= 10*time.Second:
		return d.Round(100 * time.Millisecond)
	case d >= 10*time.Millisecond:
		return d.Round(time.Millisecond)
	default:
		return d.Round(10 * time.Microsecond)
	}
}

// ranking is "name count", the most frequent first.
func ranking(counts map[string]int) []string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], cmp.Compare(a, b))
	})
	for i, name := range names {
		names[i] = name + " " + strconv.Itoa(counts[name])
	}
	return names
}
