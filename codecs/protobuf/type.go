package protobuf

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// Type is a message of a file. It is safe for concurrent use.
type Type struct {
	file    *File
	desc    protoreflect.MessageDescriptor
	indexes []int
}

func newType(f *File, m protoreflect.MessageDescriptor, indexes []int) *Type {
	return &Type{file: f, desc: m, indexes: indexes}
}

// FullName returns the name with the package, such as shop.v1.Order.
func (t *Type) FullName() string { return string(t.desc.FullName()) }

// Indexes returns where the message stands in its file; see [File.Message].
func (t *Type) Indexes() []int { return slices.Clone(t.indexes) }

// Descriptor returns the message as the Protobuf library describes it.
func (t *Type) Descriptor() protoreflect.MessageDescriptor { return t.desc }

// File returns the file that declares the message.
func (t *Type) File() *File { return t.file }

// The messages of google/protobuf that have a JSON of their own.
const (
	anyName       = "google.protobuf.Any"
	timestampName = "google.protobuf.Timestamp"
	durationName  = "google.protobuf.Duration"
	fieldMaskName = "google.protobuf.FieldMask"
	structName    = "google.protobuf.Struct"
	valueName     = "google.protobuf.Value"
	listName      = "google.protobuf.ListValue"
	nullName      = "google.protobuf.NullValue"
)

// standardName returns the name of a message of the library's; "" of another one, whatever it calls itself.
func standardName(m protoreflect.Descriptor) protoreflect.FullName {
	if strings.HasPrefix(m.ParentFile().Path(), standardFolder) {
		return m.FullName()
	}
	return ""
}

// wrapped returns the one field of a wrapper, such as google.protobuf.StringValue; nil of another message.
func wrapped(m protoreflect.MessageDescriptor) protoreflect.FieldDescriptor {
	switch standardName(m) {
	case "google.protobuf.BoolValue", "google.protobuf.BytesValue", "google.protobuf.DoubleValue",
		"google.protobuf.FloatValue", "google.protobuf.Int32Value", "google.protobuf.Int64Value",
		"google.protobuf.StringValue", "google.protobuf.UInt32Value", "google.protobuf.UInt64Value":
		return m.Fields().ByNumber(1)
	}
	return nil
}

func isNullEnum(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.EnumKind && standardName(f.Enum()) == nullName
}

// takesNull reports whether null is a value of the field, and not the absence of one.
func takesNull(f protoreflect.FieldDescriptor) bool {
	return !f.IsList() && !f.IsMap() && (isNullEnum(f) || f.Message() != nil &&
		standardName(f.Message()) == valueName)
}

func isMessage(f protoreflect.FieldDescriptor) bool {
	return f.Kind() == protoreflect.MessageKind || f.Kind() == protoreflect.GroupKind
}
