package protobuf

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
)

// Texts that stand for values are what these patterns take, here and in the JSON Schema alike.
const (
	datePattern = `((\d{4}-((0[13578]|1[02])-(0[1-9]|[12]\d|3[01])|(0[469]|11)-(0[1-9]|[12]\d|30)|` +
		`02-(0[1-9]|1\d|2[0-8])))|(\d\d(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)`
	// A time is one of the years 1 to 9999 in UTC. With an offset it is not in the first or last of them.
	timestampPattern = `^(` + datePattern + `T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,9})?` +
		`(Z|[+-]([01]\d|2[0-3]):[0-5]\d))$`
	fieldMaskPattern = `^([A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*` +
		`(,[A-Za-z][A-Za-z0-9]*(\.[A-Za-z][A-Za-z0-9]*)*)*)?$`
	bytesPattern = `^(([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}(==)?|[A-Za-z0-9+/]{3}=?)?|` +
		`([A-Za-z0-9_-]{4})*([A-Za-z0-9_-]{2}(==)?|[A-Za-z0-9_-]{3}=?)?)$`
)

// outOfYears are times that the pattern takes and that have no year.
const outOfYears = `^(0000-|(0001|9999)-.*[+-]..:..$)`

// durationPattern takes seconds with a fraction.
var durationPattern = `^(-?(` + atMost(strconv.Itoa(maxDuration)) + `)(\.\d{1,9})?s)$`

// integerPattern takes the integers in decimal digits that have so many bits.
func integerPattern(bits int, signed bool) string {
	switch {
	case !signed && bits == 32:
		return "^(" + atMost("4294967295") + ")$"
	case !signed:
		return "^(" + atMost("18446744073709551615") + ")$"
	case bits == 32:
		return "^(" + atMost("2147483647") + "|-(" + atLeastOne("2147483648") + "))$"
	}
	return "^(" + atMost("9223372036854775807") + "|-(" + atLeastOne("9223372036854775808") + "))$"
}

// atMost returns a pattern for the decimal numbers from 0 to a limit, without leading zeros.
func atMost(limit string) string { return "0|" + atLeastOne(limit) }

// atLeastOne is atMost without 0. Each alternative is a number that is smaller from one digit on.
func atLeastOne(limit string) string {
	var all []string
	if len(limit) > 1 {
		all = append(all, fmt.Sprintf(`[1-9]\d{0,%d}`, len(limit)-2))
	}
	for i := range len(limit) {
		low := byte('0')
		if i == 0 {
			low = '1'
		}
		if limit[i] <= low {
			continue
		}
		part := limit[:i] + fmt.Sprintf("[%c-%c]", low, limit[i]-1)
		if left := len(limit) - i - 1; left > 0 {
			part += fmt.Sprintf(`\d{%d}`, left)
		}
		all = append(all, part)
	}
	return strings.Join(append(all, limit), "|")
}

var compiled sync.Map // *regexp.Regexp by pattern; the patterns are few

// matches reports whether a text is what a pattern takes.
func matches(pattern, text string) bool {
	if known, has := compiled.Load(pattern); has {
		return known.(*regexp.Regexp).MatchString(text)
	}
	r := regexp.MustCompile(pattern)
	compiled.Store(pattern, r)
	return r.MatchString(text)
}
