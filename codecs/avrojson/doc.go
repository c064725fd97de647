// Package avrojson turns JSON into Avro data and back, and describes the JSON it takes as a JSON Schema.
// All three walk the same [avrotype.Type], so that they agree. It knows no registry and no Go types.
//
// The JSON is the one that people write. A union is its value, or null, without the branch's name. A field
// with a default may be left out. Bytes are a string of the characters U+0000 to U+00FF. A logical type is
// what it is stored as, such as milliseconds for timestamp-millis. Floats are numbers, or one of the
// strings "NaN", "Infinity" and "-Infinity".
package avrojson
