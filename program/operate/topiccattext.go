package operate

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"refold/codecs"
	"refold/inspect"
	"refold/program/command"
)

// Limits of what is shown as text, in characters.
const (
	maxValue  = 4096 // of a value that people can read
	maxBase64 = 120  // of another: enough to recognize it
	maxReason = 300
	// recordTime is RFC 3339 in milliseconds, all of the same width.
	recordTime = "2006-01-02T15:04:05.000Z07:00"
)

// writeRecordJSON prints a record as a line of JSON.
func writeRecordJSON(w io.Writer, r *inspect.Record) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(r)
}

// recordText returns a record as a line that people read:
//
//	2026-11-29T16:21:14.123Z create  3/57  alice  MoneyDeposited  wire  {"amount":500}
//
// A missing key, type or value is "-". With headers, each has a line of its own below.
func recordText(r *inspect.Record, headers bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s  %d/%d  %s  %s", r.Timestamp.Format(recordTime), r.TimestampType, r.Partition,
		r.Offset, keyText(r), orDash(command.Legible(r.Type)))
	if r.Transaction != "" {
		fmt.Fprintf(&b, "  [%s]", r.Transaction)
	}
	fmt.Fprintf(&b, "  %s", r.Format)
	if r.SchemaIn == codecs.InHeader {
		b.WriteString(" (schema ID in a header)")
	}
	if r.Undecodable != "" {
		fmt.Fprintf(&b, " (%d bytes; %s)", r.Bytes, command.Shortened(r.Undecodable, maxReason))
	} else if r.Format == inspect.FormatBase64 {
		fmt.Fprintf(&b, " (%d bytes)", r.Bytes)
	}
	switch r.Format {
	case inspect.FormatNone:
	case inspect.FormatWire, inspect.FormatJSON:
		b.WriteString("  " + command.Shortened(string(r.Value), maxValue))
	case inspect.FormatText, inspect.FormatBase64:
		most, text := maxValue, ""
		if r.Format == inspect.FormatBase64 {
			most = maxBase64
		}
		if json.Unmarshal(r.Value, &text) == nil {
			b.WriteString("  " + command.Shortened(text, most))
		}
	}
	b.WriteByte('\n')
	if headers {
		for _, h := range r.Headers {
			fmt.Fprintf(&b, "    %s: %s\n", command.Legible(h.Name), headerText(h))
		}
	}
	return b.String()
}

func keyText(r *inspect.Record) string {
	switch {
	case r.Key == nil:
		return "-"
	case r.KeyFormat == inspect.FormatBase64:
		return "base64:" + command.Shortened(*r.Key, maxBase64)
	case *r.Key == "":
		return strconv.Quote("")
	}
	return command.Shortened(*r.Key, maxValue)
}

func headerText(h inspect.Header) string {
	if h.Value == nil {
		if h.ValueBase64 == nil {
			return ""
		}
		return "base64:" + command.Shortened(*h.ValueBase64, maxBase64)
	}
	return command.Shortened(*h.Value, maxValue)
}

func orDash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}
