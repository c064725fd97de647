package testpb

import "embed"

// Protos are the files that the messages were generated from.
//
//go:embed *.proto
var Protos embed.FS
