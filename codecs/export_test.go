package codecs

// CheckJSON returns what is wrong with JSON of a schema that needs no Go type.
func CheckJSON(schema *Schema, data []byte, limits Limits) []Mistake {
	_, mistakes := newShape(schema.avro).check(data, limits)
	return mistakes
}
