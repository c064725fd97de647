// Package rules holds records to rules, and makes records of former versions into today's, by expressions in CEL
// (package expr). It works on Go structs by the names in their avro tags, and knows neither schemas nor a
// registry: a [Set] holds the records of one type to its rules, a [Mapping] makes a record of another one.
//
// The record is the variable message. Its fields have these types:
//
//	bool                                        bool
//	all kinds of integers                       int
//	float32, float64                            double
//	string, and types of strings, such as enums string
//	[]byte, [N]byte                             bytes
//	time.Time, time.Duration                    timestamp, duration
//	slices, arrays                              list
//	maps with texts as keys                     map
//	structs                                     a type of the struct's name
//	pointers                                    the same, or null
//	interfaces                                  dyn: known when it is evaluated
//
// Fields of other types, such as decimals (*big.Rat), can't be named. has(message.field) is true unless the field
// is null: a record has all its fields.
package rules
