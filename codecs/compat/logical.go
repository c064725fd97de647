package compat

import (
	"fmt"
	"slices"
	"strings"

	"refold/codecs/avrotype"
)

// logicalKinds are the logical types of the specification, and the kinds that may have them. On another
// kind, and under another name, a logical type means nothing.
var logicalKinds = map[string][]string{
	"decimal": {avrotype.Bytes, avrotype.Fixed}, "big-decimal": {avrotype.Bytes},
	"uuid": {avrotype.String, avrotype.Fixed}, "duration": {avrotype.Fixed},
	"date": {avrotype.Int}, "time-millis": {avrotype.Int}, "time-micros": {avrotype.Long},
	"timestamp-millis": {avrotype.Long}, "timestamp-micros": {avrotype.Long},
	"timestamp-nanos": {avrotype.Long}, "local-timestamp-millis": {avrotype.Long},
	"local-timestamp-micros": {avrotype.Long}, "local-timestamp-nanos": {avrotype.Long},
}

func logicalOf(t *avrotype.Type) string {
	if !slices.Contains(logicalKinds[t.Logical], t.Kind) {
		return ""
	}
	return t.Logical
}

// logical compares the logical types of two types whose data are read.
func (c *reading) logical(w, r *avrotype.Type, path string) {
	was, is := logicalOf(w), logicalOf(r)
	const decimal = "decimal"
	scaled := strings.HasSuffix(was, decimal) || strings.HasSuffix(is, decimal)
	switch {
	case was == decimal && is == decimal:
		if w.Precision != r.Precision || w.Scale != r.Scale {
			c.report(Finding{
				Path: path, Kind: KindDecimal, Rule: ruleDecimal,
				Reason: fmt.Sprintf("%s have decimal(%d,%d), %s has decimal(%d,%d)", c.records(),
					w.Precision, w.Scale, c.program(), r.Precision, r.Scale),
				Remedy: "keep precision and scale, and add a field with the other ones beside it",
			})
		}
	case was == is, !scaled && (was == "" || is == ""):
	default:
		c.report(Finding{
			Path: path, Kind: KindLogical, Rule: ruleLogical, Silent: true,
			Reason: fmt.Sprintf("%s have %s, and %s would take it for %s: another value",
				c.records(), orPlain(was, w), c.program(), orPlain(is, r)),
			Remedy: "keep the logical type, and add a field of the other one beside it, or write an upcaster",
		})
	}
}

func orPlain(logical string, t *avrotype.Type) string {
	if logical == "" {
		return "plain " + t.Kind
	}
	return logical
}
