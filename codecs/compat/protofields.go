package compat

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// field compares two fields of the same number.
func (p *protoReading) field(w, r protoreflect.FieldDescriptor, path string) {
	if name := w.JSONName(); name != r.JSONName() && name != r.TextName() {
		if wire(w, r) == unlike && w.Name() != r.Name() {
			p.report(Finding{
				Path: path, Kind: KindNumber, Rule: ruleNumbers, Encoding: BinaryAndJSON,
				Reason: fmt.Sprintf("%s have the %s %s as field %d, %s reads the %s %s", p.records(),
					kindOf(w), w.Name(), w.Number(), p.program(), kindOf(r), r.Name()),
				Remedy: fmt.Sprintf(
					"reserve the number %d and the name %q, and take a number that was never used",
					w.Number(), w.Name()),
			})
			return
		}
		p.report(Finding{
			Path: path, Kind: KindJSONName, Rule: ruleJSONName, Encoding: JSON,
			Reason: fmt.Sprintf("%s have it as %q in JSON, %s reads %q", p.records(), name, p.program(),
				r.JSONName()),
			Remedy: fmt.Sprintf("keep the name in JSON: [json_name = %q]", p.remedy(name, r.JSONName())),
		})
	}
	if r.Cardinality() == protoreflect.Required && w.Cardinality() != protoreflect.Required {
		p.report(Finding{
			Path: path, Kind: KindRequired, Rule: ruleRequired, Encoding: BinaryAndJSON,
			Reason: fmt.Sprintf("%s need not have %s, which %s requires", p.records(), w.Name(), p.program()),
			Remedy: p.remedy("leave it optional",
				"leave it required: old programs refuse records without it"),
		})
	}
	p.cardinality(w, r, path)
}

// shape is how many values a field has.
func shape(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "a map"
	case f.IsList():
		return "a list"
	}
	return "a single value"
}

func (p *protoReading) cardinality(w, r protoreflect.FieldDescriptor, path string) {
	from, to := shape(w), shape(r)
	switch {
	case from == to && w.IsMap():
		p.values(w.MapKey(), r.MapKey(), path+"{key}")
		p.values(w.MapValue(), r.MapValue(), path+"{}")
		return
	case from == to && w.IsList():
		p.values(w, r, path+"[]")
		return
	case from == to:
		p.values(w, r, path)
		return
	}
	encoding, reason := BinaryAndJSON, ""
	switch {
	case w.IsMap() && r.IsList() && r.Message() != nil, r.IsList() && !w.IsMap():
		encoding = JSON // a map is a list of entries in its bytes, and a single value a list of one
	case r.IsMap() && w.IsList() && w.Message() != nil:
		reason = ": of entries with the same key the last one counts"
	case w.IsList() && !r.IsMap():
		reason = ": the last one counts, and packed numbers are not read at all"
	}
	p.report(Finding{
		Path: path, Kind: KindCardinality, Rule: ruleSingular, Encoding: encoding, Silent: encoding != JSON,
		Reason: fmt.Sprintf("%s have %s, %s reads %s%s", p.records(), from, p.program(), to, reason),
		Remedy: "keep it, and add a field with another number beside it",
	})
	p.values(w, r, path)
}

// values compares what two fields hold.
func (p *protoReading) values(w, r protoreflect.FieldDescriptor, path string) {
	binary, readable := wire(w, r), jsonReads(w, r)
	encoding := BinaryAndJSON
	if readable {
		encoding = Binary
	}
	keep := p.remedy(
		fmt.Sprintf("keep %s, and add a field with another number beside it; an upcaster can fill it",
			kindOf(w)),
		fmt.Sprintf("keep %s while old programs run, and add a field with another number beside it",
			kindOf(r)))
	reason := fmt.Sprintf("%s have %s, %s reads %s", p.records(), kindOf(w), p.program(), kindOf(r))
	switch {
	case binary == unlike:
		p.report(Finding{
			Path: path, Kind: KindType, Rule: ruleGroups, Encoding: encoding, Reason: reason, Remedy: keep,
		})
	case binary == cut:
		p.report(Finding{
			Path: path, Kind: KindNarrowed, Rule: ruleCut, Encoding: encoding, Remedy: keep, Silent: true,
			Reason: reason + ": values that do not fit become others",
		})
	case !readable:
		p.report(Finding{
			Path: path, Kind: KindType, Rule: ruleJSONType, Encoding: JSON, Reason: reason, Remedy: keep,
		})
	case w.Message() != nil && r.Message() != nil:
		p.messages(w.Message(), r.Message(), path)
	case w.Enum() != nil && r.Enum() != nil:
		p.enums(w.Enum(), r.Enum(), path)
	}
}

func kindOf(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "an entry of a map"
	case f.Message() != nil:
		return f.Kind().String() + " " + string(f.Message().FullName())
	case f.Enum() != nil:
		return "enum " + string(f.Enum().FullName())
	}
	return f.Kind().String()
}

// enums compares what the writer may write with what the reader has a name for.
func (p *protoReading) enums(w, r protoreflect.EnumDescriptor, path string) {
	var unknown, renamed []string
	for i := range w.Values().Len() {
		v := w.Values().Get(i)
		same, named := r.Values().ByNumber(v.Number()), r.Values().ByName(v.Name())
		switch {
		case named != nil && named.Number() != v.Number():
			p.report(Finding{
				Path: path, Kind: KindSymbolNumber, Rule: ruleNumbers, Silent: true, Encoding: Binary,
				Reason: fmt.Sprintf("%s have %s as %d, %s as %d", p.records(), v.Name(), v.Number(),
					p.program(),
					named.Number()),
				Remedy: fmt.Sprintf("keep the number %d", p.kept(int32(v.Number()), int32(named.Number()))),
			})
		case same == nil:
			unknown = append(unknown, string(v.Name()))
			p.removedValue(r, v, path)
		case named == nil && w.Values().ByNumber(v.Number()).Name() == v.Name():
			// the first name of the number, which is that in JSON
			renamed = append(renamed, string(v.Name()))
		}
	}
	if len(unknown) > 0 {
		encoding, reason := JSON, "keeps the number, and has no name for it in JSON"
		if r.IsClosed() {
			encoding, reason = BinaryAndJSON, "drops the value"
		}
		p.symbols(path, encoding, unknown, reason)
	}
	if len(renamed) > 0 {
		p.symbols(path, JSON, renamed, "knows them by another name")
	}
}

// kept returns the number of the older version.
func (p *protoReading) kept(writer, reader int32) int32 {
	if p.direction == Backward {
		return writer
	}
	return reader
}

func (p *protoReading) symbols(path string, encoding Encoding, names []string, reason string) {
	all := strings.Join(names, ", ")
	p.report(Finding{
		Path: path, Kind: KindSymbol, Rule: ruleEnums, Encoding: encoding, Silent: encoding != JSON,
		Reason: fmt.Sprintf("%s may have %s, and %s %s", p.records(), all, p.program(), reason),
		Remedy: p.remedy("keep "+all+"; an old name can be an alias (allow_alias)",
			"write "+all+" when no older program runs; or a new field for it"),
	})
}

func (p *protoReading) removedValue(
	r protoreflect.EnumDescriptor, v protoreflect.EnumValueDescriptor, path string,
) {
	if p.direction == Backward {
		p.unreserved(path, "value", int32(v.Number()), v.Name(),
			r.ReservedRanges().Has(v.Number()), r.ReservedNames().Has(v.Name()))
	}
}
