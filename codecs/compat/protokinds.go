package compat

import (
	"math"
	"math/big"

	"google.golang.org/protobuf/reflect/protoreflect"
)

// fit says how the bytes of one kind of field are read as another.
type fit int

const (
	whole  fit = iota // as the same values
	cut               // as other values, if they are large, negative, or no text
	unlike            // not at all
)

// forms are the forms of integers on the wire: only those of one form are read as each other.
var forms = map[protoreflect.Kind]string{
	protoreflect.BoolKind: "varint", protoreflect.EnumKind: "varint",
	protoreflect.Int32Kind: "varint", protoreflect.Uint32Kind: "varint",
	protoreflect.Int64Kind: "varint", protoreflect.Uint64Kind: "varint",
	protoreflect.Sint32Kind: "zigzag", protoreflect.Sint64Kind: "zigzag",
	protoreflect.Fixed32Kind: "fixed32", protoreflect.Sfixed32Kind: "fixed32",
	protoreflect.Fixed64Kind: "fixed64", protoreflect.Sfixed64Kind: "fixed64",
}

// wire says how bytes of a writer's field are read as a reader's field, without what they hold.
func wire(w, r protoreflect.FieldDescriptor) fit {
	from, to := w.Kind(), r.Kind()
	switch {
	case from == to:
		return whole
	case forms[from] != "" && forms[from] == forms[to]:
		return integers(w, r)
	case from == protoreflect.StringKind && to == protoreflect.BytesKind,
		from == protoreflect.MessageKind && to == protoreflect.BytesKind:
		return whole
	case from == protoreflect.BytesKind && to == protoreflect.StringKind:
		return cut
	}
	return unlike
}

// integers compares ranges. A closed enum has the numbers of its names alone.
func integers(w, r protoreflect.FieldDescriptor) fit {
	if r.Kind() == protoreflect.EnumKind && r.Enum().IsClosed() || !within(w.Kind(), r.Kind()) {
		return cut
	}
	return whole
}

// within reports whether all integers of a kind are integers of another one.
func within(from, to protoreflect.Kind) bool {
	lowest, highest := rangeOf(from)
	low, high := rangeOf(to)
	return lowest.Cmp(low) >= 0 && highest.Cmp(high) <= 0
}

func rangeOf(kind protoreflect.Kind) (low, high *big.Int) {
	switch kind {
	case protoreflect.BoolKind:
		return big.NewInt(0), big.NewInt(1)
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind:
		return big.NewInt(0), big.NewInt(math.MaxUint32)
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return big.NewInt(math.MinInt64), big.NewInt(math.MaxInt64)
	case protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return big.NewInt(0), new(big.Int).SetUint64(math.MaxUint64)
	default:
		return big.NewInt(math.MinInt32), big.NewInt(math.MaxInt32)
	}
}

// jsonReads reports whether the JSON of a writer's field is read as a reader's field, without what they hold.
func jsonReads(w, r protoreflect.FieldDescriptor) bool {
	from, to := w.Kind(), r.Kind()
	if from == to {
		return true
	}
	number := func(kind protoreflect.Kind) bool {
		return forms[kind] != "" && kind != protoreflect.BoolKind && kind != protoreflect.EnumKind
	}
	_, high := rangeOf(from)
	small := number(from) && high.BitLen() <= 32 // written without quotes
	switch {
	case number(from) && number(to):
		return within(from, to)
	case to == protoreflect.EnumKind:
		return small && within(from, to) && !r.Enum().IsClosed()
	case to == protoreflect.DoubleKind:
		return small || from == protoreflect.FloatKind
	case from == protoreflect.EnumKind:
		return to == protoreflect.StringKind
	}
	return from == protoreflect.GroupKind && to == protoreflect.MessageKind ||
		from == protoreflect.MessageKind && to == protoreflect.GroupKind
}
