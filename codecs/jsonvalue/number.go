package codecs

import (
	"strconv"
	"strings"
)

// ParseInteger returns the whole number that a JSON number is, exactly, and whether it is one that fits
// into so many bits: 1492, -1492.0 and 1e3 are, 0.5 is not. To JSON Schema they are integers, too.
func ParseInteger(number string, bits int) (int64, bool) {
	unsigned, negative := strings.CutPrefix(number, "-")
	mantissa, exponentText, hasExponent := strings.Cut(strings.Replace(unsigned, "E", "e", 1), "e")
	whole, fraction, hasFraction := strings.Cut(mantissa, ".")
	if !digits(whole) || len(whole) > 1 && whole[0] == '0' || hasFraction && !digits(fraction) {
		return 0, false
	}
	exponent, ok := parseExponent(exponentText, hasExponent)
	if !ok {
		return 0, false
	}
	significant := strings.TrimRight(whole+fraction, "0")
	zeros := exponent + len(whole) - len(significant) // negative: digits of a fraction
	significant = strings.TrimLeft(significant, "0")
	const most = 19 // digits of an int64
	switch {
	case significant == "":
		return 0, true
	case zeros < 0 || len(significant)+zeros > most:
		return 0, false
	}
	text := significant + strings.Repeat("0", zeros)
	if negative {
		text = "-" + text
	}
	n, err := strconv.ParseInt(text, 10, bits)
	return n, err == nil
}

// parseExponent returns an exponent, or one that is as good as any that is as large.
func parseExponent(text string, has bool) (exponent int, ok bool) {
	if !has {
		return 0, true
	}
	unsigned := text
	if text != "" && (text[0] == '+' || text[0] == '-') {
		unsigned = text[1:]
	}
	if !digits(unsigned) {
		return 0, false
	}
	n, _ := strconv.ParseInt(text, 10, 32) // the nearest that there is, beyond the range
	return int(n), true
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
