package avrotype

import "slices"

// maxDefaultBytes limits what one default may take in memory: with each level of records within records
// it may double.
const maxDefaultBytes = 1 << 20

// fillDefault fills in Default, or drops a default that is too large.
func (f *Field) fillDefault() {
	if !f.HasDefault {
		return
	}
	b := defaultBuilder{}
	native := b.value(f.Type, f.value, 0)
	if b.failed {
		f.HasDefault, f.DefaultCut = false, true
		return
	}
	f.Default, f.DefaultBytes = native, b.bytes
}

// defaultBuilder turns defaults, as twmb/avro gives them, into goavro's form.
type defaultBuilder struct {
	bytes  int  // roughly what the value takes in memory, and more than it takes encoded
	failed bool // it is too large, or not of its type
}

func (b *defaultBuilder) value(t *Type, v any, depth int) any {
	const header = 16
	b.bytes += header
	if depth > MaxDepth || b.bytes > maxDefaultBytes {
		b.failed = true
	}
	if b.failed {
		return nil
	}
	switch t.Kind {
	case Union:
		at := slices.IndexFunc(t.Branches, func(branch *Type) bool { return branch.accepts(v) })
		if at < 0 {
			b.failed = true
			return nil
		}
		return t.Branches[at].InUnion(b.value(t.Branches[at], v, depth+1))
	case Record:
		values, _ := v.(map[string]any)
		out := make(map[string]any, len(t.Fields))
		for i := range t.Fields {
			field := &t.Fields[i]
			value, has := values[field.Name]
			if !has {
				value = field.value
			}
			out[field.Name] = b.value(field.Type, value, depth+1)
		}
		return out
	case Array:
		items, _ := v.([]any)
		out := make([]any, len(items))
		for i, item := range items {
			out[i] = b.value(t.Items, item, depth+1)
		}
		return out
	case Map:
		values, _ := v.(map[string]any)
		out := make(map[string]any, len(values))
		for key, value := range values {
			b.bytes += header + len(key)
			out[key] = b.value(t.Items, value, depth+1)
		}
		return out
	}
	b.failed = !t.accepts(v)
	switch v := v.(type) {
	case string:
		b.bytes += len(v)
	case []byte:
		b.bytes += len(v)
	}
	return v
}

// InUnion returns a value of the type in goavro's form as a branch of a union.
func (t *Type) InUnion(v any) any {
	switch {
	case t.Kind == Null:
		return nil
	case t.Name != "":
		return map[string]any{t.Name: v}
	}
	return map[string]any{t.Kind: v}
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
