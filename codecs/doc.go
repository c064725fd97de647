// Package codecs turns Go values into the bytes of Kafka records and back: Avro in the Confluent
// wire format, whose schemas live in a schema registry, and CloudEvents headers. It knows no
// aggregate.
//
// A [Set] is made of the record types that share a topic, each a Go struct with its Avro schema
// (see [Record]). It encodes a value by its Go type and decodes bytes by the schema they were
// written with, resolved to the schema of today, so that records of every older and newer schema
// that resolves are read. [Set.FromJSON] reads a value from JSON and reports every mistake at once;
// [Set.ToJSON] shows any record whose schema the registry knows. Both use package avrojson.
//
// A record that can't be decoded is one of two things, and never both. Poison is a [Malformed] value:
// these bytes will never decode, and the partition goes on without them. A fault wraps
// [ErrRegistryUnavailable]: nothing is known about the bytes yet, and they must be read again later.
//
// The hot path is typed and uses twmb/avro. Where there is no Go type, goavro writes the data.
package codecs
