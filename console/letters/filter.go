package letters

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"refold/console/frame"
)

// filter says which letters are meant. What is empty means any.
type filter struct {
	reason, typeName, topic, key string
	state                        string // open, settled, all
	age                          string
}

// untyped stands for letters that say no type.
const untyped = "-"

// ages are what one may choose from: set aside within so long.
var ages = []struct {
	name string
	d    time.Duration
}{{"1h", time.Hour}, {"24h", 24 * time.Hour}, {"7d", 7 * 24 * time.Hour}}

// states are whether letters are open; the first is the usual one.
var states = []string{"open", "settled", "all"}

func filterOf(query url.Values) (filter, error) {
	f := filter{
		reason: query.Get("reason"), typeName: query.Get("type"), topic: query.Get("topic"),
		key: query.Get("aggregate"), state: cmp.Or(query.Get("state"), states[0]), age: query.Get("age"),
	}
	if !slices.Contains(states, f.state) {
		return f, frame.Invalid(
			"The state is " + strconv.Quote(f.state) + "; it must be open, settled or all.")
	}
	if _, known := f.since(time.Time{}); !known {
		return f, frame.Invalid("The age is " + strconv.Quote(f.age) + "; it must be 1h, 24h or 7d.")
	}
	return f, nil
}

// since is the time from which on letters are meant; zero: any.
func (f filter) since(now time.Time) (t time.Time, known bool) {
	for _, a := range ages {
		if a.name == f.age {
			return now.Add(-a.d), true
		}
	}
	return time.Time{}, f.age == ""
}

// has reports whether a letter is meant; of its kind it says nothing.
func (f filter) has(l *Letter, now time.Time) bool {
	since, _ := f.since(now)
	switch {
	case f.topic != "" && f.topic != l.Topic,
		f.key != "" && f.key != string(l.Key),
		f.state == "open" && l.Settled != nil,
		f.state == "settled" && l.Settled == nil,
		l.Time.Before(since):
		return false
	}
	return true
}

// ofKind reports whether a letter has the filter's reason and type.
func (f filter) ofKind(l *Letter) bool {
	return (f.reason == "" || f.reason == l.Reason) && (f.typeName == "" || f.typeName == typeOf(l))
}

// typeOf is a letter's type, as it stands in filters.
func typeOf(l *Letter) string { return cmp.Or(text([]byte(l.Type)), untyped) }

// narrow reports whether the filter leaves anything out but settled ones.
func (f filter) narrow() bool { return f != filter{state: states[0]} }

func (f filter) with(path string, more ...string) string {
	state := f.state
	if state == states[0] {
		state = ""
	}
	return frame.With(path, append([]string{
		"reason", f.reason, "type", f.typeName, "topic", f.topic, "aggregate", f.key, "state", state,
		"age", f.age,
	}, more...)...)
}

// group are the letters of a reason and a type.
type group struct {
	reason, typeName string
	count            int64
	newest, oldest   time.Time
}

// groups counts letters by reason and type; the most frequent come first.
func groups(all []*Letter) []*group {
	type kind struct{ reason, typeName string }
	by := map[kind]*group{}
	var found []*group
	for _, l := range all {
		k := kind{l.Reason, typeOf(l)}
		g := by[k]
		if g == nil {
			g = &group{reason: k.reason, typeName: k.typeName, newest: l.Time, oldest: l.Time}
			by[k] = g
			found = append(found, g)
		}
		g.count++
		if l.Time.After(g.newest) {
			g.newest = l.Time
		}
		if l.Time.Before(g.oldest) {
			g.oldest = l.Time
		}
	}
	slices.SortFunc(found, func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.count, a.count), cmp.Compare(a.reason, b.reason),
			cmp.Compare(a.typeName, b.typeName))
	})
	return found
}

// text is bytes as people read them: what is no UTF-8 is quoted.
func text(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return strconv.QuoteToASCII(string(b))
}
