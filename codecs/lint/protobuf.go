package lint

import (
	"fmt"
	"regexp"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/protobuf"
)

var (
	versioned  = regexp.MustCompile(`(^|\.)v[1-9]\d*((alpha|beta)\d*)?$`)
	lowerSnake = regexp.MustCompile(`^[a-z][a-z0-9]*(_[a-z0-9]+)*$`)
)

// CheckProtobuf returns what is wrong with what files declare: the messages and enums of what they import are
// others' affair. Fields are written like order_line, and a package has a version. A doc is the comment above
// or behind a declaration.
func CheckProtobuf(files ...*protobuf.File) []Problem {
	c := checker{seen: map[string]bool{}}
	for _, f := range files {
		desc := f.Descriptor()
		if name := string(desc.Package()); !versioned.MatchString(name) {
			c.wrong(name, RulePackage, fmt.Sprintf("the package %q has no version", name),
				"a package like shop.orders.v1: an incompatible change is a new one beside it")
		}
		for _, m := range f.Messages() {
			c.message(m.Descriptor())
		}
		c.protoEnums(desc.Enums())
	}
	return c.problems
}

func (c *checker) message(m protoreflect.MessageDescriptor) {
	path := string(m.Name())
	c.declared("message", m, path)
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		at := path + "." + string(f.Name())
		if protobuf.Comment(f) == "" {
			c.wrong(at, RuleFieldDoc, "the field has no comment", "say what it means, and in which unit")
		}
		if f.Kind() != protoreflect.GroupKind && !lowerSnake.MatchString(string(f.Name())) {
			c.wrong(at, RuleFieldName, fmt.Sprintf("the field is named %s", f.Name()),
				fmt.Sprintf("a name like order_line, with [json_name = %q]", f.JSONName()))
		}
		c.protoMeaning(f, at)
	}
	c.protoEnums(m.Enums())
}

func (c *checker) protoEnums(all protoreflect.EnumDescriptors) {
	for i := range all.Len() {
		c.declared("enum", all.Get(i), string(all.Get(i).Name()))
	}
}

func (c *checker) declared(kind string, d protoreflect.Descriptor, path string) {
	if !typeName.MatchString(string(d.Name())) {
		c.wrong(path, RuleTypeName, fmt.Sprintf("the %s is named %s", kind, d.Name()),
			"a name like OrderLine")
	}
	if protobuf.Comment(d) == "" {
		c.wrong(path, RuleRecordDoc, fmt.Sprintf("the %s %s has no comment", kind, d.FullName()),
			"say what it means, in its business")
	}
}

// protoMeaning compares what a field is named with what it holds.
func (c *checker) protoMeaning(f protoreflect.FieldDescriptor, path string) {
	value := f
	if f.IsMap() {
		value = f.MapValue()
	}
	words := wordsOf(string(f.Name()))
	switch kind := value.Kind(); kind {
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		if named(words, money) {
			c.wrong(path, RuleMoney, fmt.Sprintf("%s is named like money, and is a %s", f.Name(), kind),
				"a whole number of minor units (int64), or google.type.Money")
		}
	case protoreflect.BoolKind, protoreflect.EnumKind, protoreflect.BytesKind, protoreflect.MessageKind,
		protoreflect.GroupKind:
	default: // integers and strings
		if slices.Contains(times, words[len(words)-1]) {
			c.wrong(path, RuleTime, fmt.Sprintf("%s is named like a time, and is a plain %s", f.Name(), kind),
				"google.protobuf.Timestamp, or google.type.Date for a day")
		}
	}
}
