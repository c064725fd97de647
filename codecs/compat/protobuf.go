package compat

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/protobuf"
)

// The rules for Protobuf, as findings name them.
const (
	guide = "Protobuf language guide, Updating A Message Type: "

	ruleNumbers  = guide + "don't change the field numbers of existing fields"
	ruleGroups   = guide + "a type may change only within its wire-compatible group"
	ruleCut      = guide + "a number that does not fit into its new type is cut, as by a cast in C++"
	ruleReserve  = guide + "reserve the number and the name of a field or a value that is removed"
	ruleReserved = "Protobuf language guide, Reserved Field Numbers: a reserved number or name is not " +
		"used again"
	ruleOneof    = guide + "moving fields into a oneof loses data if more than one of them is set"
	ruleSingular = guide + "a list and a single value are not read as each other"
	ruleRequired = "Protobuf language guide (proto2), Required is Forever: a required field may not be " +
		"missing"
	ruleEnums = "Protobuf language guide, Enum: a value that is not known is kept (open) or dropped " +
		"(closed)"
	ruleJSONName  = "ProtoJSON, Field names: a parser takes the JSON name, or the name in the file"
	ruleJSONType  = "ProtoJSON, Representation of each type"
	ruleMessages  = "Confluent, Protobuf compatibility: a message that records have may not be removed"
	ruleIndexes   = "Confluent, wire format: message indexes are places in the file"
	rulePackages  = "Protobuf language guide, Packages: the package is a part of every full name"
	ruleOtherJSON = "ProtoJSON: some of google.protobuf's messages have a JSON of their own"
)

// CompareProtobuf returns all breaks between an older and a newer version of a .proto file, those of records
// that are written by the older one first. Messages are compared with those of their name, and the messages
// of fields with each other, whatever their names: these are not in the bytes. Services, options and
// extensions don't count. The cost grows with the product of the two files' messages at worst.
func CompareProtobuf(older, newer *protobuf.File) []Finding {
	return append(ReadProtobuf(older, newer, Backward), ReadProtobuf(newer, older, Forward)...)
}

// ReadProtobuf returns all breaks of a reader's file that reads what a writer's file wrote.
func ReadProtobuf(writer, reader *protobuf.File, d Direction) []Finding {
	p := newProtoReading(d)
	p.files(writer, reader)
	return p.found
}

func newProtoReading(d Direction) *protoReading {
	return &protoReading{
		reading: reading{direction: d}, pairs: map[messagePair]bool{},
		visited: map[protoreflect.FullName]bool{},
	}
}

// protoReading compares what one file writes with what another one reads.
type protoReading struct {
	reading
	pairs   map[messagePair]bool // ends recursive messages
	visited map[protoreflect.FullName]bool
	flat    bool // of the first message only, not of those that its fields have
}

type messagePair struct{ writer, reader protoreflect.FullName }

func (p *protoReading) files(writer, reader *protobuf.File) {
	w, r := writer.Descriptor(), reader.Descriptor()
	if w.Package() != r.Package() {
		p.report(Finding{
			Path: string(r.Package()), Kind: KindPackage, Rule: rulePackages, Silent: true,
			Encoding: BinaryAndJSON,
			Reason: fmt.Sprintf("%s are of the package %s, %s has %s", p.records(), w.Package(),
				p.program(), r.Package()),
			Remedy: "keep the package: subjects, types in headers and google.protobuf.Any have the " +
				"full name",
		})
	}
	messages := map[string]*protobuf.Type{}
	for _, m := range reader.Messages() {
		messages[relative(m.Descriptor())] = m
	}
	var missing, moved []*protobuf.Type
	for _, m := range writer.Messages() {
		name := relative(m.Descriptor())
		other := messages[name]
		if other == nil {
			missing = append(missing, m)
			continue
		}
		if !slices.Equal(m.Indexes(), other.Indexes()) {
			moved = append(moved, m)
		}
		p.messages(m.Descriptor(), other.Descriptor(), name)
	}
	p.moved(moved, messages)
	for _, m := range missing {
		p.missingMessage(m)
	}
}

// relative returns a name without the package.
func relative(m protoreflect.MessageDescriptor) string {
	return strings.TrimPrefix(strings.TrimPrefix(string(m.FullName()), string(m.ParentFile().Package())), ".")
}

func (p *protoReading) moved(all []*protobuf.Type, messages map[string]*protobuf.Type) {
	if len(all) == 0 {
		return
	}
	name := relative(all[0].Descriptor())
	more := ""
	if len(all) > 1 {
		more = fmt.Sprintf(", and %d more have moved", len(all)-1)
	}
	p.report(Finding{
		Path: name, Kind: KindIndex, Rule: ruleIndexes, Silent: true, Encoding: Binary,
		Reason: fmt.Sprintf(
			"%s have %s at %v, %s has it at %v%s: a reader that looks an index up in its own "+
				"file finds another message", p.records(), name, all[0].Indexes(), p.program(),
			messages[name].Indexes(), more),
		Remedy: "keep the order of messages, and add new ones at the end of the file or of their message",
	})
}

// missingMessage reports a message that old records may have. One that only fields had has been compared with
// what these fields have now.
func (p *protoReading) missingMessage(m *protobuf.Type) {
	if p.direction != Backward || p.visited[m.Descriptor().FullName()] {
		return
	}
	p.report(Finding{
		Path: relative(m.Descriptor()), Kind: KindMessage, Rule: ruleMessages, Encoding: BinaryAndJSON,
		Reason: fmt.Sprintf("%s may be of %s, which %s does not have", p.records(), m.FullName(),
			p.program()),
		Remedy: "keep the message, for as long as records of it are kept",
	})
}

func (p *protoReading) messages(w, r protoreflect.MessageDescriptor, path string) {
	p.visited[w.FullName()] = true
	pair := messagePair{w.FullName(), r.FullName()}
	if p.pairs[pair] {
		return
	}
	p.pairs[pair] = true
	if (protobuf.HasOwnJSON(w) || protobuf.HasOwnJSON(r)) && w.FullName() != r.FullName() {
		p.report(Finding{
			Path: path, Kind: KindType, Rule: ruleOtherJSON, Encoding: JSON,
			Reason: fmt.Sprintf("%s have a %s, %s reads a %s", p.records(), w.FullName(), p.program(),
				r.FullName()),
			Remedy: "keep the message, and add a field beside it",
		})
	}
	if p.flat && len(p.pairs) > 1 {
		return
	}
	for i := range w.Fields().Len() {
		wrote := w.Fields().Get(i)
		if read := r.Fields().ByNumber(wrote.Number()); read != nil {
			p.field(wrote, read, path+"."+string(read.Name()))
		} else {
			p.lacking(wrote, r, path)
		}
	}
	for i := range r.Fields().Len() {
		if read := r.Fields().Get(i); w.Fields().ByNumber(read.Number()) == nil {
			p.added(w, read, path+"."+string(read.Name()))
		}
	}
	for i := range r.Oneofs().Len() {
		p.oneof(w, r.Oneofs().Get(i), path)
	}
}

// lacking looks at a field of the writer that the reader's message lacks: its value is passed over.
func (p *protoReading) lacking(
	wrote protoreflect.FieldDescriptor, r protoreflect.MessageDescriptor, path string,
) {
	path += "." + string(wrote.Name())
	if other := r.Fields().ByName(wrote.Name()); other != nil {
		p.report(Finding{
			Path: path, Kind: KindNumber, Rule: ruleNumbers, Silent: true, Encoding: Binary,
			Reason: fmt.Sprintf("%s have %s as field %d, %s reads it as %d", p.records(), wrote.Name(),
				wrote.Number(), p.program(), other.Number()),
			Remedy: fmt.Sprintf("keep the number %d", p.kept(int32(wrote.Number()), int32(other.Number()))),
		})
		return
	}
	if p.direction == Backward {
		p.unreserved(path, "field", int32(wrote.Number()), wrote.Name(),
			r.ReservedRanges().Has(wrote.Number()), r.ReservedNames().Has(wrote.Name()))
	}
}

// unreserved reports a number or a name that is removed and may come back as something else.
func (p *protoReading) unreserved(
	path, what string, number int32, name protoreflect.Name, hasNumber, hasName bool,
) {
	var reserve []string
	encoding := JSON
	if !hasNumber {
		reserve, encoding = append(reserve, fmt.Sprintf("reserved %d;", number)), Binary
	}
	if !hasName {
		reserve = append(reserve, fmt.Sprintf("reserved %q;", name))
		if !hasNumber {
			encoding = BinaryAndJSON
		}
	}
	if len(reserve) == 0 {
		return
	}
	p.report(Finding{
		Path: path, Kind: KindNotReserved, Rule: ruleReserve, Silent: true, Encoding: encoding,
		Reason: fmt.Sprintf(
			"%s have the %s %s, number %d, and nothing keeps a later one from being taken for it",
			p.records(), what, name, number),
		Remedy: "add " + strings.Join(reserve, " "),
	})
}

// added looks at a field of the reader that the writer's message lacks.
func (p *protoReading) added(
	w protoreflect.MessageDescriptor, read protoreflect.FieldDescriptor, path string,
) {
	if read.Cardinality() == protoreflect.Required {
		p.report(Finding{
			Path: path, Kind: KindRequired, Rule: ruleRequired, Encoding: BinaryAndJSON,
			Reason: fmt.Sprintf("%s have no %s, which %s requires", p.records(), read.Name(), p.program()),
			Remedy: p.remedy("make it optional", "keep the field: old programs require it"),
		})
	}
	if p.direction != Backward {
		return
	}
	number, name := w.ReservedRanges().Has(read.Number()), w.ReservedNames().Has(read.Name())
	if !number && !name {
		return
	}
	encoding := JSON
	if number {
		encoding = Binary
		if name {
			encoding = BinaryAndJSON
		}
	}
	p.report(Finding{
		Path: path, Kind: KindReused, Rule: ruleReserved, Silent: true, Encoding: encoding,
		Reason: fmt.Sprintf(
			"%s, number %d, was reserved: records of still older versions may have something "+
				"else there", read.Name(), read.Number()),
		Remedy: "take a number and a name that were never used",
	})
}

// oneof finds fields that the writer may set together, and of which the reader keeps one.
func (p *protoReading) oneof(w protoreflect.MessageDescriptor, r protoreflect.OneofDescriptor, path string) {
	if r.IsSynthetic() {
		return
	}
	var apart []string
	within := map[protoreflect.FullName]bool{}
	for i := range r.Fields().Len() {
		wrote := w.Fields().ByNumber(r.Fields().Get(i).Number())
		if wrote == nil {
			continue
		}
		o := wrote.ContainingOneof()
		if o != nil && !o.IsSynthetic() {
			if within[o.FullName()] {
				continue
			}
			within[o.FullName()] = true
		}
		apart = append(apart, string(wrote.Name()))
	}
	if len(apart) < 2 {
		return
	}
	p.report(Finding{
		Path: path + "." + string(r.Name()), Kind: KindOneof, Rule: ruleOneof, Silent: true,
		Encoding: BinaryAndJSON,
		Reason: fmt.Sprintf("%s may have %s at once, %s keeps the last of them",
			p.records(), strings.Join(apart, " and "), p.program()),
		Remedy: p.remedy("keep the fields outside of the oneof, and add new ones to it",
			"keep the fields in their oneof while old programs run"),
	})
}
