package jsonvalue

import (
	"math"
	"strconv"
	"strings"
)

// The largest floats as JSON writes them: the shortest decimals that are not below the largest finite
// numbers. Larger decimals are refused, even those that would be rounded down, so that the limit can be
// written into a JSON Schema.
const (
	MaxFloat32 = "3.4028235e38"
	MaxFloat64 = "1.7976931348623158e308"
)

// NotFinite are the numbers that JSON lacks, by the strings that stand for them, as Avro's Java library
// writes them.
var NotFinite = map[string]float64{
	"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1),
}

// ParseFloat returns the float of 32 or 64 bits that is nearest to a JSON number, and whether the number
// is within the range, up to [MaxFloat32] or [MaxFloat64].
func ParseFloat(number string, bits int) (float64, bool) {
	f, err := strconv.ParseFloat(number, bits)
	if err != nil {
		return 0, false
	}
	largest, limit := math.MaxFloat64, MaxFloat64
	if bits == 32 {
		largest, limit = math.MaxFloat32, MaxFloat32
	}
	if math.Abs(f) < largest {
		return f, true
	}
	given, ok := parseDecimal(number)
	most, _ := parseDecimal(limit)
	return f, ok && given.atMost(most)
}

// ParseInteger returns the whole number that a JSON number is, exactly, and whether it is one that fits
// into so many bits: 1492, -1492.0 and 1e3 are, 0.5 is not. To JSON Schema they are integers, too.
func ParseInteger(number string, bits int) (int64, bool) {
	text, ok := integerDigits(number)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseInt(text, 10, bits)
	return n, err == nil
}

// ParseUnsigned is [ParseInteger] for numbers without a sign.
func ParseUnsigned(number string, bits int) (uint64, bool) {
	text, ok := integerDigits(number)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(text, 10, bits)
	return n, err == nil
}

// integerDigits returns the digits of a whole number of at most 20 of them.
func integerDigits(number string) (string, bool) {
	d, ok := parseDecimal(number)
	if !ok || d.digits == "" {
		return "0", ok
	}
	const most = 20 // digits of a uint64
	zeros := d.point - len(d.digits)
	if zeros < 0 || d.point > most {
		return "", false
	}
	text := d.digits + strings.Repeat("0", zeros)
	if d.negative {
		text = "-" + text
	}
	return text, true
}

// decimal is 0.digits × 10^point. Digits has no zero at either end; of zero it is empty.
type decimal struct {
	negative bool
	digits   string
	point    int
}

// parseDecimal returns a JSON number, and whether the text is one.
func parseDecimal(number string) (decimal, bool) {
	unsigned, negative := strings.CutPrefix(number, "-")
	mantissa, exponentText, hasExponent := unsigned, "", false
	if e := strings.IndexAny(unsigned, "eE"); e >= 0 {
		mantissa, exponentText, hasExponent = unsigned[:e], unsigned[e+1:], true
	}
	whole, fraction, hasFraction := strings.Cut(mantissa, ".")
	if !isDigits(whole) || len(whole) > 1 && whole[0] == '0' || hasFraction && !isDigits(fraction) {
		return decimal{}, false
	}
	exponent, ok := parseExponent(exponentText, hasExponent)
	if !ok {
		return decimal{}, false
	}
	digits := strings.TrimLeft(whole+fraction, "0")
	point := exponent + len(whole) - (len(whole) + len(fraction) - len(digits))
	return decimal{negative, strings.TrimRight(digits, "0"), point}, true
}

// atMost reports whether d is no farther from zero than other.
func (d decimal) atMost(other decimal) bool {
	switch {
	case d.digits == "":
		return true
	case d.point != other.point:
		return d.point < other.point
	}
	return d.digits <= other.digits
}

// parseExponent returns an exponent; the nearest of 32 bits for one that is larger.
func parseExponent(text string, has bool) (exponent int, ok bool) {
	if !has {
		return 0, true
	}
	unsigned := text
	if text != "" && (text[0] == '+' || text[0] == '-') {
		unsigned = text[1:]
	}
	if !isDigits(unsigned) {
		return 0, false
	}
	n, _ := strconv.ParseInt(text, 10, 32)
	return int(n), true
}

func isDigits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}
