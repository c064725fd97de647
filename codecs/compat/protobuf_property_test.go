package compat_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
	"pgregory.net/rapid"

	"refold/codecs/avrojson"
	"refold/codecs/compat"
	"refold/codecs/jsonvalue"
	"refold/codecs/protobuf"
)

// drawProto draws a file of the message R: from few names and numbers, so that two are often almost the same.
func drawProto(t *rapid.T) string {
	var b strings.Builder
	edition := one(t, "syntax", "proto3", "proto3", "proto2")
	fmt.Fprintf(&b, "syntax = %q; message R {", edition)
	label := func(kind string) string {
		if edition == "proto2" && kind == "R" { // one that requires itself has no end
			return one(t, "label", "optional ", "repeated ")
		}
		if edition == "proto2" {
			return one(t, "label", "optional ", "repeated ", "optional ", "required ")
		}
		return one(t, "label", "", "", "optional ", "repeated ")
	}
	kinds := []string{
		"bool", "int32", "int64", "uint32", "uint64", "sint32", "sint64", "fixed32", "sfixed64", "float",
		"double",
		"string", "bytes", "E", "In", "R", "F",
	}
	inOneof := rapid.Bool().Draw(t, "oneof")
	for i, name := range []string{"a", "b", "c", "d"} {
		number, kind := i+1, one(t, "kind", kinds...)
		switch rapid.IntRange(0, 7).Draw(t, "what") {
		case 0:
			continue
		case 1:
			number += 4
		}
		if i > 1 && inOneof {
			fmt.Fprintf(&b, "oneof o%d { %s %s = %d; }", i, kind, name, number)
			continue
		}
		fmt.Fprintf(&b, "%s%s %s = %d;", label(kind), kind, name, number)
	}
	if rapid.Bool().Draw(t, "both") {
		fmt.Fprintf(&b, "oneof pair { %s x = 9; %s y = 10; }", one(t, "x", kinds...), one(t, "y", kinds...))
	} else {
		x, y := one(t, "x", kinds...), one(t, "y", kinds...)
		fmt.Fprintf(&b, "%s%s x = 9; %s%s y = 10;", label(x), x, label(y), y)
	}
	fmt.Fprintf(&b, "map<%s, %s> m = 11; }", one(t, "key", "int32", "int64", "string"),
		one(t, "value", kinds...))
	kind := one(t, "inner", "int32", "int64", "string")
	if edition == "proto2" {
		kind = "optional " + kind
	}
	fmt.Fprintf(&b, "message In { %s %s = 1; }", kind, one(t, "name", "p", "q"))
	values := one(t, "values", "", "E_A = 1;", "E_A = 1; E_B = 2;", "E_A = 2;")
	fmt.Fprintf(&b, "enum E { E_0 = 0; %s } enum F { F_0 = 0; %s }", values,
		strings.ReplaceAll(values, "E_", "F_"))
	return b.String()
}

// drawData fills a message; an empty list, text and number are as likely as others.
func drawData(t *rapid.T, m protoreflect.Message, depth int) {
	for i := range m.Descriptor().Fields().Len() {
		f := m.Descriptor().Fields().Get(i)
		must := f.Cardinality() == protoreflect.Required
		if depth <= 0 && f.Message() != nil && !must || !must && rapid.Bool().Draw(t, "unset") {
			continue
		}
		switch {
		case f.IsMap():
			all := m.Mutable(f).Map()
			key := drawScalar(t, f.MapKey()).MapKey()
			if f.MapValue().Message() != nil {
				drawData(t, all.Mutable(key).Message(), depth-1)
			} else {
				all.Set(key, drawScalar(t, f.MapValue()))
			}
		case f.IsList():
			l := m.Mutable(f).List()
			for range rapid.IntRange(0, 2).Draw(t, "items") {
				if f.Message() != nil {
					drawData(t, l.AppendMutable().Message(), depth-1)
				} else {
					l.Append(drawScalar(t, f))
				}
			}
		case f.Message() != nil:
			drawData(t, m.Mutable(f).Message(), depth-1)
		default:
			m.Set(f, drawScalar(t, f))
		}
	}
}

func drawScalar(t *rapid.T, f protoreflect.FieldDescriptor) protoreflect.Value {
	n := one(t, "number", 0, 1, -1, 5, math.MaxInt32, math.MinInt32, math.MaxUint32, math.MaxInt64,
		math.MinInt64)
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(n != 0)
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return protoreflect.ValueOfInt32(int32(n))
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return protoreflect.ValueOfInt64(int64(n))
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return protoreflect.ValueOfUint32(uint32(n))
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return protoreflect.ValueOfUint64(uint64(n))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(float32(n))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(float64(n))
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(rapid.StringN(0, 3, -1).Draw(t, "text"))
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(rapid.SliceOfN(rapid.Byte(), 0, 3).Draw(t, "bytes"))
	default: // an enum
	}
	values := f.Enum().Values()
	return protoreflect.ValueOfEnum(values.Get(rapid.IntRange(0, values.Len()-1).Draw(t, "value")).Number())
}

// shown writes a message as numbers, texts and lists, by the numbers of fields that both messages have.
func shown(m protoreflect.Message, other protoreflect.MessageDescriptor) string {
	var all []string
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		theirs := other.Fields().ByNumber(f.Number())
		if theirs == nil {
			return true
		}
		var items []string
		switch {
		case f.IsMap():
			v.Map().Range(func(k protoreflect.MapKey, v protoreflect.Value) bool {
				value := theirs
				if theirs.IsMap() {
					value = theirs.MapValue()
				}
				items = append(items, k.String()+":"+shownScalar(f.MapValue(), v, value))
				return true
			})
			slices.Sort(items)
		case f.IsList():
			for i := range v.List().Len() {
				items = append(items, shownScalar(f, v.List().Get(i), theirs))
			}
		default:
			items = append(items, shownScalar(f, v, theirs))
		}
		// An empty value is the same as none, where presence is not recorded.
		if text := strings.Join(items, ","); strings.Trim(text, `0"{}`) != "" {
			all = append(all, fmt.Sprintf("%d=%s", f.Number(), text))
		}
		return true
	})
	slices.Sort(all)
	return "{" + strings.Join(all, " ") + "}"
}

func shownScalar(
	f protoreflect.FieldDescriptor, v protoreflect.Value, theirs protoreflect.FieldDescriptor,
) string {
	switch f.Kind() {
	case protoreflect.MessageKind:
		if theirs.Message() != nil {
			return shown(v.Message(), theirs.Message())
		}
		data, _ := proto.MarshalOptions{Deterministic: true}.Marshal(v.Message().Interface())
		return fmt.Sprintf("%q", data)
	case protoreflect.BoolKind:
		if v.Bool() {
			return "1"
		}
		return "0"
	case protoreflect.StringKind:
		return fmt.Sprintf("%q", v.String())
	case protoreflect.BytesKind:
		return fmt.Sprintf("%q", v.Bytes())
	case protoreflect.EnumKind:
		return fmt.Sprint(int32(v.Enum()))
	default:
		return fmt.Sprint(v.Interface())
	}
}

func parseProto(t *rapid.T, text string) *protobuf.Type {
	file, err := protobuf.Parse("", text, nil)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	m, err := file.Message(nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// If no break of the bytes is reported, they are read without loss of what both have; if none of the JSON is,
// that is read.
func TestCompatibleProtobufIsRead(t *testing.T) {
	compatible, broken := 0, 0
	rapid.Check(t, func(t *rapid.T) {
		written := drawProto(t)
		read := written
		if one(t, "another", true, true, false) {
			read = drawProto(t)
		}
		if one(t, "a piece of another", true, false) { // all but one field is the same
			read = strings.Replace(written,
				one(t, "from", "int32", "uint32", "string", "repeated", "optional", " E "),
				one(t, "to", "int64", "bytes", "", " In ", "bool"), 1)
		}
		w := parseProto(t, written)
		file, err := protobuf.Parse("", read, nil)
		if err != nil {
			return
		}
		r, err := file.Message(nil)
		if err != nil {
			t.Fatal(err)
		}
		found := compat.ReadProtobuf(w.File(), r.File(), compat.Backward)
		changes := compat.DiffProtobuf(w.File(), r.File())
		breaking := slices.ContainsFunc(changes, func(c compat.Change) bool { return !c.Backward })
		if breaking != (len(found) > 0) {
			t.Errorf("changes %+v, findings %v\nwritten %s\nread    %s", changes, found, written, read)
		}
		about := func(e compat.Encoding) bool {
			return slices.ContainsFunc(found, func(f compat.Finding) bool {
				return f.Kind != compat.KindNotReserved && strings.Contains(string(f.Encoding), string(e))
			})
		}
		if about(compat.Binary) {
			broken++
		} else {
			compatible++
		}
		m := dynamicpb.NewMessage(w.Descriptor())
		drawData(t, m, 2)
		data, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if !about(compat.Binary) {
			readBack(t, m, data, r, found, written, read)
		}
		if !about(compat.JSON) {
			readJSON(t, w, r, data, found, written, read)
		}
	})
	t.Logf("%d compatible, %d broken", compatible, broken)
	if min(compatible, broken) < 5 {
		t.Errorf("%d pairs are compatible, %d are not: too few of one", compatible, broken)
	}
}

func readBack(
	t *rapid.T, m *dynamicpb.Message, data []byte, r *protobuf.Type, found []compat.Finding, written,
	read string,
) {
	t.Helper()
	back := dynamicpb.NewMessage(r.Descriptor())
	if err := proto.Unmarshal(data, back); err != nil {
		t.Fatalf("%v, findings %v\nwritten %s\nread    %s", err, found, written, read)
	}
	if was, is := shown(m, r.Descriptor()), shown(back, m.Descriptor()); was != is {
		t.Fatalf("%s is read as\n%s, findings %v\nwritten %s\nread    %s", was, is, found, written, read)
	}
}

func readJSON(t *rapid.T, w, r *protobuf.Type, data []byte, found []compat.Finding, written, read string) {
	t.Helper()
	out, err := w.ToJSON(data, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	text, err := jsonvalue.Parse(out, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	_, mistakes, err := r.FromJSON(text, avrojson.Limits{Depth: 64})
	mistakes = slices.DeleteFunc(mistakes,
		func(m avrojson.Mistake) bool { return m.Found == "an unknown field" })
	if err != nil || len(mistakes) > 0 {
		t.Fatalf("%s: %v, %v, findings %v\nwritten %s\nread    %s", out, mistakes, err, found, written, read)
	}
}

// A file is compatible with itself.
func TestSameProtobuf(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := drawProto(t)
		if found := compat.CompareProtobuf(parseProto(t, text).File(),
			parseProto(t, text).File()); len(found) > 0 {
			t.Fatalf("%v\n%s", found, text)
		}
	})
}
