// Package codecs turns Go values into the bytes of Kafka records and back: Avro in the Confluent
// wire format, whose schemas live in a schema registry, and CloudEvents headers. It knows no
// aggregate.
//
// A [Set] is made of the record types that share a topic, each a Go struct with its Avro schema
// (see [Record]). It encodes a value by its Go type and decodes bytes by the schema they were
// written with, resolved to the schema of today, so that records of every older and newer schema
// that resolves are read. On the way in from people and other programs [Set.FromJSON] names every
// mistake at once; [Set.ToJSON] shows any record whose schema the registry knows.
//
// What cannot be decoded is of two kinds, and nothing is ever both. Poison is a [Malformed] value:
// these bytes will never decode, and the line goes on without them. A fault wraps
// [ErrRegistryUnavailable]: nothing is known about the bytes, and they are to be read again later.
//
// The hot path is typed and uses twmb/avro. JSON and everything else that is dynamic uses goavro.
package codecs
