package letters

import (
	"fmt"
	"strings"
)

const (
	hexColumns = 16
	// hexRows is how many rows of bytes are shown: the beginning, and what is around the fault.
	hexRows = 32
	// hexAround is how many rows are shown before the fault.
	hexAround = 8
)

// dump are bytes as people read them.
type dump struct {
	rows    []dumpRow
	skipped int // bytes before the rows
	left    int // bytes behind them
	missing bool
}

// dumpRow are some bytes, in three parts: the middle one is at fault.
type dumpRow struct {
	at        string
	hex, text [3]string
}

// dumpOf shows a value; what is at fault is marked.
func dumpOf(value []byte, d Decoded) *dump {
	from, to := len(value), len(value)
	marked := d.Why != nil && d.Placed && d.From >= 0 && d.From <= len(value)
	if marked {
		from, to = d.From, min(d.To, len(value))
	}
	first := 0
	if marked && from/hexColumns >= hexRows {
		first = min(from/hexColumns-hexAround, (len(value)-1)/hexColumns)
	}
	out := &dump{skipped: first * hexColumns, missing: marked && from >= len(value)}
	for row := first; row < first+hexRows && row*hexColumns < len(value); row++ {
		begin := row * hexColumns
		end := min(begin+hexColumns, len(value))
		out.rows = append(out.rows, rowOf(value, begin, end, from, to))
		out.left = len(value) - end
	}
	return out
}

func rowOf(value []byte, begin, end, from, to int) dumpRow {
	out := dumpRow{at: fmt.Sprintf("%06x", begin)}
	from, to = min(max(from, begin), end), min(max(to, begin), end)
	for i, part := range [3][]byte{value[begin:from], value[from:to], value[to:end]} {
		var hex, text strings.Builder
		for _, b := range part {
			fmt.Fprintf(&hex, "%02x ", b)
			if b < ' ' || b > '~' {
				b = '.'
			}
			text.WriteByte(b)
		}
		out.hex[i], out.text[i] = hex.String(), text.String()
	}
	out.hex[2] += strings.Repeat("   ", hexColumns-(end-begin))
	return out
}
