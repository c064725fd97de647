package words

import (
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/currency"
)

// Exact is a time to the millisecond in a zone: "2026-03-01 14:05:09.120 UTC".
func Exact(t time.Time, zone *time.Location) string {
	if t.IsZero() {
		return "unknown"
	}
	return t.In(zone).Format("2006-01-02 15:04:05.000 MST")
}

// Relative is how far a time is from now: "just now", "12 s ago", "in 3 min", "2 d ago".
func Relative(t, now time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	d := now.Sub(t)
	switch {
	case d.Abs() < time.Second:
		return "just now"
	case d < 0:
		return "in " + coarse(-d)
	}
	return coarse(d) + " ago"
}

// coarse is a duration in its largest unit.
func coarse(d time.Duration) string {
	const day = 24 * time.Hour
	for _, unit := range []struct {
		length time.Duration
		name   string
	}{
		{365 * day, " y"},
		{day, " d"},
		{time.Hour, " h"},
		{time.Minute, " min"},
	} {
		if d >= unit.length {
			return strconv.FormatInt(int64(d/unit.length), 10) + unit.name
		}
	}
	return strconv.FormatInt(int64(d/time.Second), 10) + " s"
}

// Duration is a duration in three digits or two units: "850 µs", "12.3 ms", "4.56 s", "3 min 20 s".
func Duration(d time.Duration) string {
	if d < 0 {
		return "-" + Duration(-d)
	}
	switch {
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + " µs"
	case d < time.Second:
		return digits(float64(d)/float64(time.Millisecond)) + " ms"
	case d < time.Minute:
		return digits(d.Seconds()) + " s"
	case d < time.Hour:
		return pair(d, time.Minute, " min", time.Second, " s")
	case d < 24*time.Hour:
		return pair(d, time.Hour, " h", time.Minute, " min")
	}
	return pair(d, 24*time.Hour, " d", time.Hour, " h")
}

// pair is a duration in two units.
func pair(d, large time.Duration, largeName string, small time.Duration, smallName string) string {
	text := strconv.FormatInt(int64(d/large), 10) + largeName
	if rest := d % large / small; rest > 0 {
		text += " " + strconv.FormatInt(int64(rest), 10) + smallName
	}
	return text
}

// digits writes a number from 1 to 1000 with three digits.
func digits(x float64) string {
	decimals := 2
	switch {
	case x >= 100:
		decimals = 0
	case x >= 10:
		decimals = 1
	}
	text := strconv.FormatFloat(x, 'f', decimals, 64)
	if strings.Contains(text, ".") {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

// Count is a whole number with its thousands set apart: "12,345".
func Count(n int64) string {
	text, sign := strconv.FormatInt(n, 10), ""
	if n < 0 {
		text, sign = text[1:], "-"
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return sign + text
}

// Plural is a count with its noun: "1 event", "12,345 events".
func Plural(n int64, singular, plural string) string {
	if n == 1 {
		return "1 " + singular
	}
	return Count(n) + " " + plural
}

// Bytes is a size: "512 B", "12.3 KiB".
func Bytes(n int64) string {
	if n < 1024 && n > -1024 {
		return strconv.FormatInt(n, 10) + " B"
	}
	x, unit := float64(n)/1024, 0
	for ; (x >= 1024 || x <= -1024) && unit < len("KMGTPE")-1; unit++ {
		x /= 1024
	}
	return digits(x) + " " + "KMGTPE"[unit:unit+1] + "iB"
}

// Money is an amount of minor units with its decimals and its currency: "12.50 EUR". It reports whether the
// currency is known; how many decimals one has that is not can't be said.
func Money(amount int64, code string) (text string, known bool) {
	unit, err := currency.ParseISO(code)
	if err != nil || unit.String() != code {
		return "", false
	}
	scale, _ := currency.Standard.Rounding(unit)
	sign, minor := "", strconv.FormatInt(amount, 10)
	if amount < 0 {
		sign, minor = "-", minor[1:]
	}
	if missing := scale + 1 - len(minor); missing > 0 {
		minor = strings.Repeat("0", missing) + minor
	}
	if scale > 0 {
		minor = minor[:len(minor)-scale] + "." + minor[len(minor)-scale:]
	}
	return sign + minor + " " + code, true
}
