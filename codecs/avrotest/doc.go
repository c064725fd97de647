// Package avrotest checks schemas and Go types with two independent Avro libraries: what
// twmb/avro, which the hot path uses, writes, goavro must read, and the other way round. Every
// schema of an aggregate belongs in such a test.
package avrotest
