package protobuf

import (
	"encoding/base64"
	"math"
	"strconv"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/jsonvalue"
)

// scalar reads a value that is no message. If the next value is not of the field, it is skipped.
func (r *reader) scalar(f protoreflect.FieldDescriptor) (protoreflect.Value, bool) {
	before := r.in
	if c := r.in.Peek(); c != '{' && c != '[' {
		if v, ok := parseScalar(f, r.in.Token()); ok {
			return v, true
		}
	}
	r.in = before
	r.misfit(describeField(f))
	return protoreflect.Value{}, false
}

func parseScalar(f protoreflect.FieldDescriptor, token []byte) (v protoreflect.Value, ok bool) {
	text, isText := "", token[0] == '"'
	if isText {
		text = string(jsonvalue.Unquote(token))
	}
	isNumber := token[0] == '-' || token[0] >= '0' && token[0] <= '9'
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(token[0] == 't'), token[0] == 't' || token[0] == 'f'
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(text), isText
	case protoreflect.BytesKind:
		b, ok := parseBytes(text)
		return protoreflect.ValueOfBytes(b), ok && isText
	case protoreflect.EnumKind:
		return parseEnum(f.Enum(), token, text)
	case protoreflect.FloatKind, protoreflect.DoubleKind:
		return parseFloat(f.Kind(), token, text, isText, isNumber)
	default: // an integer
	}
	switch {
	case isText:
		return integerText(f.Kind(), text)
	case isNumber:
		return integer(f.Kind(), string(token))
	}
	return v, false
}

// bitsOf returns the size of an integer, and whether it has a sign.
func bitsOf(kind protoreflect.Kind) (bits int, signed bool) {
	switch kind {
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return 64, true
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return 32, false
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return 64, false
	default:
		return 32, true
	}
}

// integerText reads an integer from a string: its digits, and no more.
func integerText(kind protoreflect.Kind, text string) (protoreflect.Value, bool) {
	if !matches(integerPattern(bitsOf(kind)), text) {
		return protoreflect.ValueOfString(""), false
	}
	return integer(kind, text)
}

func integer(kind protoreflect.Kind, number string) (protoreflect.Value, bool) {
	bits, signed := bitsOf(kind)
	if signed {
		n, ok := jsonvalue.ParseInteger(number, bits)
		if bits == 32 {
			return protoreflect.ValueOfInt32(int32(n)), ok
		}
		return protoreflect.ValueOfInt64(n), ok
	}
	n, ok := jsonvalue.ParseUnsigned(number, bits)
	if bits == 32 {
		return protoreflect.ValueOfUint32(uint32(n)), ok
	}
	return protoreflect.ValueOfUint64(n), ok
}

func parseFloat(kind protoreflect.Kind, token []byte, text string, isText, isNumber bool) (
	v protoreflect.Value, ok bool,
) {
	var n float64
	bits := 64
	if kind == protoreflect.FloatKind {
		bits = 32
	}
	switch {
	case isText:
		n, ok = jsonvalue.NotFinite[text]
	case isNumber:
		n, ok = jsonvalue.ParseFloat(string(token), bits)
	}
	if bits == 32 {
		return protoreflect.ValueOfFloat32(float32(n)), ok
	}
	return protoreflect.ValueOfFloat64(n), ok
}

func parseEnum(e protoreflect.EnumDescriptor, token []byte, text string) (v protoreflect.Value, ok bool) {
	var number protoreflect.EnumNumber
	switch token[0] {
	case '"':
		known := e.Values().ByName(protoreflect.Name(text))
		if known == nil {
			return v, false
		}
		number = known.Number()
	case 'n': // null, which only google.protobuf.NullValue gets here
		ok = standardName(e) == nullName
		return protoreflect.ValueOfEnum(0), ok
	case 't', 'f':
		return v, false
	default:
		n, whole := jsonvalue.ParseInteger(string(token), 32)
		number = protoreflect.EnumNumber(n)
		if !whole || knownOnly(e) && e.Values().ByNumber(number) == nil {
			return v, false
		}
	}
	return protoreflect.ValueOfEnum(number), true
}

// knownOnly reports whether only the numbers of an enum's names are values of it.
func knownOnly(e protoreflect.EnumDescriptor) bool {
	return e.IsClosed() || standardName(e) == nullName
}

// parseBytes reads base64 of the usual or of the URL's alphabet, padded or not.
func parseBytes(text string) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") { // which the library passes over
		return nil, false
	}
	encoding := base64.StdEncoding
	if strings.ContainsAny(text, "-_") {
		encoding = base64.URLEncoding
	}
	if len(text)%4 != 0 {
		encoding = encoding.WithPadding(base64.NoPadding)
	}
	b, err := encoding.DecodeString(text)
	return b, err == nil
}

// describeField says in words what a field, an item or a key may be.
func describeField(f protoreflect.FieldDescriptor) string {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.StringKind:
		return "a string"
	case protoreflect.BytesKind:
		return "bytes as a string in base64"
	case protoreflect.FloatKind:
		return "a number within the range of a 32-bit float"
	case protoreflect.DoubleKind:
		return "a number within the range of a 64-bit float"
	case protoreflect.EnumKind:
		names := make([]string, f.Enum().Values().Len())
		for i := range names {
			names[i] = string(f.Enum().Values().Get(i).Name())
		}
		return "one of " + list(names)
	case protoreflect.MessageKind, protoreflect.GroupKind:
		return describeMessage(f.Message())
	default: // an integer
	}
	bits, signed := bitsOf(f.Kind())
	switch {
	case !signed:
		return "a whole number from 0 to " + strconv.FormatUint(math.MaxUint64>>(64-bits), 10)
	case bits == 32:
		return "a whole number from -2147483648 to 2147483647"
	}
	return "a whole number from -9223372036854775808 to 9223372036854775807"
}
