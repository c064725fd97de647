package codecs

import (
	"refold/codecs/avrojson"
	"refold/codecs/jsonvalue"
)

// CheckJSON reads JSON of a schema that needs no Go type, and returns what is wrong with it.
func CheckJSON(schema *Schema, data []byte, limits Limits) []avrojson.Mistake {
	text, err := jsonvalue.Parse(data, limits.RecordBytes)
	if err != nil {
		return []avrojson.Mistake{avrojson.SyntaxMistake(err)}
	}
	_, mistakes, err := schema.notation.fromJSON(text, avrojson.Limits{
		Depth: limits.JSONDepth, DefaultBytes: limits.ExpandedBytes,
	})
	if err != nil {
		return []avrojson.Mistake{{Found: err.Error()}}
	}
	return mistakes
}

// ToJSON decodes data that was written with a schema.
func ToJSON(schema *Schema, data []byte, limit int) ([]byte, error) {
	return schema.toJSON(data, limit)
}

// The cache's file, and what a program says it is not.
var (
	EncodeCache = encodeCache
	DecodeCache = decodeCache
	ErrNotCache = errNotCache
)

// Cached is the content of the cache's file.
type Cached = cached

// SealCache puts the line in front of a body that the cache's file begins with.
func SealCache(body []byte) []byte { return append(cacheHead(body), body...) }
