// Package compat compares versions of a schema: can a program with one of them read what a program
// with the other one writes? For Avro it follows the specification 1.12, "Schema Resolution", as twmb/avro
// resolves, and finds every break at once: where it is, which rule it breaks, and what would be compatible
// instead. It knows no registry and no Go types.
//
// On two points the verdict is stricter than twmb/avro; such a finding is [Finding.Silent]. First, logical
// types: the specification ignores all of them except decimal. A change from one logical type to another
// one, such as from milliseconds to microseconds, is a break: every byte is read, and every value is wrong.
// So is a decimal that becomes plain bytes, or the other way round: its scale is lost. To add any other
// logical type to a plain type, or to drop it, is compatible: the values stay as they are. Second, a field
// whose type is a union that begins with null: twmb/avro takes null for its default if it has none. The
// specification does not, and Java refuses.
//
// Versions of Protobuf files and of JSON Schemas are compared by the rules of these formats: see
// [CompareProtobuf] and [CompareJSONSchemas]. [CheckFormat] checks a history of any format.
package compat
