package codecs

import (
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// wireCheck finds fields that a reader would lose or misread, as Protobuf's guide has it ("Updating A Message
// Type"): it finds a field by its number and its kind on the wire, and takes any other for unknown.
type wireCheck map[descriptorPair]bool

// messages returns an error for the first field that both messages have and that ours can't read.
func (c wireCheck) messages(written, ours protoreflect.MessageDescriptor) error {
	pair := descriptorPair{written.FullName(), ours.FullName()}
	if c[pair] {
		return nil
	}
	c[pair] = true
	for i := range ours.Fields().Len() {
		f := ours.Fields().Get(i)
		w := written.Fields().ByNumber(f.Number())
		if w == nil {
			continue
		}
		if err := c.fields(w, f); err != nil {
			return err
		}
	}
	return nil
}

func (c wireCheck) fields(written, ours protoreflect.FieldDescriptor) error {
	switch {
	case wireKind(written) != wireKind(ours):
		return fmt.Errorf("%s, number %d, is a %s where a %s was written; give the new field a number of "+
			"its own", ours.FullName(), ours.Number(), kindName(ours), kindName(written))
	case written.IsList() && !ours.IsList(), written.IsMap() != ours.IsMap():
		return fmt.Errorf("%s, number %d, holds one value where several were written; give the new field a "+
			"number of its own", ours.FullName(), ours.Number())
	case ours.Message() != nil:
		return c.messages(written.Message(), ours.Message())
	}
	return nil
}

func kindName(f protoreflect.FieldDescriptor) string {
	if f.Message() != nil {
		return string(f.Message().FullName())
	}
	return f.Kind().String()
}

// wireKind is the same for kinds of which one reads what the other wrote.
func wireKind(f protoreflect.FieldDescriptor) string {
	switch k := f.Kind(); k {
	case protoreflect.Int32Kind, protoreflect.Int64Kind, protoreflect.Uint32Kind, protoreflect.Uint64Kind,
		protoreflect.BoolKind, protoreflect.EnumKind:
		return "varint"
	case protoreflect.Sint32Kind, protoreflect.Sint64Kind:
		return "zigzag varint"
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind:
		return "fixed32"
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind:
		return "fixed64"
	case protoreflect.StringKind, protoreflect.BytesKind:
		return "bytes"
	default: // float, double, message, group
		return k.String()
	}
}
