package codecs

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"reflect"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/protobuf"
)

// maxProtobufDepth limits how deeply messages are nested: as in the libraries of C++ and Java.
const maxProtobufDepth = 100

// ProtobufRecord returns the record type of a generated message T, such as *meterspb.ReadingTaken. protos has
// the .proto file that T was generated from, and the files that it imports, under the paths that they have in
// the generated code, or the ends of these: a package can embed the files of its own folder only. Those of
// google/protobuf need not be there. The file's text becomes the schema, so that
// several messages may share one; T's full name is the record's. [NewSet] reports a file that is not what T
// was generated from.
//
// Values are pointers, and are not to be changed. Fields are read by their numbers, as Protobuf has it: a
// field that T lacks is kept as unknown, one that the writer lacks has its default, and a number that an enum
// lacks is kept. Messages are written in a deterministic form.
func ProtobufRecord[T proto.Message](protos fs.FS) Type { return protobufRecordOf[T](protos) }

// protobufRecordOf is ProtobufRecord of a type that may be none.
func protobufRecordOf[T any](protos fs.FS) Type {
	goType := reflect.TypeFor[T]()
	t := &recordType{format: Protobuf, goType: goType}
	var zero T
	message, is := any(zero).(proto.Message)
	if !is || goType.Kind() != reflect.Pointer {
		t.err = fmt.Errorf("%v is no message that protoc-gen-go has generated, such as *pb.ReadingTaken",
			goType)
		return Type{t}
	}
	desc := message.ProtoReflect().Descriptor()
	t.name = string(desc.Name())
	t.fullName = string(desc.FullName())
	t.text, t.imports, t.err = protoTexts(protos, desc.ParentFile())
	t.stale = func(parsed *protobuf.Type) error {
		if err := difference(desc, parsed.Descriptor()); err != nil {
			return fmt.Errorf("%v was generated from another %s: %w; generate it again",
				goType, desc.ParentFile().Path(), err)
		}
		return nil
	}
	t.encode = func(dst []byte, own *reading, v any) ([]byte, error) {
		m, is := v.(proto.Message)
		if !is || !m.ProtoReflect().IsValid() {
			return dst, fmt.Errorf("cannot encode a nil %v", goType)
		}
		return proto.MarshalOptions{Deterministic: true}.MarshalAppend(append(dst, own.indexes...), m)
	}
	t.decode = func(r *reading, data []byte) (any, []byte, error) {
		_, data, err := protobuf.SplitIndexes(data)
		if err != nil {
			return nil, nil, err
		}
		if limit := r.limits.ExpandedBytes; limit > 0 {
			if err := r.protobuf.CheckGrowth(data, limit); err != nil {
				return nil, nil, err
			}
		}
		m := message.ProtoReflect().New().Interface()
		if err := (proto.UnmarshalOptions{RecursionLimit: maxProtobufDepth}).Unmarshal(data, m); err != nil {
			return nil, nil, err
		}
		return m, nil, nil
	}
	return Type{t}
}

// named returns the type if it is as the options have it, which its .proto file has decided.
func (t Type) named(o StructOptions) Type {
	switch {
	case t.err != nil:
	case o.Name != "" && o.Name != t.name:
		t.err = fmt.Errorf("%v is the message %s; must be %s", t.goType, t.fullName, o.Name)
	case o.Revision != 0:
		t.err = fmt.Errorf("%v has the revision %d, for which Protobuf has no place: a message that means "+
			"something else needs a name of its own", t.goType, o.Revision)
	}
	return t
}

// protoTexts returns the text of a file, and of all that it imports but for the library's files.
func protoTexts(protos fs.FS, file protoreflect.FileDescriptor) (string, map[string]string, error) {
	if protos == nil {
		return "", nil, errors.New("the .proto files are missing")
	}
	text, err := readProto(protos, file.Path())
	if err != nil {
		return "", nil, fmt.Errorf("the .proto file of the generated code: %w", err)
	}
	imports := map[string]string{}
	var collect func(protoreflect.FileImports)
	collect = func(all protoreflect.FileImports) {
		for i := range all.Len() {
			path := all.Get(i).Path()
			if _, known := imports[path]; known {
				continue
			}
			if imported, err := readProto(protos, path); err == nil { // the parser names those that it lacks
				imports[path] = imported
			}
			collect(all.Get(i).Imports())
		}
	}
	collect(file.Imports())
	return text, imports, nil
}

// readProto reads a file under its path, or under the longest end of it that there is.
func readProto(protos fs.FS, path string) (string, error) {
	var first error
	for end := path; ; {
		text, err := fs.ReadFile(protos, end)
		if err == nil {
			return string(text), nil
		}
		first = cmp.Or(first, err)
		_, rest, more := strings.Cut(end, "/")
		if !more {
			return "", first //nolint:wrapcheck // it names the path
		}
		end = rest
	}
}
