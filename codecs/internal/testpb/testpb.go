// Package testpb has messages for the tests of package codecs. Its code is made by "make protobuf".
package testpb

import "embed"

// Protos are the files that the messages were generated from.
//
//go:embed *.proto
var Protos embed.FS
