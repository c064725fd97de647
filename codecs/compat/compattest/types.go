package compattest

import (
	"fmt"

	"refold/codecs/compat"
)

const resolution = "Schema Resolution"

func promotions() []Case {
	broken := kinds(compat.KindType)
	var all []Case
	for _, p := range []struct {
		from, to string
		want     Verdict
	}{
		{"int", "long", backward},
		{"int", "float", backward},
		{"int", "double", backward},
		{"long", "float", backward},
		{"long", "double", backward},
		{"float", "double", backward},
		{"long", "int", forward},
		{"double", "float", forward},
		{"string", "bytes", both},
		{"bytes", "string", both},
		{"int", "string", neither},
		{"string", "long", neither},
		{"boolean", "int", neither},
		{"bytes", "int", neither},
		{"null", "string", neither},
	} {
		c := change(p.from+" to "+p.to, resolution, fmt.Sprintf("%q", p.from), fmt.Sprintf("%q", p.to),
			p.want, nil, nil)
		if !p.want.Backward {
			c.Backward = broken
		}
		if !p.want.Forward {
			c.Forward = broken
		}
		if p.want != both {
			c.Path = "R.f"
		}
		all = append(all, c)
	}
	return append(all, change("string to a record", resolution, `"string"`,
		`{"type": "record", "name": "Address", "fields": [{"name": "street", "type": "string"}]}`,
		neither, broken, broken))
}

func enums() []Case {
	enum := func(name, symbols, more string) string {
		return fmt.Sprintf(`{"type": "enum", "name": %q, "symbols": [%s]%s}`, name, symbols, more)
	}
	const (
		rule  = resolution + ": enums"
		alias = `, "aliases": ["E"]`
	)
	symbol := kinds(compat.KindSymbol)
	return []Case{
		change("symbol added, no default", rule, enum("E", `"A"`, ""), enum("E", `"A", "B"`, ""),
			backward, nil, symbol),
		change("symbol added, the older version has a default", rule, enum("E", `"A"`, `, "default": "A"`),
			enum("E", `"A", "B"`, `, "default": "A"`), both, nil, nil),
		change("symbol added, only the newer version has a default", rule, enum("E", `"A"`, ""),
			enum("E", `"A", "B"`, `, "default": "A"`), backward, nil, symbol),
		change("symbol removed, no default", rule, enum("E", `"A", "B"`, ""), enum("E", `"A"`, ""),
			forward, symbol, nil),
		change("symbol removed, with a default", rule, enum("E", `"A", "B"`, ""),
			enum("E", `"A"`, `, "default": "A"`), both, nil, nil),
		change("symbols in another order", rule, enum("E", `"A", "B"`, ""), enum("E", `"B", "A"`, ""),
			both, nil, nil),
		change("enum renamed", rule, enum("E", `"A"`, ""), enum("D", `"A"`, ""), neither,
			kinds(compat.KindName), kinds(compat.KindName)),
		change("enum renamed with an alias", rule, enum("E", `"A"`, ""), enum("D", `"A"`, alias),
			backward, nil, kinds(compat.KindName)),
		change("enum to string", rule, enum("E", `"A"`, ""), `"string"`, neither,
			kinds(compat.KindType), kinds(compat.KindType)),
	}
}

func fixed() []Case {
	fixed := func(name string, size int, more string) string {
		return fmt.Sprintf(`{"type": "fixed", "name": %q, "size": %d%s}`, name, size, more)
	}
	const rule = resolution + ": fixed"
	return []Case{
		change("fixed of another size", rule, fixed("F", 4, ""), fixed("F", 8, ""), neither,
			kinds(compat.KindSize), kinds(compat.KindSize)),
		change("fixed renamed", rule, fixed("F", 4, ""), fixed("G", 4, ""), neither,
			kinds(compat.KindName), kinds(compat.KindName)),
		change("fixed renamed with an alias", rule, fixed("F", 4, ""), fixed("G", 4, `, "aliases": ["F"]`),
			backward, nil, kinds(compat.KindName)),
		change("fixed to bytes", rule, fixed("F", 4, ""), `"bytes"`, neither,
			kinds(compat.KindType), kinds(compat.KindType)),
	}
}

func containers() []Case {
	tree := func(fields string) string {
		return `["null", {"type": "record", "name": "Tree", "fields": [` + fields + `]}]`
	}
	const next = `{"name": "next", "type": ["null", "Tree"]}`
	return []Case{
		change("items of an array promoted", resolution+": arrays", `{"type": "array", "items": "int"}`,
			`{"type": "array", "items": "long"}`, backward, nil, kinds(compat.KindType)).at("R.f[]"),
		change("values of a map promoted", resolution+": maps", `{"type": "map", "values": "int"}`,
			`{"type": "map", "values": "long"}`, backward, nil, kinds(compat.KindType)).at("R.f{}"),
		change("array to map", resolution, `{"type": "array", "items": "int"}`,
			`{"type": "map", "values": "int"}`, neither, kinds(compat.KindType), kinds(compat.KindType)),
		change("field added within an array, no default", resolution+": records",
			`{"type": "array", "items": {"type": "record", "name": "Line", "fields": []}}`,
			`{"type": "array", "items": {"type": "record", "name": "Line", "fields": [
				{"name": "price", "type": "long"}]}}`,
			forward, kinds(compat.KindDefault), nil).at("R.f[].price"),
		change("a type that holds itself gets a field", resolution+": records",
			tree(next), tree(next+`, {"name": "size", "type": "int", "default": 0}`), both, nil, nil),
		change("a type that holds itself renames the field that does", resolution+": records",
			tree(next), tree(`{"name": "rest", "type": ["null", "Tree"]}`), neither,
			kinds(compat.KindDefault), kinds(compat.KindDefault)).at("R.f.rest"),
	}
}

func logicals() []Case {
	with := func(kind, logical string) string {
		return fmt.Sprintf(`{"type": %q, "logicalType": %q}`, kind, logical)
	}
	decimal := func(precision, scale int) string {
		return fmt.Sprintf(`{"type": "bytes", "logicalType": "decimal", "precision": %d, "scale": %d}`,
			precision, scale)
	}
	const rule = "Logical Types"
	lost := kinds(compat.KindLogical)
	return []Case{
		change("decimal of another scale", "Decimal", decimal(9, 2), decimal(9, 4), neither,
			kinds(compat.KindDecimal), kinds(compat.KindDecimal)).java(both),
		change("decimal of another precision", "Decimal", decimal(9, 2), decimal(12, 2), neither,
			kinds(compat.KindDecimal), kinds(compat.KindDecimal)).java(both),
		change("decimal to plain bytes", "Decimal", decimal(9, 2), `"bytes"`, neither, lost, lost).
			java(both),
		change("milliseconds to microseconds", rule, with("long", "timestamp-millis"),
			with("long", "timestamp-micros"), neither, lost, lost).java(both),
		change("date to milliseconds", rule, with("int", "date"), with("long", "timestamp-millis"), neither,
			lost, kinds(compat.KindType)).java(backward),
		change("logical type added to a plain long", rule, `"long"`, with("long", "timestamp-millis"), both,
			nil, nil),
		change("logical type that nobody knows", rule, with("long", "sheep"), with("long", "goats"), both,
			nil, nil),
		change("logical type on a kind that has none", rule, with("string", "date"),
			with("string", "timestamp-millis"), both, nil, nil),
		change("string to uuid", rule, `"string"`, with("string", "uuid"), both, nil, nil),
	}
}
