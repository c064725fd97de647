// Package jsonschema reads and checks JSON records by their JSON Schema (draft 7 to 2020-12), and makes the
// schemas of Go structs. It knows no registry and no Kafka; package codecs builds on it.
//
// Validation is santhosh-tekuri/jsonschema's. The schema of a struct is made by huma, which also describes
// the HTTP API, so that the same tags mean the same in both. A schema never loads anything: the schemas that
// it refers to are handed in.
package jsonschema
