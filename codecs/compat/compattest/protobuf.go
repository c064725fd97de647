package compattest

import "refold/codecs/compat"

// Why Apicurio's answers differ; its issues have the same numbers in its repository on GitHub.
const (
	strictTypes = "Apicurio refuses every change of a type, in a wire-compatible group as well (its " +
		"issue 1759)"
	strictNames = "Apicurio refuses every change of a field's name, whatever its JSON name is"
	addedField  = "Apicurio takes a field that is added for one that is removed, seen from the other side " +
		"(its issue 9662)"
	reservedSide = "to Apicurio the older version, seen from the other side, uses what is reserved"
	fieldsOnly   = "Apicurio compares numbers, names, labels and types of fields only"
	labels       = "every change of a label is a break to Apicurio"
)

// proto returns a file of the message shop.R with fields, and whatever else there is.
func proto(fields, more string) string {
	return "syntax = \"proto3\";\npackage shop;\n\nmessage R {\n" + fields + "\n}\n" + more
}

func proto2(fields, more string) string {
	return "syntax = \"proto2\";\npackage shop;\n\nmessage R {\n" + fields + "\n}\n" + more
}

const updating = "Updating A Message Type"

// ProtobufCases returns the table for Protobuf. A change that breaks the bytes or the JSON of records is a
// break.
func ProtobufCases() []Case {
	var all []Case
	for _, part := range [][]Case{
		protoFields(), protoTypes(), protoContainers(), protoOneofs(), protoEnums(), protoFiles(),
	} {
		all = append(all, part...)
	}
	return all
}

func protoFields() []Case {
	const (
		id   = "string id = 1;"
		note = "string note = 2;"
	)
	number, reserve, name := kinds(compat.KindNumber), kinds(compat.KindNotReserved),
		kinds(compat.KindJSONName)
	return []Case{
		whole("field added", updating, proto(id, ""), proto(id+note, ""), both, "", nil, nil).
			apicurio(backward, addedField),
		whole("field removed", updating, proto(id+note, ""), proto(id, ""), forward, "R.note", reserve, nil),
		whole("field removed, number and name reserved", updating, proto(id+note, ""),
			proto(id+`reserved 2; reserved "note";`, ""), both, "", nil, nil).apicurio(backward,
			reservedSide),
		whole("field removed, only the number reserved", updating, proto(id+note, ""),
			proto(id+"reserved 2;", ""),
			forward, "R.note", reserve, nil).apicurio(neither, reservedSide),
		whole("reserved number used", "Reserved Field Numbers", proto(id+"reserved 2;", ""),
			proto(id+note, ""),
			forward, "R.note", kinds(compat.KindReused), nil).apicurio(neither, addedField),
		whole("number changed", updating, proto(id, ""), proto("string id = 2;", ""), neither, "R.id",
			number, number),
		whole("number used for another field", updating, proto(id, ""), proto("double rate = 1;", ""),
			neither,
			"R.rate", number, number),
		whole("field renamed", updating, proto(id, ""), proto("string key = 1;", ""), neither, "R.key", name,
			name),
		whole("field renamed, the same name in JSON", updating, proto("string order_id = 1;", ""),
			proto(`string key = 1 [json_name = "orderId"];`, ""), both, "", nil, nil).
			apicurio(neither, strictNames),
		whole("name in JSON changed", "ProtoJSON", proto(id, ""),
			proto(`string id = 1 [json_name = "key"];`, ""),
			backward, "R.id", nil, name).apicurio(both, fieldsOnly),
		whole("fields in another order", updating, proto(id+note, ""), proto(note+id, ""), both, "", nil,
			nil),
		whole("presence made explicit", updating, proto(id, ""), proto("optional string id = 1;", ""), both,
			"", nil, nil).apicurio(neither, labels),
		whole("required field added", "proto2, Required is Forever", proto2("optional string id = 1;", ""),
			proto2("optional string id = 1; required string note = 2;", ""), forward, "R.note",
			kinds(compat.KindRequired), nil).apicurio(neither, addedField),
		whole("required made optional", "proto2, Required is Forever", proto2("required string id = 1;", ""),
			proto2("optional string id = 1;", ""), backward, "R.id", nil, kinds(compat.KindRequired)).
			apicurio(neither, labels),
		whole("default changed", "proto2", proto2("optional int32 n = 1 [default = 1];", ""),
			proto2("optional int32 n = 1 [default = 2];", ""), both, "", nil, nil),
		whole("comment and options changed", updating, proto(id, ""),
			proto("// Whose it is.\nstring id = 1 [deprecated = true];", ""), both, "", nil, nil),
	}
}

// protoType is a change of the type of the field f.
func protoType(older, newer string, want Verdict, back, forth []compat.Kind) Case {
	c := whole(older+" to "+newer, updating, proto(older+" f = 1;", ""), proto(newer+" f = 1;", ""), want,
		"R.f",
		back, forth)
	return c.apicurio(neither, strictTypes)
}

func protoTypes() []Case {
	cut, wrong := kinds(compat.KindNarrowed), kinds(compat.KindType)
	unlike := func(older, newer string) Case {
		c := protoType(older, newer, neither, wrong, wrong)
		c.Java, c.Why = nil, ""
		return c
	}
	narrowed := func(older, newer string, back, forth []compat.Kind) Case {
		c := protoType(older, newer, neither, back, forth)
		c.Java, c.Why = nil, ""
		return c
	}
	return []Case{
		protoType("int32", "int64", backward, nil, cut),
		protoType("uint32", "uint64", backward, nil, cut),
		protoType("uint32", "int64", backward, nil, cut),
		protoType("int64", "int32", forward, cut, nil),
		protoType("sint32", "sint64", backward, nil, cut),
		narrowed("int32", "uint32", cut, cut),
		narrowed("int64", "uint64", cut, cut),
		narrowed("fixed32", "sfixed32", cut, cut),
		narrowed("sfixed64", "fixed64", cut, cut),
		narrowed("bool", "int32", wrong, cut),
		narrowed("string", "bytes", wrong, cut),
		unlike("int32", "sint32"),
		unlike("int64", "fixed64"),
		unlike("float", "double"),
		unlike("int64", "double"),
		unlike("int32", "string"),
		whole("string to a message", updating, proto("string f = 1;", ""),
			proto("In f = 1; message In { string s = 1; }", ""), neither, "R.f", wrong, wrong),
		whole("message to bytes", updating, proto("In f = 1; message In { string s = 1; }", ""),
			proto("bytes f = 1; message In { string s = 1; }", ""), neither, "R.f", wrong, wrong),
		whole("enum to int32", updating, proto("E f = 1;", "enum E { E_A = 0; }"),
			proto("int32 f = 1;", "enum E { E_A = 0; }"), forward, "R.f", wrong, nil).
			apicurio(neither, strictTypes),
		whole("a message of another name, the same fields", updating,
			proto("Money f = 1;", "message Money { int64 units = 1; }"),
			proto("Sum f = 1;", "message Sum { int64 units = 1; }"), both, "", nil, nil).
			apicurio(neither, strictTypes),
		whole("a time to a message with its fields", "ProtoJSON", `syntax = "proto3"; package shop;
			import "google/protobuf/timestamp.proto"; message R { google.protobuf.Timestamp f = 1; message T {
			int64 seconds = 1; int32 nanos = 2; } }`, `syntax = "proto3"; package shop; message R { T f = 1;
			message T { int64 seconds = 1; int32 nanos = 2; } }`, neither, "R.f", wrong, wrong),
	}
}

func protoContainers() []Case {
	many := kinds(compat.KindCardinality)
	line := func(fields string) string { return "repeated Line lines = 1; message Line { " + fields + " }" }
	return []Case{
		whole("number made a list", updating, proto("int32 f = 1;", ""), proto("repeated int32 f = 1;", ""),
			neither, "R.f", many, many),
		whole("text made a list", updating, proto("string f = 1;", ""), proto("repeated string f = 1;", ""),
			neither, "R.f", many, many),
		whole("list packed", updating, proto2("repeated int32 f = 1;", ""),
			proto2("repeated int32 f = 1 [packed = true];", ""), both, "", nil, nil),
		whole("map made a list of its entries", "Maps, Backwards Compatibility",
			proto("map<string, int32> f = 1;", ""),
			proto("repeated E f = 1; message E { string key = 1; int32 value = 2; }", ""), neither, "R.f",
			many, many),
		whole("values of a map widened", updating, proto("map<string, int32> f = 1;", ""),
			proto("map<string, int64> f = 1;", ""), backward, "R.f{}", nil, kinds(compat.KindNarrowed)).
			apicurio(neither, strictTypes),
		whole("field of a list's message narrowed", updating, proto(line("int64 price = 1;"), ""),
			proto(line("int32 price = 1;"), ""), forward, "R.lines[].price", kinds(compat.KindNarrowed), nil).
			apicurio(neither, strictTypes),
		whole("a message that holds itself gets a field", updating, proto("R next = 1;", ""),
			proto("R next = 1; int32 size = 2;", ""), both, "", nil, nil).apicurio(backward, addedField),
	}
}

func protoOneofs() []Case {
	const (
		loose = "string card = 1; int64 cash = 2;"
		one   = "oneof pay { string card = 1; } int64 cash = 2;"
		both2 = "oneof pay { string card = 1; int64 cash = 2; }"
	)
	lost := kinds(compat.KindOneof)
	return []Case{
		whole("one field moved into a new oneof", updating, proto(loose, ""), proto(one, ""), both, "", nil,
			nil),
		whole("two fields moved into a oneof", updating, proto(loose, ""), proto(both2, ""), forward, "R.pay",
			lost, nil).apicurio(both, fieldsOnly),
		whole("field moved into an existing oneof", updating, proto(one, ""), proto(both2, ""), forward,
			"R.pay",
			lost, nil).apicurio(both, fieldsOnly),
		whole("field moved out of a oneof", updating, proto(both2, ""), proto(one, ""), backward, "R.pay",
			nil, lost).apicurio(both, fieldsOnly),
		whole("member added to a oneof", updating, proto(one, ""),
			proto("oneof pay { string card = 1; bytes token = 3; } int64 cash = 2;", ""), both, "", nil, nil).
			apicurio(backward, addedField),
		whole("oneof renamed", updating, proto(one, ""),
			proto("oneof payment { string card = 1; } int64 cash = 2;", ""),
			both, "", nil, nil),
	}
}

func protoEnums() []Case {
	const use = "E f = 1;"
	enum := func(values string) string { return proto(use, "enum E { E_NONE = 0; "+values+" }") }
	closed := func(values string) string {
		return proto2("optional E f = 1;",
			"enum E { E_NONE = 0; "+values+" }")
	}
	symbol, number := kinds(compat.KindSymbol), kinds(compat.KindSymbolNumber)
	return []Case{
		whole("value added to an open enum", "Enum", enum(""), enum("E_A = 1;"), backward, "R.f", nil,
			symbol),
		whole("value added to a closed enum", "Enum", closed(""), closed("E_A = 1;"), backward, "R.f", nil,
			symbol),
		whole("value removed", "Enum", enum("E_A = 1;"), enum(""), forward, "R.f",
			kinds(compat.KindNotReserved, compat.KindSymbol), nil),
		whole("value removed and reserved", "Enum, Reserved Values", enum("E_A = 1;"),
			enum(`reserved 1; reserved "E_A";`), forward, "R.f", symbol, nil),
		whole("value renumbered", "Enum", enum("E_A = 1;"), enum("E_A = 2;"), neither, "R.f", number, number),
		whole("value renamed", "ProtoJSON", enum("E_A = 1;"), enum("E_B = 1;"), neither, "R.f", symbol,
			symbol),
		whole("value gets an alias", "Enum Value Aliases", enum("E_A = 1;"),
			enum("option allow_alias = true; E_A = 1; E_B = 1;"), both, "", nil, nil).
			apicurio(neither, "a value of another name is another value"),
		whole("enum renamed", updating, enum("E_A = 1;"),
			proto("F f = 1;", "enum F { E_NONE = 0; E_A = 1; }"), both, "", nil, nil).
			apicurio(neither, strictTypes),
	}
}

func protoFiles() []Case {
	const id = "string id = 1;"
	index := kinds(compat.KindIndex)
	return []Case{
		whole("message added behind", "Confluent, message indexes", proto(id, ""), proto(id, "message S {}"),
			both,
			"", nil, nil),
		whole("message added in front", "Confluent, message indexes", proto(id, ""),
			"syntax = \"proto3\";\npackage shop;\nmessage S {}\nmessage R {\n"+id+"\n}\n", neither, "R",
			index, index).apicurio(both, fieldsOnly),
		whole("message removed", "Confluent, MESSAGE_REMOVED", proto(id, "message S { string x = 1; }"),
			proto(id, ""), forward, "S", kinds(compat.KindMessage), nil),
		whole("package changed", "Packages", proto(id, ""),
			"syntax = \"proto3\";\npackage store;\nmessage R {\n"+id+"\n}\n", neither, "store",
			kinds(compat.KindPackage), kinds(compat.KindPackage)).apicurio(both, fieldsOnly),
		whole("service added", "Services", proto(id, ""),
			proto(id, "service Shop { rpc Buy(R) returns (R); }"), both, "", nil, nil).
			apicurio(backward, "Apicurio compares services: seen from the other side, one is removed"),
	}
}
