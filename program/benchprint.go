package program

import (
	"fmt"
	"time"

	"refold/bench"
	"refold/program/command"
)

// row prints a line of the table of figures.
func (o *benchOptions) row(name, format string, args ...any) {
	fmt.Fprintf(o.out, "%-28s %s\n", name, fmt.Sprintf(format, args...))
}

// peak prints the most memory that a worker held, if the system says so.
func (o *benchOptions) peak(u bench.Usage) {
	if u.PeakBytes > 0 {
		o.row("worker memory, peak", "%d MiB", u.PeakBytes>>20)
	}
}

func latencyText(l bench.Latency) string {
	return fmt.Sprintf("p50 %.1f   p99 %.1f   p99.9 %.1f   max %.1f", l.P50, l.P99, l.P999, l.Worst)
}

// perSecond is how many there are to a second, if the time is known.
func perSecond(n int, d time.Duration) string {
	if d <= 0 {
		return "?"
	}
	return command.Number(int(float64(n) / d.Seconds()))
}
