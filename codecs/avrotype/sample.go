package avrotype

import "encoding/binary"

// maxSampleDepth ends samples of recursive types.
const maxSampleDepth = 6

// AppendSample appends the Avro data of a small value with as little zero in it as possible: the last
// branch of a union that is not null, and an item in each array and map, up to a depth of 6.
func (t *Type) AppendSample(dst []byte) []byte { return t.appendSample(dst, 0) }

func (t *Type) appendSample(dst []byte, depth int) []byte {
	deep := depth >= maxSampleDepth
	switch t.Kind {
	case Boolean:
		return append(dst, 1)
	case Int, Long:
		return append(dst, 2) // 1, or the second symbol's place in time
	case Float:
		return append(dst, 0, 0, 0x80, 0x3f)
	case Double:
		return append(dst, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f)
	case Bytes, String:
		return t.appendSampleText(dst)
	case Enum:
		return append(dst, 0)
	case Fixed:
		return append(dst, make([]byte, t.Size)...)
	case Array, Map:
		if deep {
			return append(dst, 0)
		}
		dst = append(dst, 2)
		if t.Kind == Map {
			dst = append(dst, 2, 'k')
		}
		return append(t.Items.appendSample(dst, depth+1), 0)
	case Record:
		for _, field := range t.Fields {
			dst = field.Type.appendSample(dst, depth+1)
		}
	case Union:
		at := t.sampleBranch(deep)
		dst = binary.AppendVarint(dst, int64(at))
		return t.Branches[at].appendSample(dst, depth+1)
	}
	return dst
}

func (t *Type) sampleBranch(deep bool) int {
	null, at := -1, 0
	for i, branch := range t.Branches {
		if branch.Kind == Null {
			null = i
		} else {
			at = i
		}
	}
	if deep && null >= 0 && t.Branches[at].Kind == Record {
		return null
	}
	return at
}

func (t *Type) appendSampleText(dst []byte) []byte {
	text := "1" // a decimal as well as a string
	switch t.Logical {
	case "uuid":
		text = "00000000-0000-4000-8000-000000000001"
	case "big-decimal":
		text = "\x021\x00" // 1, with scale 0
	}
	return append(binary.AppendVarint(dst, int64(len(text))), text...)
}
