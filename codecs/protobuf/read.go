package protobuf

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"

	"refold/codecs/avrojson"
	"refold/codecs/excerpt"
	"refold/codecs/jsonvalue"
)

// maxMistakes limits the list: JSON with a hundred mistakes was meant for something else.
const maxMistakes = 100

// FromJSON returns the data of the message that ProtoJSON describes: fields by their JSON names or by those
// in the file, integers as numbers or strings, enums by name or number, null for a field that has no value.
// If it describes none, FromJSON returns all mistakes, up to a hundred, in the order in which they stand
// there, missing required fields after the others of their message. Any other error is a bug, of the Protobuf
// library's or ours.
//
// Other than [protojson], it takes no float as a string of digits, no integer as a string with a fraction or
// an exponent, no extension and no google.protobuf.Any, and no time with an offset in the years 1 and 9999.
// Of the limits, Depth counts.
//
// [protojson]: https://protobuf.dev/programming-guides/json/
func (t *Type) FromJSON(text jsonvalue.Text, limits avrojson.Limits) (
	data []byte, mistakes []avrojson.Mistake, err error,
) {
	if err := text.CheckDepth(limits.Depth); err != nil {
		return nil, []avrojson.Mistake{avrojson.SyntaxMistake(err)}, nil
	}
	defer func() {
		if p := recover(); p != nil {
			data, mistakes, err = nil, nil, fmt.Errorf("panic in the Protobuf library: %v", p)
		}
	}()
	r := reader{in: text.Cursor()}
	m := dynamicpb.NewMessage(t.desc)
	r.message(m)
	if len(r.mistakes) > 0 {
		return nil, r.mistakes, nil
	}
	data, err = proto.MarshalOptions{Deterministic: true}.Marshal(m)
	return data, nil, err //nolint:wrapcheck // the caller says what was being done
}

// reader walks JSON and message side by side, and collects what does not fit.
type reader struct {
	in       jsonvalue.Cursor
	path     []string // with the dots and brackets between
	mistakes []avrojson.Mistake
}

func (r *reader) mistake(found, allowed string) {
	if len(r.mistakes) < maxMistakes {
		place := strings.TrimPrefix(strings.Join(r.path, ""), ".")
		r.mistakes = append(r.mistakes, avrojson.Mistake{Path: place, Found: found, Allowed: allowed})
	}
}

func (r *reader) enter(step string) { r.path = append(r.path, step) }
func (r *reader) leave()            { r.path = r.path[:len(r.path)-1] }

func memberStep(name string) string { return "." + excerpt.Of(name, maxFoundBytes) }

// misfit skips the next value, which is not what is allowed.
func (r *reader) misfit(allowed string) {
	value := r.in
	r.in.Skip()
	r.mistake(avrojson.Found(value), allowed)
}

// message reads the next value into a message.
func (r *reader) message(m protoreflect.Message) {
	desc := m.Descriptor()
	switch {
	case r.wellKnown(m):
	case r.in.Peek() != '{':
		r.misfit(describeMessage(desc))
	default:
		r.object(m)
	}
}

func (r *reader) object(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	seen := map[protoreflect.FieldNumber]bool{}  // has a member
	given := map[protoreflect.FieldNumber]bool{} // and that is not null
	chosen := map[protoreflect.OneofDescriptor]string{}
	for r.in.Enter(); r.in.More(); {
		name := string(r.in.Name())
		r.enter(memberStep(name))
		f := fieldNamed(fields, name)
		switch {
		case f == nil:
			r.in.Skip()
			r.mistake("an unknown field", describeMessage(m.Descriptor()))
		case seen[f.Number()]:
			r.in.Skip()
			r.mistake("the field again", "each field once")
		default:
			seen[f.Number()] = true
			if r.in.Peek() == 'n' && !takesNull(f) {
				r.in.Skip()
				break
			}
			given[f.Number()] = true
			r.chooses(f, name, chosen)
			r.field(m, f)
		}
		r.leave()
	}
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Cardinality() == protoreflect.Required && !given[f.Number()] {
			r.enter(memberStep(f.JSONName()))
			r.mistake("nothing", describeField(f))
			r.leave()
		}
	}
}

// fieldNamed finds a field by its JSON name, and if there is none by that in the file.
func fieldNamed(fields protoreflect.FieldDescriptors, name string) protoreflect.FieldDescriptor {
	if f := fields.ByJSONName(name); f != nil {
		return f
	}
	return fields.ByTextName(name)
}

// chooses refuses a second member of a oneof.
func (r *reader) chooses(
	f protoreflect.FieldDescriptor, name string, chosen map[protoreflect.OneofDescriptor]string,
) {
	o := f.ContainingOneof()
	if o == nil {
		return
	}
	if other, has := chosen[o]; has {
		r.mistake("a second choice of "+string(o.Name())+", beside "+other, "one of "+list(oneofNames(o)))
	}
	chosen[o] = name
}

func oneofNames(o protoreflect.OneofDescriptor) []string {
	names := make([]string, o.Fields().Len())
	for i := range names {
		names[i] = o.Fields().Get(i).JSONName()
	}
	return names
}

func (r *reader) field(m protoreflect.Message, f protoreflect.FieldDescriptor) {
	switch {
	case f.IsList():
		if r.in.Peek() != '[' {
			r.misfit("an array")
			return
		}
		r.list(m.Mutable(f).List(), f)
	case f.IsMap():
		if r.in.Peek() != '{' {
			r.misfit("an object")
			return
		}
		r.mapping(m.Mutable(f).Map(), f)
	case isMessage(f):
		r.message(m.Mutable(f).Message())
	default:
		if v, ok := r.scalar(f); ok {
			m.Set(f, v)
		}
	}
}

func (r *reader) list(l protoreflect.List, f protoreflect.FieldDescriptor) {
	i := 0
	for r.in.Enter(); r.in.More(); i++ {
		r.enter(fmt.Sprintf("[%d]", i))
		if isMessage(f) {
			r.message(l.AppendMutable().Message())
		} else if v, ok := r.scalar(f); ok {
			l.Append(v)
		}
		r.leave()
	}
}

func (r *reader) mapping(m protoreflect.Map, f protoreflect.FieldDescriptor) {
	seen := map[string]bool{}
	for r.in.Enter(); r.in.More(); {
		name := string(r.in.Name())
		r.enter(memberStep(name))
		key, ok := mapKey(f.MapKey(), name)
		switch {
		case seen[name]:
			r.in.Skip()
			r.mistake("the key again", "each key once")
		case !ok:
			r.in.Skip()
			r.mistake("the key "+excerpt.Quoted(name, maxFoundBytes),
				"a key that is "+describeField(f.MapKey()))
		case isMessage(f.MapValue()):
			r.message(m.Mutable(key).Message())
		default:
			if v, ok := r.scalar(f.MapValue()); ok {
				m.Set(key, v)
			}
		}
		seen[name] = true
		r.leave()
	}
}

func mapKey(f protoreflect.FieldDescriptor, name string) (protoreflect.MapKey, bool) {
	switch f.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(name).MapKey(), true
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(name == "true").MapKey(), name == "true" || name == "false"
	default: // an integer
		v, ok := integerText(f.Kind(), name)
		return v.MapKey(), ok
	}
}
