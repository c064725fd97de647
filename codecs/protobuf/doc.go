// Package protobuf reads Protobuf schemas as schema registries hold them, as texts of .proto files with their
// imports, and turns data of their messages into ProtoJSON and back. It needs no generated code, and opens no
// file. It knows no registry and no Kafka.
//
// Texts and data are foreign: everything has a limit, and nothing panics.
package protobuf
