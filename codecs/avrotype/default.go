package avrotype

import (
	"encoding/binary"
	"maps"
	"math"
	"slices"
)

// maxDefaultBytes limits what one default may take, in memory and encoded: with each level of records
// within records it may double.
const maxDefaultBytes = 1 << 20

// encodeDefault fills in Default, or drops a default that is too large.
func (f *Field) encodeDefault() {
	if !f.HasDefault {
		return
	}
	e := defaultEncoder{}
	e.value(f.Type, f.value, 0)
	if e.failed {
		f.HasDefault = false
		return
	}
	f.Default, f.defaultMemory = e.out, e.memory
}

// defaultEncoder appends defaults, as twmb/avro gives them, as Avro data.
type defaultEncoder struct {
	out    []byte
	memory int  // roughly what the value takes, in bytes
	failed bool // it is too large, or not of its type
}

func (e *defaultEncoder) value(t *Type, v any, depth int) {
	const header = 16
	e.memory += header
	if depth > MaxDepth || max(e.memory, len(e.out)) > maxDefaultBytes {
		e.failed = true
	}
	if e.failed {
		return
	}
	switch t.Kind {
	case Union:
		at := slices.IndexFunc(t.Branches, func(branch *Type) bool { return branch.accepts(v) })
		if at < 0 {
			e.failed = true
			return
		}
		e.out = binary.AppendVarint(e.out, int64(at))
		e.value(t.Branches[at], v, depth+1)
	case Record:
		e.record(t, v, depth)
	case Array:
		items, _ := v.([]any)
		e.block(len(items))
		for _, item := range items {
			e.value(t.Items, item, depth+1)
		}
		e.end(len(items))
	case Map:
		values, _ := v.(map[string]any)
		e.block(len(values))
		for _, key := range slices.Sorted(maps.Keys(values)) {
			e.text(key)
			e.value(t.Items, values[key], depth+1)
		}
		e.end(len(values))
	default:
		e.plain(t, v)
	}
}

func (e *defaultEncoder) record(t *Type, v any, depth int) {
	values, _ := v.(map[string]any)
	for i := range t.Fields {
		field := &t.Fields[i]
		value, has := values[field.Name]
		if !has {
			value = field.value
		}
		e.value(field.Type, value, depth+1)
	}
}

// plain appends a value that holds no others.
func (e *defaultEncoder) plain(t *Type, v any) {
	e.failed = !t.accepts(v)
	switch v := v.(type) {
	case bool:
		e.out = append(e.out, 0)
		if v {
			e.out[len(e.out)-1] = 1
		}
	case int32:
		e.out = binary.AppendVarint(e.out, int64(v))
	case int64:
		e.out = binary.AppendVarint(e.out, v)
	case float32:
		e.out = binary.LittleEndian.AppendUint32(e.out, math.Float32bits(v))
	case float64:
		e.out = binary.LittleEndian.AppendUint64(e.out, math.Float64bits(v))
	case []byte:
		if t.Kind == Bytes {
			e.out = binary.AppendVarint(e.out, int64(len(v)))
		}
		e.out = append(e.out, v...)
		e.memory += len(v)
	case string:
		if t.Kind == Enum {
			at := slices.Index(t.Symbols, v)
			e.failed = e.failed || at < 0
			e.out = binary.AppendVarint(e.out, int64(at))
			return
		}
		e.text(v)
	}
}

func (e *defaultEncoder) text(text string) {
	e.out = append(binary.AppendVarint(e.out, int64(len(text))), text...)
	e.memory += len(text)
}

// block begins a block of items. One of no items is the end of its array or map.
func (e *defaultEncoder) block(items int) { e.out = binary.AppendVarint(e.out, int64(items)) }

func (e *defaultEncoder) end(items int) {
	if items > 0 {
		e.out = append(e.out, 0)
	}
}

// accepts reports whether a default, as twmb/avro gives it, can be of this type.
func (t *Type) accepts(v any) bool {
	switch v.(type) {
	case nil:
		return t.Kind == Null
	case bool:
		return t.Kind == Boolean
	case int32:
		return t.Kind == Int
	case int64:
		return t.Kind == Long
	case float32:
		return t.Kind == Float
	case float64:
		return t.Kind == Double
	case string:
		return t.Kind == String || t.Kind == Enum
	case []byte:
		return t.Kind == Bytes || t.Kind == Fixed
	case []any:
		return t.Kind == Array
	case map[string]any:
		return t.Kind == Map || t.Kind == Record
	}
	return false
}
