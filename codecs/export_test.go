package codecs

// CheckJSON returns what is wrong with JSON of a schema that needs no Go type.
func CheckJSON(schema *Schema, data []byte, limits Limits) []Mistake {
	_, mistakes := newShape(schema.avro).check(data, limits)
	return mistakes
}

// ToJSON decodes data that was written with a schema.
func ToJSON(schema *Schema, data []byte) ([]byte, error) { return schema.toJSON(data) }
