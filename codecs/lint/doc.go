// Package lint holds schemas of Avro, Protobuf and JSON Schema to rules that no compiler has: that every
// record and field is documented, that money is no floating-point number, that a time is one to every reader,
// and that names are written one way. All readers of the records depend on the schema for ever. The package
// knows no registry and no Go types.
package lint
