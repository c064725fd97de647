package protobuf

import (
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/dynamicpb"
)

// The limits of samples.
const (
	maxSampleDepth  = 6
	maxSampleFields = 4096
)

// Sample returns the data of a small value with as little zero in it as possible: the first member of each
// oneof, and an item in each list and map, up to a depth of 6. Equal types give equal samples.
func (t *Type) Sample() []byte {
	m := dynamicpb.NewMessage(t.desc)
	s := sampler{left: maxSampleFields}
	s.message(m, 0)
	data, _ := proto.MarshalOptions{Deterministic: true, AllowPartial: true}.Marshal(m) // it is valid
	return data
}

type sampler struct{ left int } // of fields: messages that have others of many kinds grow without end

func (s *sampler) message(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	switch standardName(m.Descriptor()) {
	case anyName:
		return
	case fieldMaskName:
		m.Mutable(fields.ByNumber(1)).List().Append(protoreflect.ValueOfString("a"))
		return
	case valueName:
		m.Set(fields.ByName("string_value"), protoreflect.ValueOfString("1"))
		return
	}
	for i := range fields.Len() {
		f := fields.Get(i)
		o := f.ContainingOneof()
		if o != nil && o.Fields().Get(0) != f || s.left <= 0 && f.Cardinality() != protoreflect.Required {
			continue
		}
		deep := depth >= maxSampleDepth && f.Message() != nil
		if deep && (f.Cardinality() != protoreflect.Required || depth > 2*maxSampleDepth) {
			continue
		}
		s.left--
		s.field(m, f, depth)
	}
}

func (s *sampler) field(m protoreflect.Message, f protoreflect.FieldDescriptor, depth int) {
	switch {
	case f.IsList():
		l := m.Mutable(f).List()
		if isMessage(f) {
			s.message(l.AppendMutable().Message(), depth+1)
		} else {
			l.Append(sampleOf(f))
		}
	case f.IsMap():
		all := m.Mutable(f).Map()
		key := sampleOf(f.MapKey()).MapKey()
		if isMessage(f.MapValue()) {
			s.message(all.Mutable(key).Message(), depth+1)
		} else {
			all.Set(key, sampleOf(f.MapValue()))
		}
	case isMessage(f):
		s.message(m.Mutable(f).Message(), depth+1)
	default:
		m.Set(f, sampleOf(f))
	}
}

func sampleOf(f protoreflect.FieldDescriptor) protoreflect.Value {
	switch f.Kind() {
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(true)
	case protoreflect.StringKind:
		return protoreflect.ValueOfString("1")
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes([]byte("1"))
	case protoreflect.FloatKind:
		return protoreflect.ValueOfFloat32(1)
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(1)
	case protoreflect.EnumKind:
		values := f.Enum().Values()
		at := values.Get(0)
		for i := range values.Len() {
			if at.Number() == 0 {
				at = values.Get(i)
			}
		}
		return protoreflect.ValueOfEnum(at.Number())
	default:
		v, _ := integer(f.Kind(), "1")
		return v
	}
}
