package protobuf

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/reflect/protoreflect"

	"refold/codecs/avrotype"
)

const (
	// memoryFactor is what a decoded message may take in memory, in times the limit of its JSON.
	memoryFactor = 16
	// messageBytes and itemBytes are what the library takes for a message, and for an item of a list.
	messageBytes = 256
	itemBytes    = 32
)

// CheckGrowth returns an error that wraps [avrotype.ErrTooLarge] if decoding data of the message would take
// more than limit bytes.
func (t *Type) CheckGrowth(data []byte, limit int) error { return checkGrowth(t.desc, data, limit) }

// checkGrowth walks through data before it is decoded: two bytes are an empty message, and one is an item of
// a packed list. It reports no mistakes of the data: the decoder does.
func checkGrowth(m protoreflect.MessageDescriptor, data []byte, limit int) error {
	const most = 1 << 40 // more than any machine has, and no overflow
	g := &growth{left: memoryFactor*min(limit, most) + messageBytes}
	g.message(m, data, 0)
	if g.left < 0 {
		return fmt.Errorf("%w: a few bytes stand for too many messages or items", avrotype.ErrTooLarge)
	}
	return nil
}

type growth struct{ left int }

func (g *growth) message(m protoreflect.MessageDescriptor, data []byte, depth int) {
	g.left -= messageBytes
	for len(data) > 0 && depth <= avrotype.MaxDepth && g.left >= 0 {
		number, wire, n := protowire.ConsumeTag(data)
		if n < 0 {
			return
		}
		data = data[n:]
		f := m.Fields().ByNumber(number)
		n = protowire.ConsumeFieldValue(number, wire, data)
		if n < 0 {
			return
		}
		if f != nil {
			g.field(f, wire, data[:n], depth)
		}
		data = data[n:]
	}
}

func (g *growth) field(f protoreflect.FieldDescriptor, wire protowire.Type, value []byte, depth int) {
	g.left -= itemBytes
	switch {
	case isMessage(f) && wire == protowire.BytesType:
		content, _ := protowire.ConsumeBytes(value)
		g.message(f.Message(), content, depth+1)
	case isMessage(f) && wire == protowire.StartGroupType:
		g.message(f.Message(), value, depth+1) // up to the end group, which is no field
	case f.IsList() && wire == protowire.BytesType && f.Kind() != protoreflect.StringKind &&
		f.Kind() != protoreflect.BytesKind:
		content, _ := protowire.ConsumeBytes(value)
		g.left -= itemBytes * len(content) / smallestItem(f.Kind())
	}
}

// smallestItem is the least that an item of a packed list takes, in bytes.
func smallestItem(kind protoreflect.Kind) int {
	switch kind {
	case protoreflect.Fixed32Kind, protoreflect.Sfixed32Kind, protoreflect.FloatKind:
		return 4
	case protoreflect.Fixed64Kind, protoreflect.Sfixed64Kind, protoreflect.DoubleKind:
		return 8
	default:
		return 1
	}
}
