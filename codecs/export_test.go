package codecs

// CheckJSON returns what is wrong with JSON of a schema that needs no Go type.
func CheckJSON(schema *Schema, data []byte, limits Limits) []Mistake {
	_, mistakes := schema.shape().check(data, limits)
	return mistakes
}

// ToJSON decodes data that was written with a schema.
func ToJSON(schema *Schema, data []byte, limit int) ([]byte, error) {
	return schema.toJSON(data, limit)
}

// FromJSON returns the bytes that goavro makes of JSON of a schema that needs no Go type.
func FromJSON(schema *Schema, data []byte, limits Limits) ([]byte, error) {
	dynamic, err := schema.dynamic()
	if err != nil {
		return nil, err
	}
	native, mistakes := dynamic.shape.check(data, limits)
	if len(mistakes) > 0 {
		return nil, &JSONError{Type: schema.Name, Mistakes: mistakes}
	}
	return dynamic.encode(native)
}
