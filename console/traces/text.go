package traces

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"refold/client/wire"
	"refold/console/words"
)

// text draws the trace for a ticket or a terminal.
func (d *drawing) text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "trace %s: %s within %s, from %s\n", plain(d.CorrelationID), d.counts(),
		words.Duration(d.Last.Sub(d.First)), d.First.UTC().Format("2006-01-02T15:04:05.000Z"))
	if d.Truncated {
		fmt.Fprintf(&b, "there are more messages; these are the first %d\n", d.Limit)
	}
	b.WriteByte('\n')
	width := 0
	for _, r := range d.rows {
		width = max(width, utf8.RuneCountInString(left(r)))
	}
	for _, r := range d.rows {
		at := words.Duration(r.Time.Sub(d.First))
		line := fmt.Sprintf("%9s  %-*s  %s", at, width, left(r), right(r))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// left is what a row says of the message.
func left(r row) string {
	sign := map[wire.Kind]string{
		wire.KindCommand: "> ", wire.KindEvent: "* ", wire.KindResult: "= ", wire.KindDeadLetter: "! ",
	}[r.Kind]
	name := plain(r.name())
	if r.Kind == wire.KindResult {
		name = r.Outcome
	}
	return strings.Repeat("  ", min(r.depth, 40)) + sign + name
}

// right is where it happened, and what else there is to say.
func right(r row) string {
	parts := []string{strings.TrimSpace(plain(r.Aggregate) + " " + plain(r.Subject))}
	if r.Kind == wire.KindEvent {
		parts = append(parts, fmt.Sprintf("event %d", r.Sequence))
	}
	if r.Code != "" {
		parts = append(parts, plain(r.Code)+": "+plain(r.Message))
	}
	if r.Kind == wire.KindDeadLetter {
		parts = append(parts, plain(r.Reason)+fmt.Sprintf(" (%s/%d/%d)", r.Topic, r.Partition, r.Offset))
	}
	if r.bar == "open" {
		parts = append(parts, "no answer yet")
	}
	if r.Repeated {
		parts = append(parts, "again")
	}
	if r.Orphan {
		parts = append(parts, "its cause is not here: "+plain(r.CausationID))
	}
	return strings.Join(parts, ", ")
}

// plain keeps control characters out of terminals, and a message on its line.
func plain(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '\uFFFD'
		}
		return r
	}, strings.ToValidUTF8(text, "\uFFFD"))
}
