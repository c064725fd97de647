package codecs

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/avrojson"
	"refold/codecs/jsonvalue"
	"refold/codecs/protobuf"
)

// protobufNotation is a message of a .proto file. There is one for each message of a file that was parsed.
type protobufNotation struct {
	typ  *protobuf.Type
	file *protobufFile
}

// protobufFile is a .proto file with the texts that it imports.
type protobufFile struct {
	file     *protobuf.File
	imports  map[string]string
	messages []*protobufNotation // each before those within it
}

// parseProtobuf returns the first message of a file.
func parseProtobuf(text string, imports map[string]string) (*protobufNotation, error) {
	parsed, err := protobuf.Parse("", text, imports)
	if err != nil {
		return nil, err //nolint:wrapcheck // parseSchema does
	}
	f := &protobufFile{file: parsed, imports: imports}
	for _, m := range parsed.Messages() {
		f.messages = append(f.messages, &protobufNotation{m, f})
	}
	if len(f.messages) == 0 {
		return nil, errors.New("the .proto file has no message")
	}
	return f.messages[0], nil
}

func (n *protobufNotation) fullName() string  { return n.typ.FullName() }
func (n *protobufNotation) aliases() []string { return nil }
func (n *protobufNotation) revision() int64   { return 0 }

// references returns the files that the file imports, and those that they import.
func (n *protobufNotation) references() []needed {
	return n.file.needs(n.file.file.Descriptor().Imports())
}

func (f *protobufFile) needs(imports protoreflect.FileImports) (all []needed) {
	for i := range imports.Len() {
		path := imports.Get(i).Path()
		if text, has := f.imports[path]; has { // the others are the library's
			all = append(all, needed{path, text, f.needs(imports.Get(i).Imports())})
		}
	}
	return all
}

func (n *protobufNotation) toJSON(data []byte, limit int) ([]byte, error) {
	_, rest, err := protobuf.SplitIndexes(data)
	if err != nil {
		return nil, err //nolint:wrapcheck // Schema.toJSON does
	}
	return n.typ.ToJSON(rest, limit) //nolint:wrapcheck // Schema.toJSON does
}

func (n *protobufNotation) fromJSON(
	text jsonvalue.Text, limits avrojson.Limits,
) ([]byte, []avrojson.Mistake, error) {
	data, mistakes, err := n.typ.FromJSON(text, limits)
	if err != nil || len(mistakes) > 0 {
		return nil, mistakes, err //nolint:wrapcheck // Set.fromText does
	}
	return append(protobuf.AppendIndexes(nil, n.typ.Indexes()), data...), nil, nil
}

func (n *protobufNotation) describe(named func(string, *avrojson.Schema) string) *avrojson.Schema {
	return n.typ.Describe(named)
}

func (n *protobufNotation) sample() ([]byte, error) {
	return append(protobuf.AppendIndexes(nil, n.typ.Indexes()), n.typ.Sample()...), nil
}

func (n *protobufNotation) same(other notation) bool {
	o, is := other.(*protobufNotation)
	return is && (n == o || difference(n.typ.Descriptor(), o.typ.Descriptor()) == nil)
}

// read lets fields be read by their numbers. What ours lacks is kept as unknown; what the writer lacks has
// its default. A field that has changed so that Protobuf would take it for an unknown one, or for another
// value, is an error.
func (n *protobufNotation) read(written notation) (*reading, error) {
	w, is := written.(*protobufNotation)
	if !is {
		return nil, mismatch(Protobuf, formatOf(written))
	}
	if w != n {
		if err := (wireCheck{}).messages(w.typ.Descriptor(), n.typ.Descriptor()); err != nil {
			return nil, err
		}
	}
	return &reading{protobuf: n.typ, indexes: protobuf.AppendIndexes(nil, n.typ.Indexes())}, nil
}

func (n *protobufNotation) of(data []byte) (notation, error) {
	if len(data) > 0 && data[0] == 0 {
		return n.file.messages[0], nil
	}
	indexes, _, err := protobuf.SplitIndexes(data)
	if err != nil {
		return nil, err //nolint:wrapcheck // Schema.of does
	}
	for _, m := range n.file.messages {
		if slices.Equal(m.typ.Indexes(), indexes) {
			return m, nil
		}
	}
	_, err = n.file.file.Message(indexes)
	return nil, err //nolint:wrapcheck // Schema.of does
}

func (n *protobufNotation) named(fullName string) notation {
	for _, m := range n.file.messages {
		if m.typ.FullName() == fullName {
			return m
		}
	}
	return nil
}

// difference says what differs between two messages and all that they hold; nil if nothing does but comments
// and options.
func difference(a, b protoreflect.MessageDescriptor) error {
	return differences{}.messages(a, b)
}

type descriptorPair struct{ a, b protoreflect.FullName }

type differences map[descriptorPair]bool

func (d differences) messages(a, b protoreflect.MessageDescriptor) error {
	pair := descriptorPair{a.FullName(), b.FullName()}
	if d[pair] {
		return nil
	}
	d[pair] = true
	if a.FullName() != b.FullName() || a.Fields().Len() != b.Fields().Len() {
		return fmt.Errorf("%s has %d fields, and %s has %d", a.FullName(), a.Fields().Len(), b.FullName(),
			b.Fields().Len())
	}
	for i := range a.Fields().Len() {
		f := a.Fields().Get(i)
		g := b.Fields().ByNumber(f.Number())
		if g == nil || signature(f) != signature(g) {
			return fmt.Errorf("the field %s, number %d, differs", f.FullName(), f.Number())
		}
		if err := d.inner(f, g); err != nil {
			return err
		}
	}
	return nil
}

func (d differences) inner(f, g protoreflect.FieldDescriptor) error {
	if f.Message() != nil {
		return d.messages(f.Message(), g.Message())
	}
	if f.Enum() == nil {
		return nil
	}
	a, b := f.Enum().Values(), g.Enum().Values()
	if a.Len() != b.Len() {
		return fmt.Errorf("the enum %s differs", f.Enum().FullName())
	}
	for i := range a.Len() {
		if v := b.ByNumber(a.Get(i).Number()); v == nil || b.ByName(a.Get(i).Name()) == nil {
			return fmt.Errorf("the enum value %s differs", a.Get(i).FullName())
		}
	}
	return nil
}

// signature is all of a field but the content of its type.
func signature(f protoreflect.FieldDescriptor) string {
	text := fmt.Sprint(f.Name(), f.JSONName(), f.Kind(), f.Cardinality(), f.HasPresence(), f.Default())
	if o := f.ContainingOneof(); o != nil {
		text += " " + string(o.Name())
	}
	if f.Message() != nil {
		text += " " + string(f.Message().FullName())
	}
	if f.Enum() != nil {
		text += " " + string(f.Enum().FullName())
	}
	return text
}

// samePlace reports whether data of one schema can be marked as that of another one which describes the same:
// the indexes in front of messages must agree.
func samePlace(a, b notation) bool {
	one, is := a.(*protobufNotation)
	other, too := b.(*protobufNotation)
	return is == too && (!is || slices.Equal(one.typ.Indexes(), other.typ.Indexes()))
}
