package catalogue

import (
	"strconv"
	"time"

	"refold/codecs/compat"
)

// Kept says in words how long records of a topic are kept.
func Kept(t Topic) string {
	switch ms := t.Config["retention.ms"]; {
	case t.Config["cleanup.policy"] == "compact":
		return "the latest of each key"
	case ms == "-1":
		return "forever"
	case ms == "":
		return "as the brokers have it"
	default:
		n, err := strconv.ParseInt(ms, 10, 64)
		if err != nil {
			return ms + " ms"
		}
		return lasting(time.Duration(n) * time.Millisecond)
	}
}

// lasting is a duration in days, or as Go writes it.
func lasting(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "1 day"
	case d > 0 && d%day == 0:
		return strconv.Itoa(int(d/day)) + " days"
	}
	return d.String()
}

// VersionText names a version.
func (c *Catalogue) VersionText(v Version) string {
	switch {
	case v.Number == 0 && v.Current && c.History == "":
		return "Today's"
	case v.Number == 0 && v.Current:
		return "Today's, not released yet"
	case v.Number == 0:
		return "A former version"
	case v.Current:
		return "Version " + strconv.Itoa(v.Number) + ", today's"
	}
	return "Version " + strconv.Itoa(v.Number)
}

// ChangeText says what changed at the path of a change, and whom it breaks.
func ChangeText(c compat.Change) string {
	text := c.What
	switch {
	case c.Was != "" && c.Is != "":
		text += ": " + c.Was + " -> " + c.Is
	case c.Is != "":
		text += ": " + c.Is
	case c.Was != "":
		text += ": " + c.Was
	}
	switch {
	case !c.Backward && !c.Forward:
		return text + " (breaks backward and forward)"
	case !c.Backward:
		return text + " (breaks backward)"
	case !c.Forward:
		return text + " (breaks forward)"
	}
	return text
}

// Count returns a number as text.
func Count(n int) string { return strconv.Itoa(n) }
