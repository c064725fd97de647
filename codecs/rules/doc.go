// Package rules holds records to rules, and makes records of former versions into today's, by expressions in
// CEL (package expr). It works on Go structs by the names in their tags, and knows neither schemas nor a
// registry: a [Set] holds the records of one type to its rules, a [Mapping] makes a record of another one.
//
// The record is the variable message. Its fields have these types:
//
//	bool                                        bool
//	all kinds of integers                       int
//	float32, float64                            double
//	string, and types of strings, such as enums string
//	[]byte, [N]byte                             bytes
//	time.Time, timestamppb.Timestamp            timestamp
//	time.Duration, durationpb.Duration          duration
//	slices, arrays                              list
//	maps with texts as keys                     map
//	structs                                     a type of the struct's name
//	pointers                                    the same, or null
//	interfaces                                  dyn: known when it is evaluated
//
// A field has the name that its schema has for it: that of its avro tag; in a struct without any, that of its
// protobuf or its json tag. Fields of other types, such as decimals (*big.Rat) and Protobuf's oneof, can't be
// named. has(message.field) is true unless the
// field is null: a record has all its fields.
package rules
