package traces

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"refold/client/wire"
	"refold/console/frame"
	"refold/console/words"
)

const (
	// maxRows is how many messages a page has: it must not weigh too much.
	maxRows = 200
	// settled is for how long after its last message a trace may still grow: its page asks again.
	settled = 5 * time.Second
	// forgotten is after how long nobody waits for a command any more that has no answer.
	forgotten = 10 * time.Minute
)

// drawing is a trace as rows along an axis.
type drawing struct {
	*wire.Trace

	rows     []row
	from     int // the first row of the page
	pending  int // commands without an answer
	rejected int
	underway bool
	went     spent
}

// row is a message of the trace.
type row struct {
	*wire.TraceNode

	cause *wire.TraceNode // nil of a root
	depth int
	bar   string // the class of its bar: "decided", "onward", "open"; empty: it has none
	until time.Time
}

// spent says where the time went, on the way from the first message to the last one.
type spent struct {
	// deciding is from commands to what was written in answer to them: waiting in the topic, and handling.
	// onward is from events to the commands that they led to: the commit, and the process that reads them.
	deciding, onward, other time.Duration
	commands, handovers     int
}

func newDrawing(t *wire.Trace, now time.Time) *drawing {
	d := &drawing{Trace: t}
	var last []*wire.TraceNode
	var walk func(n, cause *wire.TraceNode, way []*wire.TraceNode)
	walk = func(n, cause *wire.TraceNode, way []*wire.TraceNode) {
		way = append(way[:len(way):len(way)], n)
		if len(last) == 0 || n.Time.After(last[len(last)-1].Time) {
			last = way
		}
		d.add(n, cause, len(way)-1)
		for i := range n.Children {
			walk(&n.Children[i], n, way)
		}
	}
	for i := range t.Roots {
		walk(&t.Roots[i], nil, nil)
	}
	d.went = spentOn(last)
	age := now.Sub(t.Last)
	d.underway = !t.Truncated && (age < settled || d.pending > 0 && age < forgotten)
	return d
}

// add adds a message as a row.
func (d *drawing) add(n, cause *wire.TraceNode, depth int) {
	r := row{TraceNode: n, cause: cause, depth: depth}
	switch n.Kind {
	case wire.KindCommand:
		if r.until = answered(n); !r.until.IsZero() {
			r.bar = "decided"
		} else {
			r.bar, r.until = "open", d.Last
			d.pending++
		}
	case wire.KindEvent:
		for i := range n.Children {
			if c := &n.Children[i]; c.Kind == wire.KindCommand && c.Time.After(r.until) {
				r.bar, r.until = "onward", c.Time
			}
		}
	case wire.KindResult:
		if n.Outcome == wire.StatusRejected {
			d.rejected++
		}
	case wire.KindDeadLetter, wire.KindMissed:
	}
	d.rows = append(d.rows, r)
}

// answered is when a command's answer was written; zero: it has none.
func answered(n *wire.TraceNode) (at time.Time) {
	for i := range n.Children {
		if c := &n.Children[i]; c.Kind != wire.KindCommand && c.Time.After(at) {
			at = c.Time
		}
	}
	return at
}

// spentOn adds up the steps of a way.
func spentOn(way []*wire.TraceNode) (s spent) {
	for i := 1; i < len(way); i++ {
		step := way[i].Time.Sub(way[i-1].Time)
		switch {
		case way[i-1].Kind == wire.KindCommand && way[i].Kind != wire.KindCommand:
			s.deciding += step
			s.commands++
		case way[i-1].Kind != wire.KindCommand && way[i].Kind == wire.KindCommand:
			s.onward += step
			s.handovers++
		default:
			s.other += step
		}
	}
	return s
}

// total is what the way took.
func (s spent) total() time.Duration { return s.deciding + s.onward + s.other }

// place is where a time is on the axis, in percent.
func (d *drawing) place(t time.Time) float64 {
	length := d.Last.Sub(d.First)
	if length <= 0 {
		return 0
	}
	return min(max(100*float64(t.Sub(d.First))/float64(length), 0), 100)
}

func percent(x float64) string { return strconv.FormatFloat(x, 'f', 2, 64) + "%" }

// begin and width are those of a row's bar. Each is wide enough to be seen, within the axis.
func (d *drawing) begin(r row) string { return percent(min(d.place(r.Time), 99)) }

func (d *drawing) width(r row) string {
	begin := min(d.place(r.Time), 99)
	return percent(max(d.place(r.until)-begin, 0.6))
}

// ticks are the marks of the axis, in quarters.
func (d *drawing) ticks() []tick {
	length := d.Last.Sub(d.First)
	if length <= 0 {
		return []tick{{"0%", "start", "0 ms"}}
	}
	marks := []tick{{"0%", "start", "0"}}
	for _, quarter := range []int{1, 2, 3} {
		marks = append(marks, tick{
			strconv.Itoa(25*quarter) + "%", "middle", words.Duration(length * time.Duration(quarter) / 4),
		})
	}
	return append(marks, tick{"100%", "end", words.Duration(length)})
}

type tick struct{ at, anchor, text string }

// page are the rows of the page.
func (d *drawing) page() []row {
	first := min(d.from, len(d.rows))
	return d.rows[first:min(first+maxRows, len(d.rows))]
}

// previous and next lead to the other pages of a large trace.
func (d *drawing) previous() string {
	if d.from == 0 {
		return ""
	}
	from := ""
	if d.from > maxRows {
		from = strconv.Itoa(d.from - maxRows)
	}
	return frame.With(frame.Path("traces", d.CorrelationID), "from", from)
}

func (d *drawing) next() string {
	if d.from+maxRows >= len(d.rows) {
		return ""
	}
	return frame.With(frame.Path("traces", d.CorrelationID), "from", strconv.Itoa(d.from+maxRows))
}

// later says how much later than its cause a message was written.
func (r row) later() string {
	if r.cause == nil {
		return ""
	}
	d := r.Time.Sub(r.cause.Time)
	if d < 0 {
		return "−" + words.Duration(-d)
	}
	return "+" + words.Duration(d)
}

// early reports whether a message is earlier than its cause: clocks differ.
func (r row) early() bool { return r.cause != nil && r.Time.Before(r.cause.Time) }

// took says what the bar of a row stands for.
func (r row) took() string {
	length := words.Duration(max(r.until.Sub(r.Time), 0))
	switch r.bar {
	case "decided":
		return "decided, and the answer written, after " + length
	case "onward":
		return "the commands that it led to were written after " + length
	case "open":
		return "no answer yet"
	}
	return "written"
}

// name is what a message is called.
func (r row) name() string {
	switch r.Kind {
	case wire.KindResult:
		return "Result"
	case wire.KindDeadLetter:
		return "Dead letter"
	case wire.KindCommand, wire.KindEvent, wire.KindMissed:
	}
	return r.Type
}

// path leads to the aggregate, of an event to the state after it; empty: there is no page of it.
func (t *pages) path(r row) string {
	kind, known := t.kinds[r.Aggregate]
	if !known || r.Subject == "" {
		return ""
	}
	path := frame.Path(kind.Plural, r.Subject)
	if r.Kind == wire.KindEvent {
		return frame.With(path, "event", strconv.FormatInt(r.Sequence, 10))
	}
	return path
}

// meaning says what the code of a rejection means; empty: it is not known.
func (t *pages) meaning(r row) string { return t.kinds[r.Aggregate].Meanings[r.Code] }

// letter leads to a dead letter.
func letter(r row) string {
	return frame.Path("dead-letters", strconv.Itoa(int(r.Partition)), strconv.FormatInt(r.Offset, 10))
}

// depthClass indents a row; what is deeper than the last step is not indented further.
func depthClass(r row) string { return "depth-" + strconv.Itoa(min(r.depth, 12)) }

// counts says how many messages there are.
func (d *drawing) counts() string {
	text := words.Plural(int64(d.Commands), "command", "commands") + ", " +
		words.Plural(int64(d.Events), "event", "events") + ", " +
		words.Plural(int64(d.Results), "result", "results")
	if d.DeadLetters > 0 {
		text += ", " + words.Plural(int64(d.DeadLetters), "dead letter", "dead letters")
	}
	return text
}

// whole reads a parameter that is a whole number from 0.
func whole(r *http.Request, name string) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, frame.Invalid(fmt.Sprintf("The parameter %s is %q; it must be a whole number from 0.",
			name, text))
	}
	return n, nil
}
