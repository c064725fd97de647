package compat

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/protobuf"
)

// DiffProtobuf returns the differences between two versions of a .proto file: message by message in the order
// of the newer one, fields by their numbers, then the messages that only one of the two has. A message that
// several fields have is compared at the first of them.
func DiffProtobuf(older, newer *protobuf.File) []Change {
	was, is := older.Descriptor(), newer.Descriptor()
	d := &protoDiffer{
		was: was.Package(), is: is.Package(),
		pairs:   map[messagePair]bool{},
		wasSeen: map[protoreflect.FullName]bool{}, isSeen: map[protoreflect.FullName]bool{},
	}
	var file, end noted
	file.note("package", string(d.was), string(d.is), string(d.was), string(d.is))
	before := map[string]*protobuf.Type{}
	for _, m := range older.Messages() {
		before[relative(m.Descriptor())] = m
	}
	for _, m := range newer.Messages() {
		name := relative(m.Descriptor())
		if old := before[name]; old != nil {
			file.note("index", fmt.Sprint(old.Indexes()), fmt.Sprint(m.Indexes()), name, name)
			d.messages(old.Descriptor(), m.Descriptor(), name, name)
		}
	}
	for _, side := range []struct {
		file *protobuf.File
		what string
		seen map[protoreflect.FullName]bool
	}{{newer, "message-added", d.isSeen}, {older, "message-removed", d.wasSeen}} {
		for _, m := range side.file.Messages() {
			if name := relative(m.Descriptor()); !side.seen[m.Descriptor().FullName()] {
				end.changes = append(end.changes, Change{
					Path: name, What: side.what, Backward: true, Forward: true, wasAt: name,
				})
			}
		}
	}
	backward, forward := aboutFiles(older, newer, Backward), aboutFiles(newer, older, Forward)
	judge(file.changes, backward, forward)
	for i := range file.changes {
		if c := &file.changes[i]; c.What == "index" { // one finding is about all that have moved
			c.Backward, c.Forward = !moves(backward), !moves(forward)
		}
	}
	judge(end.changes, backward, forward)
	return slices.Concat(file.changes, d.changes, end.changes)
}

// aboutFiles returns the breaks that are not about what messages hold.
func aboutFiles(writer, reader *protobuf.File, d Direction) []Finding {
	return slices.DeleteFunc(ReadProtobuf(writer, reader, d), func(f Finding) bool {
		return f.Kind != KindPackage && f.Kind != KindIndex && f.Kind != KindMessage
	})
}

func moves(found []Finding) bool {
	return slices.ContainsFunc(found, func(f Finding) bool { return f.Kind == KindIndex })
}

type protoDiffer struct {
	noted
	was, is protoreflect.FullName // the packages of the files
	pairs   map[messagePair]bool  // that were compared
	// wasSeen and isSeen are the messages that were compared, of the older and the newer file.
	wasSeen, isSeen map[protoreflect.FullName]bool
}

func (d *protoDiffer) messages(was, is protoreflect.MessageDescriptor, wasAt, isAt string) {
	d.wasSeen[was.FullName()], d.isSeen[is.FullName()] = true, true
	pair := messagePair{was.FullName(), is.FullName()}
	if d.pairs[pair] || protobuf.HasOwnJSON(was) || protobuf.HasOwnJSON(is) {
		return
	}
	d.pairs[pair] = true
	from := len(d.changes)
	d.note("doc", protobuf.Comment(was), protobuf.Comment(is), wasAt, isAt)
	for i := range is.Fields().Len() {
		field := is.Fields().Get(i)
		at := isAt + "." + string(field.Name())
		if old := was.Fields().ByNumber(field.Number()); old != nil {
			d.field(old, field, wasAt+"."+string(old.Name()), at)
		} else {
			d.note("field-added", "", d.described(field), wasAt+"."+string(field.Name()), at)
		}
	}
	for i := range was.Fields().Len() {
		if field := was.Fields().Get(i); is.Fields().ByNumber(field.Number()) == nil {
			name := "." + string(field.Name())
			d.note("field-removed", d.described(field), "", wasAt+name, isAt+name)
		}
	}
	d.oneofs(was, is, wasAt, isAt)
	judge(d.changes[from:], ofMessage(was, is, isAt, Backward), ofMessage(is, was, wasAt, Forward))
}

// ofMessage returns the breaks of a message without those of the messages that its fields have.
func ofMessage(writer, reader protoreflect.MessageDescriptor, path string, d Direction) []Finding {
	p := newProtoReading(d)
	p.flat = true
	p.messages(writer, reader, path)
	return p.found
}

func (d *protoDiffer) field(was, is protoreflect.FieldDescriptor, wasAt, isAt string) {
	d.note("field-renamed", string(was.Name()), string(is.Name()), wasAt, isAt)
	d.note("json-name", was.JSONName(), is.JSONName(), wasAt, isAt)
	d.note("doc", protobuf.Comment(was), protobuf.Comment(is), wasAt, isAt)
	d.note("cardinality", label(was), label(is), wasAt, isAt)
	switch {
	case was.IsMap() && is.IsMap():
		d.values(was.MapKey(), is.MapKey(), wasAt+"{key}", isAt+"{key}")
		d.values(was.MapValue(), is.MapValue(), wasAt+"{}", isAt+"{}")
	case was.IsMap() || is.IsMap(): // nothing within is the same
	case was.IsList() && is.IsList():
		d.values(was, is, wasAt+"[]", isAt+"[]")
	default:
		d.values(was, is, wasAt, isAt)
	}
}

// label is how many values a field has, as the file says it.
func label(f protoreflect.FieldDescriptor) string {
	switch {
	case f.IsMap():
		return "map"
	case f.HasOptionalKeyword():
		return "optional"
	case f.Cardinality() == protoreflect.Optional:
		return "singular"
	}
	return f.Cardinality().String()
}

// values compares what two fields hold.
func (d *protoDiffer) values(was, is protoreflect.FieldDescriptor, wasAt, isAt string) {
	d.note("type", d.kind(was), d.kind(is), wasAt, isAt)
	switch {
	case was.Message() != nil && is.Message() != nil:
		d.messages(was.Message(), is.Message(), wasAt, isAt)
	case was.Enum() != nil && is.Enum() != nil:
		d.note("doc", protobuf.Comment(was.Enum()), protobuf.Comment(is.Enum()), wasAt, isAt)
		d.note("symbols", symbolText(was.Enum()), symbolText(is.Enum()), wasAt, isAt)
	}
}

// described is a field as the file has it, without its name.
func (d *protoDiffer) described(f protoreflect.FieldDescriptor) string {
	text := d.kind(f)
	switch {
	case f.IsMap():
		text = "map of " + d.kind(f.MapKey()) + " to " + d.kind(f.MapValue())
	case label(f) != "singular":
		text = label(f) + " " + text
	}
	return fmt.Sprintf("%s = %d", text, f.Number())
}

// kind is the type of a field's value. Types of the file's package are named without it.
func (d *protoDiffer) kind(f protoreflect.FieldDescriptor) string {
	var of protoreflect.Descriptor
	switch {
	case f.Message() != nil:
		of = f.Message()
	case f.Enum() != nil:
		of = f.Enum()
	default:
		return f.Kind().String()
	}
	name := string(of.FullName())
	if own := of.ParentFile().Package(); own == d.was || own == d.is {
		name = strings.TrimPrefix(name, string(own)+".")
	}
	return f.Kind().String() + " " + name
}

func symbolText(e protoreflect.EnumDescriptor) string {
	all := make([]string, e.Values().Len())
	for i := range all {
		v := e.Values().Get(i)
		all[i] = fmt.Sprintf("%s = %d", v.Name(), v.Number())
	}
	return strings.Join(all, ", ")
}

// oneofs compares which fields exclude each other.
func (d *protoDiffer) oneofs(was, is protoreflect.MessageDescriptor, wasAt, isAt string) {
	note := func(old, now protoreflect.OneofDescriptor, name protoreflect.Name) {
		before, numbers := excluding(old)
		after, others := excluding(now)
		if !slices.Equal(numbers, others) {
			d.note("oneof", before, after, wasAt+"."+string(name), isAt+"."+string(name))
		}
	}
	for i := range is.Oneofs().Len() {
		now := is.Oneofs().Get(i)
		note(was.Oneofs().ByName(now.Name()), now, now.Name())
	}
	for i := range was.Oneofs().Len() {
		if old := was.Oneofs().Get(i); is.Oneofs().ByName(old.Name()) == nil {
			note(old, nil, old.Name())
		}
	}
}

// excluding returns the fields of a oneof, and their numbers; none of one that is not in the file.
func excluding(o protoreflect.OneofDescriptor) (names string, numbers []protoreflect.FieldNumber) {
	if o == nil || o.IsSynthetic() {
		return "", nil
	}
	var all []string
	for i := range o.Fields().Len() {
		all = append(all, string(o.Fields().Get(i).Name()))
		numbers = append(numbers, o.Fields().Get(i).Number())
	}
	slices.Sort(numbers)
	return strings.Join(all, ", "), numbers
}
