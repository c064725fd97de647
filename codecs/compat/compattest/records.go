package compattest

import "refold/codecs/compat"

// whole is a change of the record R.
func whole(name, rule, older, newer string, want Verdict, path string, back, forth []compat.Kind) Case {
	return Case{
		Name: name, Rule: rule, Older: older, Newer: newer, Want: want, Path: path, Backward: back,
		Forward: forth,
	}
}

func fields() []Case {
	const (
		rule  = resolution + ": records"
		owner = `{"name": "owner", "type": "string"}`
		name  = `{"name": "name", "type": "string"}`
		age   = `{"name": "age", "type": "int", "default": 0}`
		named = `{"name": "name", "type": "string", "aliases": ["owner"]}`
	)
	lacks := kinds(compat.KindDefault)
	return []Case{
		whole("field added with a default", rule, record(owner),
			record(owner+`, `+age), both, "", nil, nil),
		whole("field added without a default", rule, record(owner), record(owner+`, `+name), forward,
			"R.name", lacks, nil),
		whole("field without a default removed", rule, record(owner+`, `+name), record(owner), backward,
			"R.name", nil, lacks),
		whole("field with a default removed", rule, record(owner+`, `+age),
			record(owner), both, "", nil, nil),
		whole("default removed", rule, record(age),
			record(`{"name": "age", "type": "int"}`), both, "", nil, nil),
		whole("default changed", rule, record(age),
			record(`{"name": "age", "type": "int", "default": 1}`), both, "", nil, nil),
		whole("fields in another order", rule, record(owner+`, `+name), record(name+`, `+owner), both,
			"", nil, nil),
		whole("field renamed", rule, record(owner), record(name), neither, "R.name", lacks, lacks),
		whole("field renamed with an alias", "Aliases", record(owner),
			record(named), backward, "R.owner", nil, lacks),
		whole("field renamed with an alias, the old one had a default", "Aliases",
			record(`{"name": "owner", "type": "string", "default": ""}`),
			record(named), both, "", nil, nil),
		whole("two fields become one by an alias", "Aliases", record(owner+`, `+name),
			record(named), neither, "R.name",
			kinds(compat.KindClash), lacks),
		whole("optional field added without a default", rule, record(owner),
			record(owner+`, {"name": "note", "type": ["null", "string"]}`), forward, "R.note", lacks, nil),
		whole("documentation and custom properties", rule, record(owner), record(
			`{"name": "owner", "type": "string", "doc": "Whose it is.", "pii": true}`), both, "", nil, nil),
		whole("sort order of a field", rule, record(owner),
			record(`{"name": "owner", "type": "string", "order": "ignore"}`), both, "", nil, nil),
		whole("a default of a later branch of the union", rule, record(owner),
			record(owner+`, {"name": "note", "type": ["null", "string"], "default": "none"}`),
			both, "", nil, nil),
	}
}

func names() []Case {
	inner := func(head string) string {
		return record(`{"name": "f", "type": {"type": "record", ` + head + `, "fields": [
			{"name": "x", "type": "int"}]}}`)
	}
	const rule = resolution + ": records"
	wrong := kinds(compat.KindName)
	return []Case{
		whole("record renamed", rule, inner(`"name": "Money"`), inner(`"name": "Amount"`), neither, "R.f",
			wrong, wrong),
		whole("record renamed with an alias", "Aliases", inner(`"name": "Money"`),
			inner(`"name": "Amount", "aliases": ["Money"]`), backward, "R.f", nil, wrong),
		whole("record renamed with a full alias", "Aliases", inner(`"name": "Money", "namespace": "old"`),
			inner(`"name": "Amount", "aliases": ["old.Money"]`), backward, "R.f", nil, wrong),
		whole("record renamed with an alias in another namespace", "Aliases", inner(`"name": "Money"`),
			inner(`"name": "Amount", "aliases": ["old.Money"]`), neither, "R.f", wrong, wrong),
		whole("record moved to another namespace", rule, inner(`"name": "Money"`),
			inner(`"name": "Money", "namespace": "other"`), both, "", nil, nil),
		whole("record moved out of all namespaces", rule, inner(`"name": "Money"`),
			inner(`"name": "Money", "namespace": ""`), both, "", nil, nil),
		whole("name written with its namespace", "Names", inner(`"name": "Money"`),
			inner(`"name": "shop.Money"`), both, "", nil, nil),
	}
}

func unions() []Case {
	const (
		rule = resolution + ": unions"
		card = `{"type": "record", "name": "Card", "fields": [{"name": "number", "type": "string"}]}`
		cash = `{"type": "record", "name": "Cash", "fields": []}`
	)
	branch, wrong := kinds(compat.KindUnion), kinds(compat.KindType)
	return []Case{
		change("type made optional", rule, `"string"`, `["null", "string"]`, backward, nil, branch),
		change("optional type made a must", rule, `["null", "string"]`, `"string"`, forward, branch, nil),
		change("union widened", rule, `["null", "int"]`, `["null", "int", "string"]`, backward, nil, branch),
		change("union narrowed", rule, `["null", "int", "string"]`, `["null", "int"]`, forward, branch, nil),
		change("branches in another order", rule, `["null", "string"]`, `["string", "null"]`, both, nil, nil),
		change("branch promoted", rule, `["null", "int"]`, `["null", "long"]`, backward, nil, branch),
		change("union of one branch", rule, `["string"]`, `"string"`, both, nil, nil),
		change("each branch is promoted", rule, `["int", "long"]`, `"double"`, backward, nil,
			kinds(compat.KindUnion)),
		change("record added to a union of records", rule, `[`+card+`]`, `[`+card+`, `+cash+`]`, backward,
			nil, branch),
		change("field added within a branch", rule, `[`+card+`, `+cash+`]`,
			`[{"type": "record", "name": "Card", "fields": [{"name": "number", "type": "string"},
				{"name": "owner", "type": "string"}]}, `+cash+`]`, forward, kinds(compat.KindDefault), nil).
			at("R.f(Card).owner"),
		change("branch of another namespace", rule, `["null", `+card+`]`,
			`["null", {"type": "record", "name": "Card", "namespace": "other", "fields": [
				{"name": "number", "type": "string"}]}]`, both, nil, nil),
		change("fixed of another size in a union", rule,
			`["null", {"type": "fixed", "name": "F", "size": 4}]`,
			`["null", {"type": "fixed", "name": "F", "size": 8}]`, neither, branch, branch),
		change("optional record made a string", rule, `["null", `+card+`]`, `["null", "string"]`, neither,
			branch, branch),
		change("a branch that is no number", rule, `["int", "boolean"]`, `"long"`, neither, branch,
			kinds(compat.KindUnion)),
		change("array to an optional array of records", rule, `{"type": "array", "items": "string"}`,
			`["null", {"type": "array", "items": `+cash+`}]`, neither, wrong,
			kinds(compat.KindUnion, compat.KindType)).
			at("R.f[]"),
	}
}
