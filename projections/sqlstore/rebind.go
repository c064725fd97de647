package sqlstore

import (
	"strconv"
	"strings"
)

// Numbered returns a query whose parameters are ? as one whose parameters are $1, $2 and so on. A ? in
// quotes, in a comment or in a text between $$ stays; ?? outside of these is an operator's question mark.
func Numbered(query string) string {
	var b strings.Builder
	for n := 0; query != ""; {
		if kept := untouched(query); kept > 0 {
			b.WriteString(query[:kept])
			query = query[kept:]
			continue
		}
		switch {
		case strings.HasPrefix(query, "??"):
			b.WriteByte('?')
			query = query[1:]
		case query[0] == '?':
			n++
			b.WriteString("$" + strconv.Itoa(n))
		default:
			b.WriteByte(query[0])
		}
		query = query[1:]
	}
	return b.String()
}

// untouched returns the length of the quoted text or comment that a query begins with; 0: it begins with
// none.
func untouched(query string) int {
	for _, quotes := range [][2]string{{"'", "'"}, {`"`, `"`}, {"--", "\n"}, {"/*", "*/"}, {"$$", "$$"}} {
		inside, begins := strings.CutPrefix(query, quotes[0])
		if !begins {
			continue
		}
		if end := strings.Index(inside, quotes[1]); end >= 0 {
			return len(quotes[0]) + end + len(quotes[1])
		}
		return len(query)
	}
	return 0
}
