// Package compattest has the tables of what is compatible in Avro, in Protobuf and in JSON Schema, rule by
// rule, with the expected verdicts. The tests of package compat try them against the checker, and Avro's
// against what twmb/avro resolves; the tests of package codecs try them against a real registry.
package compattest
